//! `callbacks quarantine` on a local stack.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use http::HeaderMap;
use local_stack::{self as local, Local};
use queued_callback::{QueuedBody, QueuedCallback, Verification};
use serde_json::{Value, json};

use crate::{command, run};

const PASSWORD: &str = "hunter2-current";
const WRONG: &str = "hunter2-wrong";

struct Stack {
    _local: Local,
    url: String,
}

impl Stack {
    /// A stack that keeps its data in a directory and requires this password.
    async fn on(directory: &Path, password: &str) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let options = local::Options {
            listen: any,
            dynamodb: any,
            data: Some(directory.to_owned()),
            reset: false,
            seed: false,
            username: Some("platform".to_owned()),
            password: Some(password.to_owned()),
            allow: listener::AllowedAddresses::Any,
            quiet: true,
        };
        let local = local::start(options).await.unwrap();
        let url = format!("http://{}", local.address);
        Self { _local: local, url }
    }

    async fn post(&self, service: &str, content_type: &str, body: impl Into<String>) -> u16 {
        let request = reqwest::Client::new().post(format!("{}/callbacks/{service}", self.url));
        request.header("content-type", content_type).body(body.into()).send().await.unwrap().status().as_u16()
    }

    /// Posts a message of StateService that sets a state. Returns the status.
    async fn post_state(&self, mdn: &str, password: &str, state: &str) -> u16 {
        self.post("StateService", "application/json", state_body(mdn, password, state)).await
    }

    /// Runs `callbacks quarantine` with these arguments.
    async fn quarantine(&self, arguments: &[&str]) -> (i32, String, String) {
        run(command(&[&["quarantine"], arguments, &["--local", &self.url]].concat())).await
    }

    /// The entries that `list` prints.
    async fn list(&self) -> Vec<Value> {
        let (code, out, error) = self.quarantine(&["list", "--json"]).await;
        assert_eq!((code, error.as_str()), (0, ""));
        assert!(!out.contains("hunter2"), "{out}");
        serde_json::from_str(&out).unwrap()
    }

    async fn ids(&self) -> Vec<String> {
        self.list().await.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    }

    async fn get(&self, path: &str) -> Value {
        reqwest::get(format!("{}{path}", self.url)).await.unwrap().json().await.unwrap()
    }

    async fn events(&self, mdn: &str) -> Vec<Value> {
        self.get(&format!("/devices/mdn/{mdn}/events")).await.as_array().cloned().unwrap_or_default()
    }

    /// Sends a message to the quarantine itself.
    async fn send(&self, message: String) {
        let request = reqwest::Client::new().post(&self.url).header("x-amz-target", "AmazonSQS.SendMessage");
        let body = json!({ "QueueUrl": "http://local/quarantined-callbacks", "MessageBody": message });
        assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
    }
}

fn state_body(mdn: &str, password: &str, state: &str) -> String {
    let response = json!({ "goToStateResponse": { "stateName": state } });
    json!({ "username": "platform", "password": password, "requestId": format!("{mdn}-{state}"),
            "deviceIds": [{ "id": mdn, "kind": "mdn" }], "deviceResponse": response })
    .to_string()
}

fn queued(body: impl Into<Vec<u8>>) -> QueuedCallback {
    QueuedCallback {
        service: "DeviceUsage".to_owned(),
        received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        reason: "The body is over 1048576 bytes.".to_owned(),
        verification: Verification::Unverified,
        content_type: Some("application/json".to_owned()),
        source: None,
        piece: None,
        body: QueuedBody::new(body.into()),
    }
}

/// Bytes that can hardly be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(length).collect()
}

