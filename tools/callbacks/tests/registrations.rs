//! `callbacks register`, `registrations` and `deregister` as a script sees them: exit codes, tables, and nothing secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::process::{Command, Output};

use platform_simulator::{Options, Platform, start};

const ACCOUNT: &str = "0000123456-00001";
const STAYS: &str = "goes somewhere else: stays, without --take-over";
const BASE: &str = "https://example.com/v1/callbacks";

struct Desk {
    platform: Platform,
}

impl Desk {
    async fn new() -> Self {
        let options = Options { listen: "127.0.0.1:0".parse().unwrap(), ..Options::default() };
        Self { platform: start(options).await.unwrap() }
    }

    fn command(&self, api: &str, arguments: &[&str]) -> Command {
        self.at(api, BASE, arguments)
    }

    fn at(&self, api: &str, url: &str, arguments: &[&str]) -> Command {
        let mut command = self.bare(api, arguments);
        command.args(["--url", url]);
        command
    }

    fn bare(&self, api: &str, arguments: &[&str]) -> Command {
        let usual = Options::default();
        let path = if api == "rest" { "api" } else { "api/v2" };
        let mut command = Command::new(env!("CARGO_BIN_EXE_callbacks"));
        command.env_clear().args(arguments).args(["--api", api, "--account", ACCOUNT]);
        command.env("THINGSPACE_URL", format!("http://{}/{path}", self.platform.address));
        command.env("THINGSPACE_USERNAME", usual.username).env("THINGSPACE_PASSWORD", usual.password);
        command.env("THINGSPACE_KEY", usual.key).env("THINGSPACE_SECRET", usual.secret);
        command.env("CALLBACKS_USERNAME", "stack").env("CALLBACKS_PASSWORD", "hunter2");
        command
    }

    async fn says(&self, api: &str, arguments: &[&str]) -> (i32, String) {
        said(self.command(api, arguments)).await
    }
}

