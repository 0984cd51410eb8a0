//! What the commands print to the output and to the error output.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{command, post, run, stack};

/// A program that runs until the test ends, and the lines of its output.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// The lines up to the first one with this text.
    fn until(&self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{lines:#?}"));
            lines.push(line.clone());
            if line.contains(text) {
                return lines;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_on_several_pages_are_printed_as_one_document() {
    let (_local, url) = stack().await;
    for number in 0..105 {
        let body = json!({ "requestId": format!("r-{number}"), "deviceIds": [{ "id": "5550100107", "kind": "mdn" }],
                           "deviceResponse": { "usageResponse": { "bytes": number } }, "status": "Success" });
        post(&url, "DeviceUsage", &body).await;
    }
    let (code, out, error) = run(command(&["devices", "show", "mdn:5550100107", "--events", "--local", &url])).await;
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Vec<Value>>(&out).unwrap().len(), 105);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_on_several_pages_are_printed_as_one_document() {
    let (_local, url) = stack().await;
    let devices: Vec<_> =
        (0..1005).map(|number| json!({ "id": format!("9900{number:011}"), "kind": "imei" })).collect();
    let body = json!({ "requestId": "r", "deviceIds": devices, "deviceResponse": {}, "status": "Success" });
    post(&url, "DeviceService", &body).await;
    let (code, out, error) = run(command(&["requests", "show", "r", "--local", &url])).await;
    assert_eq!((code, error.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["requestId"], document["results"].as_array().unwrap().len()), (&json!("r"), 1005));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_take_precedence_over_variables_and_an_empty_variable_counts_as_missing() {
    let (_local, url) = stack().await;
    let body = json!({ "requestId": "r", "deviceIds": [{ "id": "5550100107", "kind": "mdn" }], "deviceResponse": {} });
    post(&url, "DeviceUsage", &body).await;
    let show = ["devices", "show", "mdn:5550100107"];
    let mut with_variable = command(&[&show[..], &["--local", &url]].concat());
    with_variable.env("CALLBACKS_TABLE", "some-table");
    assert_eq!(run(with_variable).await.0, 0);

    let mut with_empty_variable = command(&show);
    with_empty_variable.env("CALLBACKS_TABLE", "");
    let (_, _, error) = run(with_empty_variable).await;
    assert!(!error.contains("table"), "{error}");

    let (code, _, error) = run(command(&[&show[..], &["--local", &url, "--table", "x"]].concat())).await;
    assert!(code == 2 && error.contains("cannot be used with"), "{error}");
    let (code, _, error) = run(command(&[&show[..], &["--table", ""]].concat())).await;
    assert!(code == 2 && error.contains("a value is required for '--table"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_kind_of_identifier_is_reported() {
    let (_local, url) = stack().await;
    let (code, _, error) = run(command(&["devices", "show", "phone:1", "--local", &url])).await;
    let expected = "Error: No device has this identifier. phone is not a kind that the platform documents \
                    (mdn, msisdn, min, iccid, imsi, imei, meid, esn, eid).\n";
    assert_eq!((code, error.as_str()), (1, expected));
    for known in ["mdn:1", "ID:1"] {
        let (_, _, error) = run(command(&["devices", "show", known, "--local", &url])).await;
        assert_eq!(error, "Error: No device has this identifier.\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_names_are_refused() {
    for arguments in [
        &["platform", "--account", ""][..],
        &["platform", "--password", ""],
        &["local", "--username", "", "--password", ""],
        &["local", "--username", "me", "--password", ""],
    ] {
        let (code, _, error) = run(command(arguments)).await;
        assert_eq!(code, 2, "{arguments:?} {error}");
    }
    let (code, _, error) = run(command(&["local", "--reset"])).await;
    assert!(code == 2 && error.contains("--data"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_user_is_one_line_even_with_backtraces() {
    let mut show = command(&["devices", "show", "mdn:1", "--local", "http://127.0.0.1:9"]);
    show.env("RUST_BACKTRACE", "1");
    let (code, _, error) = run(show).await;
    assert_eq!((code, error.lines().count()), (1, 1), "{error}");
    assert!(error.starts_with("Error: http://127.0.0.1:9 does not answer; is callbacks local running?"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn piped_output_has_no_colours() {
    let mut show = command(&["devices", "show", "mdn:1", "--table", "some-table"]);
    show.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env("AWS_REGION", "us-east-1");
    show.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
    let (code, _, error) = run(show).await;
    assert!(
        code == 1 && error.contains("cannot read the table 'some-table' in us-east-1") && !error.contains('\u{1b}'),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn local_prints_a_line_for_each_callback_and_seeds_itself() {
    let any = "127.0.0.1:0";
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let running = Running::start(&["local", "--listen", any, "--dynamodb", any, "--data", data, "--seed"]);
    let lines = tokio::task::spawn_blocking(move || running.until("sample messages sent")).await.unwrap();
    let has = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["Z ExternalProvisioningChanges meid:A2000009D6BFE1 SUSPEND ▶ 200 recorded"]), "{lines:#?}");
    assert!(has(&["Z CarrierService", "failed: ", "▶ 200 recorded"]), "{lines:#?}");
    assert!(has(&["Z provisioning-changes ◀ com.verizon.thingspace.external-provisioning-changes."]), "{lines:#?}");
    assert!(has(&["aws dynamodb scan --table-name callbacks"]) && has(&["--endpoint-url http://127.0.0.1:"]));
    let last = lines.last().unwrap();
    let numbers: Vec<_> = last.split(|letter: char| !letter.is_numeric()).filter(|part| !part.is_empty()).collect();
    assert!(numbers.len() == 2 && numbers[0] == numbers[1] && numbers[0] != "0", "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_prints_registrations_and_messages() {
    let (_local, url) = stack().await;
    let running = Running::start(&["platform", "--listen", "127.0.0.1:0"]);
    let started = running.until("/api/m2m/v1/callbacks/");
    let at = started[0].rsplit(' ').next().unwrap().to_owned();
    let account = "0000123456-00001";
    let service = ["--account", account, "--service", "DeviceUsage"];
    let registered = "https://example.com/callbacks";
    let mut register = command(&[&["register"], &service[..], &["--url", registered, "--no-credentials"]].concat());
    register.env("THINGSPACE_URL", format!("{at}/api"));
    register.env("THINGSPACE_USERNAME", "stand-in-user").env("THINGSPACE_PASSWORD", "stand-in-password");
    register.env("THINGSPACE_KEY", "stand-in-key").env("THINGSPACE_SECRET", "stand-in-secret");
    let (code, out, error) = run(register).await;
    assert_eq!(code, 0, "{out}{error}");
    let line = running.until("register DeviceUsage").pop().unwrap();
    let expected = format!("Z REST register DeviceUsage of {account} at {registered}/DeviceUsage ▶ done");
    assert!(line.ends_with(&expected), "{line}");

    let send = command(&[&["platform", "send", "--to", &at, "--count", "1", "--origin", &url], &service[..]].concat());
    assert_eq!(run(send).await.0, 0);
    let line = running.until("send DeviceUsage").pop().unwrap();
    assert!(line.ends_with("(device-usage/rest/1-usage.json) ▶ 200 acknowledged"), "{line}");
}
