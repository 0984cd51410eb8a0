//! `callbacks sms resume` in a script: exit codes, tables, and the delivery of queued SMS.

use std::process::Command;
use std::time::Duration;

use axum::Router;
use platform_simulator::{Options, Platform, start};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::run;

const ACCOUNT: &str = "0000123456-00001";
const OTHER: &str = "TestAccount-2";

async fn platform() -> Platform {
    start(Options { listen: "127.0.0.1:0".parse().unwrap(), ..Options::default() }).await.unwrap()
}

/// A command with the login of the simulator.
fn command(platform: &Platform, api: &str, arguments: &[&str]) -> Command {
    let usual = Options::default();
    let path = if api == "rest" { "api" } else { "api/v2" };
    let mut command = crate::command(arguments);
    command.args(["--api", api]).env("THINGSPACE_URL", format!("http://{}/{path}", platform.address));
    command.env("THINGSPACE_USERNAME", usual.username).env("THINGSPACE_PASSWORD", usual.password);
    command.env("THINGSPACE_KEY", usual.key).env("THINGSPACE_SECRET", usual.secret);
    command
}

async fn register(platform: &Platform, api: &str) {
    let service = ["register", "--account", ACCOUNT, "--service", "EnhancedConnectivityService"];
    let mut register = command(platform, api, &service);
    register.args(["--url", "https://example.com/callbacks", "--no-credentials"]);
    assert_eq!(run(register).await.0, 0);
}

/// A listener that accepts everything. Returns its origin.
async fn listener() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(|| async {})).await.unwrap() });
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_sms_are_sent_after_the_command_and_not_after_a_dry_run() {
    for api in ["rest", "soap"] {
        let (platform, origin) = (platform().await, listener().await);
        let client = reqwest::Client::new();
        let queue_url = format!("http://{}/_platform/sms", platform.address);
        let queue = async || reqwest::get(&queue_url).await.unwrap().json::<Vec<Value>>().await.unwrap().len();
        let sms = json!([{
            "id": "1", "account": ACCOUNT, "queuedAt": "2026-01-01T00:00:00Z", "file": "sms.json", "body": "{}",
            "route": { "origin": origin, "from": null, "passwordLag": 0 },
        }]);
        assert_eq!(client.post(&queue_url).json(&sms).send().await.unwrap().status(), 200);

        let resume = ["sms", "resume", "--account", ACCOUNT];
        let dry_run = [&resume[..], &["--dry-run"]].concat();
        let (code, out, error) = run(command(&platform, api, &dry_run)).await;
        let missing = format!("{ACCOUNT}  EnhancedConnectivityService is not registered through this API\n");
        assert_eq!((code, out, error), (1, missing, String::new()));
        register(&platform, api).await;
        let (code, out, error) = run(command(&platform, api, &dry_run)).await;
        let url = "https://example.com/callbacks/EnhancedConnectivityService";
        assert_eq!((code, out, error), (0, format!("{ACCOUNT}  would be requested, for {url}\n"), String::new()));
        assert_eq!(queue().await, 1);

        let (code, out, error) = run(command(&platform, api, &resume)).await;
        assert_eq!((code, out, error), (0, format!("{ACCOUNT}  requested\n"), String::new()));
        for _ in 0..200 {
            if queue().await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(queue().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_distinguishes_a_refused_account_from_an_unreachable_platform() {
    let platform = platform().await;
    let both = ["sms", "resume", "--account", "0000123456-00009", "--account", OTHER];
    for api in ["rest", "soap"] {
        let (code, out, error) = run(command(&platform, api, &both)).await;
        let [refused, requested] = &out.lines().collect::<Vec<_>>()[..] else { panic!("{out}") };
        assert!(refused.starts_with("0000123456-00009  NOT requested: the platform refuses: "), "{out}");
        assert_eq!((code, *requested, error.as_str()), (1, "TestAccount-2     requested", ""));

        let mut down = command(&platform, api, &both);
        down.env("THINGSPACE_URL", "http://127.0.0.1:1/");
        let (code, out, error) = run(down).await;
        assert!(code == 3 && out.contains("TestAccount-2     NOT requested: not attempted after that"), "{out}");
        assert!(error.starts_with("Error: the platform cannot be reached: "), "{error}");
    }
    let (code, _, error) = run(command(&platform, "rest", &["sms", "resume"])).await;
    assert!(code == 2 && error.contains("--account <NAME>"), "{error}");
    let mut refused = command(&platform, "rest", &["sms", "resume", "--account", ACCOUNT]);
    refused.env("THINGSPACE_PASSWORD", "hunter2");
    let (code, out, error) = run(refused).await;
    assert!(code == 3 && error.contains("five wrong passwords in a row lock the login"), "{out}{error}");
    assert!(!format!("{out}{error}").contains("hunter2"), "{out}{error}");
}
