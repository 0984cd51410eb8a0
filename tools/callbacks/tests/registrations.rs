//! `callbacks register`, `registrations` and `deregister` in a script: exit codes, tables, and no secrets in the
//! output.

use std::process::Command;

use platform_simulator::{Options, Platform, start};

use crate::run;

const ACCOUNT: &str = "0000123456-00001";
const STAYS: &str = "goes somewhere else: stays, without --take-over";
const BASE: &str = "https://example.com/v1/callbacks";

/// An operator of a running simulator.
struct Operator {
    platform: Platform,
}

impl Operator {
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
        let mut command = crate::command(arguments);
        command.args(["--api", api, "--account", ACCOUNT]);
        command.env("THINGSPACE_URL", format!("http://{}/{path}", self.platform.address));
        command.env("THINGSPACE_USERNAME", usual.username).env("THINGSPACE_PASSWORD", usual.password);
        command.env("THINGSPACE_KEY", usual.key).env("THINGSPACE_SECRET", usual.secret);
        command.env("CALLBACKS_USERNAME", "stack").env("CALLBACKS_PASSWORD", "hunter2");
        command
    }

    async fn run(&self, api: &str, arguments: &[&str]) -> (i32, String) {
        output_of(self.command(api, arguments)).await
    }
}

/// The exit code and everything that was printed, which must not contain a secret.
async fn output_of(command: Command) -> (i32, String) {
    let (code, output, error) = run(command).await;
    let text = output + &error;
    for secret in ["hunter2", "stand-in-password", "stand-in-secret"] {
        assert!(!text.contains(secret), "{text}");
    }
    (code, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_compared_with_the_expected_ones() {
    let operator = Operator::new().await;
    for (api, count, there) in [("rest", 13, "as expected"), ("soap", 10, "as expected, credentials not shown")] {
        let (code, table) = operator.run(api, &["registrations"]).await;
        assert_eq!((code, table.lines().filter(|row| row.contains(" missing ")).count()), (1, count), "{table}");

        let (code, plan) = operator.run(api, &["register", "--all", "--dry-run"]).await;
        assert_eq!((code, plan.matches("would be registered (is missing)").count()), (1, count), "{plan}");
        assert_eq!(operator.run(api, &["registrations"]).await, (1, table), "a dry run changes nothing");

        let (code, done) = operator.run(api, &["register", "--all"]).await;
        assert_eq!((code, done.matches("registered (was missing)").count()), (0, count), "{done}");
        assert!(done.contains(&format!("{BASE}/DeviceUsage")), "{done}");
        let (code, table) = operator.run(api, &["registrations"]).await;
        assert_eq!((code, table.lines().filter(|row| row.contains(there)).count()), (0, count), "{table}");
        assert!(table.contains(&format!("{BASE}/DeviceUsage")), "{table}");

        let (code, plan) = operator.run(api, &["deregister", "--all", "--dry-run"]).await;
        assert_eq!((code, plan.matches("would be deregistered").count()), (0, count), "{plan}");
        let (code, done) = operator.run(api, &["deregister", "--all"]).await;
        assert_eq!((code, done.matches(" deregistered ").count()), (0, count), "{done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_listener_is_shown_and_not_deregistered() {
    let operator = Operator::new().await;
    let mut other = operator.at("rest", "https://elsewhere.example.com", &["register", "--service", "DeviceUsage"]);
    other.arg("--no-credentials");
    assert_eq!(output_of(other).await.0, 0);

    let (code, table) = operator.run("rest", &["registrations", "--service", "CarrierService"]).await;
    assert_eq!(code, 1, "{table}");
    assert!(table.contains("https://elsewhere.example.com/DeviceUsage") && table.contains("not compared"), "{table}");
    let (code, table) = operator.run("rest", &["registrations", "--service", "DeviceUsage"]).await;
    assert!(code == 1 && table.contains("somewhere else"), "{table}");
    let (code, done) = operator.run("rest", &["deregister", "--all"]).await;
    assert_eq!((code, done.matches("is not registered through this API").count()), (0, 12), "{done}");
    assert!(done.contains("goes somewhere else: stays"), "{done}");
    let (code, plan) = operator.run("rest", &["register", "--service", "DeviceUsage", "--dry-run"]).await;
    assert!(code == 1 && plan.contains(&format!("{STAYS}  https://elsewhere.example.com/DeviceUsage")), "{plan}");
    let (code, plan) =
        operator.run("rest", &["register", "--service", "DeviceUsage", "--dry-run", "--take-over"]).await;
    let moved = format!("would be registered (is at https://elsewhere.example.com/DeviceUsage)  {BASE}/DeviceUsage");
    assert!(code == 1 && plan.contains(&moved), "{plan}");
    // Neither a stack nor a URL is needed for this.
    let mut wherever = operator.bare("rest", &["deregister", "--service", "DeviceUsage", "--wherever"]);
    wherever.env_remove("CALLBACKS_USERNAME");
    let (code, done) = output_of(wherever).await;
    assert!(code == 0 && done.contains(" deregistered "), "{done}");
    let (_, table) = operator.run("rest", &["registrations", "--service", "DeviceUsage"]).await;
    assert!(table.contains(" missing "), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_takes_over_another_listener_only_with_a_flag() {
    let operator = Operator::new().await;
    let mut other = operator.at("rest", "https://elsewhere.example.com", &["register", "--service", "DeviceUsage"]);
    other.arg("--no-credentials");
    assert_eq!(output_of(other).await.0, 0);

    let (code, done) = operator.run("rest", &["register", "--all"]).await;
    assert_eq!((code, done.matches("registered (was missing)").count()), (1, 12), "{done}");
    assert!(done.contains(&format!("{STAYS}  https://elsewhere.example.com/DeviceUsage")), "{done}");
    let (code, table) = operator.run("rest", &["registrations"]).await;
    assert_eq!((code, table.matches("as expected").count()), (1, 12), "{table}");
    assert!(table.contains("https://elsewhere.example.com/DeviceUsage"), "{table}");

    let (code, done) = operator.run("rest", &["register", "--all", "--take-over"]).await;
    assert_eq!((code, done.matches("stays as it is").count()), (0, 12), "{done}");
    assert!(done.contains("registered (was at https://elsewhere.example.com/DeviceUsage)"), "{done}");
    assert_eq!(operator.run("rest", &["registrations"]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_region_or_stack_is_reported() {
    let operator = Operator::new().await;
    let bare = |region: Option<&str>| {
        let mut command = operator.bare("rest", &["registrations"]);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
        command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").envs(region.map(|region| ("AWS_REGION", region)));
        command.env_remove("CALLBACKS_USERNAME").env_remove("CALLBACKS_PASSWORD");
        command
    };
    let (code, text) = output_of(bare(None)).await;
    assert!(code == 3 && text.starts_with("Error: no AWS region is set; set AWS_REGION"), "{text}");
    let (code, text) = output_of(bare(Some("us-east-1"))).await;
    let expected = "Error: the stack 'thingspace-callbacks' in us-east-1 cannot be described: ";
    assert!(code == 3 && text.starts_with(expected), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_distinguishes_an_invalid_command_from_an_unreachable_platform() {
    let operator = Operator::new().await;
    for invalid in [
        &["register"][..],
        &["register", "--all", "--service", "DeviceUsage"],
        &["register", "--service", "DeviceUse"],
        &["register", "--all", "--callback-password", "01234567890123456789012345678901234567890"],
        &["register", "--all", "--callback-password", "stand-in-password"],
        &["register", "--all", "--dry-run", "--callback-username", "stand-in-user"],
    ] {
        let (code, text) = operator.run("rest", invalid).await;
        assert_eq!(code, 2, "{text}");
    }
    let mut unknown = operator.command("rest", &["registrations"]);
    unknown.env_remove("THINGSPACE_USERNAME");
    let (code, text) = output_of(unknown).await;
    assert!(code == 2 && text.contains("set THINGSPACE_USERNAME"), "{text}");

    let mut query = operator.at("rest", "https://example.com/v1?key=1", &["register", "--all"]);
    query.arg("--no-credentials");
    assert_eq!(output_of(query).await.0, 2);
    let mut wrong_address = operator.command("soap", &["registrations"]);
    wrong_address.env("THINGSPACE_URL", format!("http://{}/api", operator.platform.address));
    let (code, text) = output_of(wrong_address).await;
    assert_eq!((code, &*text), (2, "Error: THINGSPACE_URL is the REST address; --api soap needs …/api/v2.\n"));
    let mut wrong_address = operator.command("rest", &["registrations"]);
    wrong_address.env("THINGSPACE_URL", format!("http://{}/api/v2", operator.platform.address));
    let (code, text) = output_of(wrong_address).await;
    assert_eq!((code, &*text), (2, "Error: THINGSPACE_URL is the SOAP address; --api rest needs …/api.\n"));
    let mut bare = operator.command("rest", &["registrations"]);
    bare.env("THINGSPACE_URL", format!("localhost:{}/api", operator.platform.address.port()));
    assert_eq!(output_of(bare).await.0, 1, "the scheme is optional");
    let mut wrong_address = operator.command("rest", &["registrations"]);
    wrong_address.env("THINGSPACE_URL", format!("http://{}", operator.platform.address));
    let (code, text) = output_of(wrong_address).await;
    assert!(code == 3 && text.contains("the address is wrong"), "{text}");

    let mut down = operator.command("rest", &["registrations"]);
    down.env("THINGSPACE_URL", "http://127.0.0.1:1/api");
    let (code, text) = output_of(down).await;
    let expected = "Error: the platform cannot be reached: no answer from http://127.0.0.1:1: ";
    assert!(code == 3 && text.starts_with(expected), "{text}");
    let mut refused = operator.command("soap", &["register", "--all"]);
    refused.env("THINGSPACE_PASSWORD", "another");
    let (code, text) = output_of(refused).await;
    assert!(code == 3 && text.contains("five wrong passwords in a row lock the login"), "{text}");
    assert!(!text.contains(".;"), "{text}");

    assert_eq!(operator.run("soap", &["register", "--service", "DeviceUsage"]).await.0, 0);
    let (code, text) = operator.run("rest", &["register", "--all"]).await;
    assert!(code == 1 && text.contains("NOT registered: the platform refuses"), "{text}");
    assert_eq!(text.matches("registered (was missing)").count(), 12, "{text}");
    assert!(text.contains(&format!("callbacks registrations --account '{ACCOUNT}' --api soap")), "{text}");
    assert!(text.contains("--api soap --service <name> --wherever"), "{text}");
}