/// Forwards everything to a stack, except an action of SQS, which gets this answer. Returns its address, and whether the
/// action was called.
async fn proxy(url: &str, action: &'static str, answer: (u16, &'static str)) -> (String, Arc<AtomicBool>) {
    let (url, client, called) = (url.to_owned(), reqwest::Client::new(), Arc::new(AtomicBool::new(false)));
    let is_called = called.clone();
    let forward = async move |method: http::Method, uri: http::Uri, headers: HeaderMap, body: String| {
        let target = headers.get("x-amz-target").map(|target| target.to_str().unwrap()).unwrap_or_default();
        if target.ends_with(action) {
            called.store(true, Ordering::Relaxed);
            return (http::StatusCode::from_u16(answer.0).unwrap(), answer.1.to_owned());
        }
        let mut request = client.request(method, format!("{url}{uri}")).body(body);
        if !target.is_empty() {
            request = request.header("x-amz-target", target);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    let listen = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listen.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listen, Router::new().fallback(forward)).await.unwrap() });
    (address, is_called)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_callback_is_recorded_at_its_time_of_receipt_after_the_password_is_corrected() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), "hunter2-mistyped").await;
    assert_eq!(stack.post_state("5550100001", PASSWORD, "older").await, 401);
    assert_eq!(stack.post_state("5550100001", "hunter2-mistyped", "newer").await, 200);
    let listed = stack.list().await;
    let [entry] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(entry["credentials"], "unverified");
    assert_eq!(entry["reason"], "The user name or password is not the registered one.");
    let id = entry["id"].as_str().unwrap();

    let (code, out, _) = stack.quarantine(&["retry", id, "--wait"]).await;
    assert!(code == 1 && out.contains("1 callback retried, 0 not\n"), "{out}");
    let again = "quarantined again: The user name or password is not the registered one.";
    assert!(out.contains(again) && out.ends_with("0 callbacks recorded, 1 quarantined again\n"), "{out}");
    assert_eq!(stack.list().await[0]["receivedAt"], entry["receivedAt"]);
    drop(stack);

    let stack = Stack::on(directory.path(), PASSWORD).await;
    let (code, out, error) = stack.quarantine(&["retry", "--all", "--wait"]).await;
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.ends_with("1 callback retried, 0 not\n1 callback recorded, 0 quarantined again\n"), "{out}");
    let events = stack.events("5550100001").await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().any(|event| event["receivedAt"] == entry["receivedAt"]), "{events:?}");
    let device = stack.get("/devices/mdn/5550100001").await;
    assert_eq!(device["customState"]["values"]["stateName"], "newer");
    assert!(stack.list().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_its_first_brace_is_repaired_on_request_only() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), PASSWORD).await;
    let body = state_body("5550100002", PASSWORD, "a");
    assert_eq!(stack.post("StateService", "application/json", &body[1..]).await, 400);
    let id = stack.ids().await.remove(0);
    let (_, out, _) = stack.quarantine(&["show", &id]).await;
    assert!(out.contains("can be repaired  the missing first { is added\n"), "{out}");

    let (code, out, _) = stack.quarantine(&["retry", &id, "--repair", "--dry-run"]).await;
    assert!(code == 0 && out.contains("would be retried; the missing first { is added\n"), "{out}");
    assert_eq!(stack.ids().await, [id.as_str()]);
    let (code, out, _) = stack.quarantine(&["retry", &id, "--wait"]).await;
    assert!(code == 1 && out.contains("quarantined again: The JSON is not well-formed"), "{out}");
    let (code, out, _) = stack.quarantine(&["retry", "--service", "stateservice", "--repair", "--wait"]).await;
    assert!(code == 0 && out.contains("  retried; the missing first { is added\n"), "{out}");
    assert_eq!(stack.events("5550100002").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unverified_callbacks_are_recorded_if_the_operator_accepts_their_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), PASSWORD).await;
    assert_eq!(stack.post_state("5550100003", WRONG, "a").await, 401);
    let id = stack.ids().await.remove(0);
    let (code, out, error) = stack.quarantine(&["retry", &id, "--accept-credentials", "--wait"]).await;
    assert!(error.starts_with("Warning: the credentials of these callbacks are not checked"), "{error}");
    assert!(code == 0 && out.ends_with("1 callback recorded, 0 quarantined again\n"), "{out}");
    assert_eq!(stack.events("5550100003").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_masked_in_every_output_unless_requested() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), PASSWORD).await;
    let soap = format!(
        "<CallbackRequest><Username>platform</Username><Password>{WRONG}</Password><RequestId>r</RequestId></CallbackRequest>"
    );
    let json = state_body("5550100004", WRONG, "a");
    let bodies = [
        ("application/json", json.clone(), 401),
        ("text/xml", soap.clone(), 401),
        ("application/json", json[1..].to_owned(), 400),
        ("application/json", json[..json.len() - 1].to_owned(), 400),
        ("text/xml", soap[..60].to_owned(), 400),
        ("application/x-www-form-urlencoded", format!("username=platform&password={WRONG}"), 415),
    ];
    for (content_type, body, status) in bodies.clone() {
        assert_eq!(stack.post("CarrierService", content_type, body).await, status);
    }
    stack.send(format!("password {WRONG}")).await;
    let ids = stack.ids().await;
    assert_eq!(ids.len(), 7);
    let (_, table, _) = stack.quarantine(&["list"]).await;
    assert!(
        table.starts_with("ID  RECEIVED AT") && table.lines().count() == 8 && !table.contains("hunter2"),
        "{table}"
    );
    for id in &ids {
        let (code, out, error) = stack.quarantine(&["show", id]).await;
        assert!(code == 0 && !format!("{out}{error}").contains("hunter2") && out.contains("[masked"), "{out}{error}");
    }
    // The message in another format has no time of receipt, so it is the first.
    for (id, (_, body, _)) in ids[1..].iter().zip(bodies) {
        let (code, out, _) = stack.quarantine(&["show", id, "--secrets"]).await;
        assert!(code == 0 && out.ends_with(&format!("\n\n{body}")), "{out}");
    }
    let (code, out, _) = stack.quarantine(&["retry", "--all", "--repair", "--dry-run"]).await;
    assert!(
        code == 1 && out.contains("NOT retried: this is not a queued callback") && !out.contains("hunter2"),
        "{out}"
    );
    assert_eq!(stack.ids().await, ids, "all are visible");
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_deletes_the_selected_callbacks_only() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), PASSWORD).await;
    for (service, state) in [("StateService", "a"), ("StateService", "b"), ("DeviceService", "c")] {
        assert_eq!(stack.post(service, "application/json", state_body("5550100005", WRONG, state)).await, 401);
    }
    let ids = stack.ids().await;
    let (code, _, error) = stack.quarantine(&["drop", &ids[0]]).await;
    assert_eq!((code, error.as_str()), (2, "Error: without a terminal, --yes is required.\n"));
    assert_eq!(stack.ids().await, ids);
    let (code, out, _) = stack.quarantine(&["drop", &ids[1], "--yes"]).await;
    assert!(code == 0 && out.ends_with("1 callback deleted\n"), "{out}");
    assert_eq!(stack.ids().await, [ids[0].as_str(), &ids[2]]);
    let (code, out, _) = stack.quarantine(&["drop", &ids[1], "--yes"]).await;
    assert!(code == 1 && out.contains("is not in the quarantine"), "{out}");
    let (code, _, error) = stack.quarantine(&["show", &ids[1]]).await;
    assert!(code == 1 && error.contains("is not in the quarantine"), "{error}");
    assert_eq!(stack.quarantine(&["drop", "--service", "StateService", "--yes"]).await.0, 0);
    assert_eq!(stack.ids().await, [ids[2].as_str()]);
    assert_eq!(stack.quarantine(&["drop", "--all", "--yes"]).await.0, 0);
    assert_eq!(stack.quarantine(&["list"]).await.1, "no quarantined callbacks\n");
    assert_eq!(stack.quarantine(&["drop", "--yes"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ends_between_parking_and_deleting_loses_nothing_and_records_once() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), PASSWORD).await;
    for number in 0..3 {
        let body = state_body(&format!("555010001{number}"), PASSWORD, "a");
        assert_eq!(stack.post("StateService", "text/plain", body).await, 415);
    }
    let ids = stack.ids().await;
    let denied = (400, r#"{"__type":"com.amazonaws.sqs#AccessDenied"}"#);
    let (without_deletes, failed) = proxy(&stack.url, "DeleteMessage", denied).await;
    let retry = command(&["quarantine", "retry", "--all", "--repair", "--local", &without_deletes]);
    let (code, out, error) = run(retry).await;
    assert!(code == 3 && error.contains("a queue of callbacks failed: AccessDenied"), "{out}{error}");
    assert!(failed.load(Ordering::Relaxed) && out.ends_with("0 callbacks retried, 3 not\n"), "{out}");
    assert_eq!(stack.ids().await, ids, "all are visible");
    let (code, out, _) = stack.quarantine(&["retry", "--all", "--repair", "--wait"]).await;
    assert!(code == 0 && out.ends_with("3 callbacks recorded, 0 quarantined again\n"), "{out}");
    for number in 0..3 {
        assert_eq!(stack.events(&format!("555010001{number}")).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_pieces_is_one_callback_and_what_cannot_be_parked_stays() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), PASSWORD).await;
    let in_pieces = queued(noise(1024 * 1024));
    let truncated = queued(vec![b' '; 5_000_000]);
    for message in in_pieces.to_messages().into_iter().chain(truncated.to_messages()) {
        stack.send(message).await;
    }
    stack.send(queued(noise(1_000_000)).to_messages().remove(1)).await;
    let listed = stack.list().await;
    let mut entries: Vec<_> = listed.iter().map(|entry| (&entry["bytes"], &entry["messageIds"])).collect();
    entries.sort_by_key(|(_, ids)| ids[0].as_str());
    let expected = [
        (json!(1_048_576), json!(["1", "2"])),
        (json!(5_000_000), json!(["3", "4"])),
        (json!(1_000_000), json!(["5"])),
    ];
    assert_eq!(entries, expected.each_ref().map(|(bytes, ids)| (bytes, ids)));

    // Either id selects the callback.
    let show = run_bytes(&["quarantine", "show", "2", "--secrets", "--local", &stack.url]).await;
    assert!(show.ends_with(in_pieces.body()), "both pieces");
    let (code, out, _) = stack.quarantine(&["retry", "--all"]).await;
    assert_eq!(code, 1);
    for reason in
        ["does not fit into one message", "only the first 1433600 of 5000000 bytes", "pieces of its body are missing"]
    {
        assert!(out.contains(reason), "{out}");
    }
    assert!(out.ends_with("0 callbacks retried, 3 not\n"), "{out}");
    assert_eq!(stack.list().await.len(), 3);
    assert_eq!(stack.quarantine(&["drop", "2", "--yes"]).await.0, 0);
    assert_eq!(stack.list().await.len(), 2, "both pieces are deleted");
}

/// The output of the program, which is no text.
async fn run_bytes(arguments: &[&str]) -> Vec<u8> {
    let mut command = command(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap().stdout).await.unwrap()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_command_makes_the_messages_visible_again() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path(), PASSWORD).await;
    for state in ["a", "b"] {
        assert_eq!(stack.post_state("5550100006", WRONG, state).await, 401);
    }
    let ids = stack.ids().await;
    // A queue that never becomes empty: the command waits, and hides the other message.
    let never_empty = (200, r#"{"Attributes":{"ApproximateNumberOfMessages":"1"}}"#);
    let (never_empty, waits) = proxy(&stack.url, "GetQueueAttributes", never_empty).await;
    let arguments = ["quarantine", "retry", &ids[0], "--accept-credentials", "--wait", "--local", &never_empty];
    let child = command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !waits.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let killed = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(stack.ids().await, ids[1..]);
}