/// The exit code, and all that was printed. The platform runs in this process, so the wait for the program is a task.
async fn said(mut command: Command) -> (i32, String) {
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output { status, stdout, stderr } = ran.await.unwrap();
    let text = format!("{}{}", String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for secret in ["hunter2", "stand-in-password", "stand-in-secret"] {
        assert!(!text.contains(secret), "{text}");
    }
    (status.code().unwrap(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_compared_with_the_expected_ones() {
    let desk = Desk::new().await;
    for (api, count, there) in [("rest", 13, "as expected"), ("soap", 10, "as expected, credentials not shown")] {
        let (code, table) = desk.says(api, &["registrations"]).await;
        assert_eq!((code, table.lines().filter(|row| row.contains(" missing ")).count()), (1, count), "{table}");

        let (code, plan) = desk.says(api, &["register", "--all", "--dry-run"]).await;
        assert_eq!((code, plan.matches("would be registered (is missing)").count()), (1, count), "{plan}");
        assert_eq!(desk.says(api, &["registrations"]).await, (1, table), "a dry run changes nothing");

        let (code, done) = desk.says(api, &["register", "--all"]).await;
        assert_eq!((code, done.matches("registered (was missing)").count()), (0, count), "{done}");
        assert!(done.contains(&format!("{BASE}/DeviceUsage")), "{done}");
        let (code, table) = desk.says(api, &["registrations"]).await;
        assert_eq!((code, table.lines().filter(|row| row.contains(there)).count()), (0, count), "{table}");
        assert!(table.contains(&format!("{BASE}/DeviceUsage")), "{table}");

        let (code, plan) = desk.says(api, &["deregister", "--all", "--dry-run"]).await;
        assert_eq!((code, plan.matches("would be deregistered").count()), (0, count), "{plan}");
        let (code, done) = desk.says(api, &["deregister", "--all"]).await;
        assert_eq!((code, done.matches(" deregistered ").count()), (0, count), "{done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_listener_is_shown_and_not_deregistered() {
    let desk = Desk::new().await;
    let mut other = desk.at("rest", "https://elsewhere.example.com", &["register", "--service", "DeviceUsage"]);
    other.arg("--no-credentials");
    assert_eq!(said(other).await.0, 0);

    let (code, table) = desk.says("rest", &["registrations", "--service", "CarrierService"]).await;
    assert_eq!(code, 1, "{table}");
    assert!(table.contains("https://elsewhere.example.com/DeviceUsage") && table.contains("not compared"), "{table}");
    let (code, table) = desk.says("rest", &["registrations", "--service", "DeviceUsage"]).await;
    assert!(code == 1 && table.contains("somewhere else"), "{table}");
    let (code, done) = desk.says("rest", &["deregister", "--all"]).await;
    assert_eq!((code, done.matches("is not registered through this API").count()), (0, 12), "{done}");
    assert!(done.contains("goes somewhere else: stays"), "{done}");
    let (code, plan) = desk.says("rest", &["register", "--service", "DeviceUsage", "--dry-run"]).await;
    assert!(code == 1 && plan.contains(&format!("{STAYS}  https://elsewhere.example.com/DeviceUsage")), "{plan}");
    let (code, plan) = desk.says("rest", &["register", "--service", "DeviceUsage", "--dry-run", "--take-over"]).await;
    let moved = format!("would be registered (is at https://elsewhere.example.com/DeviceUsage)  {BASE}/DeviceUsage");
    assert!(code == 1 && plan.contains(&moved), "{plan}");
    // Neither a stack nor a URL is needed for this.
    let mut wherever = desk.bare("rest", &["deregister", "--service", "DeviceUsage", "--wherever"]);
    wherever.env_remove("CALLBACKS_USERNAME");
    let (code, done) = said(wherever).await;
    assert!(code == 0 && done.contains(" deregistered "), "{done}");
    let (_, table) = desk.says("rest", &["registrations", "--service", "DeviceUsage"]).await;
    assert!(table.contains(" missing "), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_takes_over_another_listener_only_with_a_flag() {
    let desk = Desk::new().await;
    let mut other = desk.at("rest", "https://elsewhere.example.com", &["register", "--service", "DeviceUsage"]);
    other.arg("--no-credentials");
    assert_eq!(said(other).await.0, 0);

    let (code, done) = desk.says("rest", &["register", "--all"]).await;
    assert_eq!((code, done.matches("registered (was missing)").count()), (1, 12), "{done}");
    assert!(done.contains(&format!("{STAYS}  https://elsewhere.example.com/DeviceUsage")), "{done}");
    let (code, table) = desk.says("rest", &["registrations"]).await;
    assert_eq!((code, table.matches("as expected").count()), (1, 12), "{table}");
    assert!(table.contains("https://elsewhere.example.com/DeviceUsage"), "{table}");

    let (code, done) = desk.says("rest", &["register", "--all", "--take-over"]).await;
    assert_eq!((code, done.matches("stays as it is").count()), (0, 12), "{done}");
    assert!(done.contains("registered (was at https://elsewhere.example.com/DeviceUsage)"), "{done}");
    assert_eq!(desk.says("rest", &["registrations"]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_region_or_stack_is_reported() {
    let desk = Desk::new().await;
    let bare = |region: Option<&str>| {
        let mut command = desk.bare("rest", &["registrations"]);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
        command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").envs(region.map(|region| ("AWS_REGION", region)));
        command.env_remove("CALLBACKS_USERNAME").env_remove("CALLBACKS_PASSWORD");
        command
    };
    let (code, text) = said(bare(None)).await;
    assert!(code == 3 && text.starts_with("Error: No AWS region is set."), "{text}");
    let (code, text) = said(bare(Some("us-east-1"))).await;
    let expected = "Error: the stack 'thingspace-callbacks' in us-east-1 cannot be described: ";
    assert!(code == 3 && text.starts_with(expected), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_distinguishes_an_invalid_command_from_an_unreachable_platform() {
    let desk = Desk::new().await;
    for wrong in [
        &["register"][..],
        &["register", "--all", "--service", "DeviceUsage"],
        &["register", "--service", "DeviceUse"],
        &["register", "--all", "--callback-password", "01234567890123456789012345678901234567890"],
        &["register", "--all", "--callback-password", "stand-in-password"],
        &["register", "--all", "--dry-run", "--callback-username", "stand-in-user"],
    ] {
        let (code, text) = desk.says("rest", wrong).await;
        assert_eq!(code, 2, "{text}");
    }
    let mut unknown = desk.command("rest", &["registrations"]);
    unknown.env_remove("THINGSPACE_USERNAME");
    let (code, text) = said(unknown).await;
    assert!(code == 2 && text.contains("set THINGSPACE_USERNAME"), "{text}");

    let mut query = desk.at("rest", "https://example.com/v1?key=1", &["register", "--all"]);
    query.arg("--no-credentials");
    assert_eq!(said(query).await.0, 2);
    let mut elsewhere = desk.command("soap", &["registrations"]);
    elsewhere.env("THINGSPACE_URL", format!("http://{}/api", desk.platform.address));
    let (code, text) = said(elsewhere).await;
    assert_eq!((code, &*text), (2, "Error: THINGSPACE_URL is the REST address; --api soap needs …/api/v2.\n"));
    let mut elsewhere = desk.command("rest", &["registrations"]);
    elsewhere.env("THINGSPACE_URL", format!("http://{}/api/v2", desk.platform.address));
    let (code, text) = said(elsewhere).await;
    assert_eq!((code, &*text), (2, "Error: THINGSPACE_URL is the SOAP address; --api rest needs …/api.\n"));
    let mut bare = desk.command("rest", &["registrations"]);
    bare.env("THINGSPACE_URL", format!("localhost:{}/api", desk.platform.address.port()));
    assert_eq!(said(bare).await.0, 1, "a scheme may be left out");
    let mut elsewhere = desk.command("rest", &["registrations"]);
    elsewhere.env("THINGSPACE_URL", format!("http://{}", desk.platform.address));
    let (code, text) = said(elsewhere).await;
    assert!(code == 3 && text.contains("the address is wrong"), "{text}");

    let mut down = desk.command("rest", &["registrations"]);
    down.env("THINGSPACE_URL", "http://127.0.0.1:1/api");
    let (code, text) = said(down).await;
    let expected = "Error: the platform cannot be reached: no answer from http://127.0.0.1:1: ";
    assert!(code == 3 && text.starts_with(expected), "{text}");
    let mut refused = desk.command("soap", &["register", "--all"]);
    refused.env("THINGSPACE_PASSWORD", "another");
    let (code, text) = said(refused).await;
    assert!(code == 3 && text.contains("five wrong passwords in a row lock the login"), "{text}");
    assert!(!text.contains(".;"), "{text}");

    assert_eq!(desk.says("soap", &["register", "--service", "DeviceUsage"]).await.0, 0);
    let (code, text) = desk.says("rest", &["register", "--all"]).await;
    assert!(code == 1 && text.contains("NOT registered: the platform refuses"), "{text}");
    assert_eq!(text.matches("registered (was missing)").count(), 12, "{text}");
    assert!(text.contains(&format!("callbacks registrations --account '{ACCOUNT}' --api soap")), "{text}");
    assert!(text.contains("--api soap --service <name> --wherever"), "{text}");
}
