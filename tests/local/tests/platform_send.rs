//! `callbacks platform send`, to `callbacks local` and to scripted listeners.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use http::{HeaderMap, StatusCode};
use local_tests::{Stack, send_options, serve, simulator_options};
use platform_simulator::rules::{Api, Credentials};
use platform_simulator::send::{LedgerEntry, LedgerMessages, Report, Resend, Rubbish, SendOptions, send};
use platform_simulator::{Options, Platform, start};
use registry::SERVICES;
use serde_json::{Value, json};

const ACCOUNT: &str = "0000123456-00001";

/// A simulator that accepts any port, with a REST session.
struct Simulator {
    platform: Platform,
    client: reqwest::Client,
    bearer: String,
    session: String,
}

impl Simulator {
    async fn new() -> Self {
        let options = Options { any_port: true, ..simulator_options() };
        let platform = start(options).await.unwrap();
        let client = reqwest::Client::new();
        let url = |path: &str| format!("http://{}/api{path}", platform.address);
        let token = client
            .post(url("/ts/v1/oauth2/token"))
            .basic_auth("stand-in-key", Some("stand-in-secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let token: Value = token.send().await.unwrap().json().await.unwrap();
        let bearer = token["access_token"].as_str().unwrap().to_owned();
        let login = json!({ "username": "stand-in-user", "password": "stand-in-password" });
        let login = client.post(url("/m2m/v1/session/login")).bearer_auth(&bearer).json(&login);
        let login: Value = login.send().await.unwrap().json().await.unwrap();
        let session = login["sessionToken"].as_str().unwrap().to_owned();
        Self { platform, client, bearer, session }
    }

    async fn register(&self, service: &str, url: &str, password: &str) {
        let body = json!({ "name": service, "url": url, "username": "<listener>", "password": password });
        let path = format!("http://{}/api/m2m/v1/callbacks/{ACCOUNT}", self.platform.address);
        let request = self.client.post(path).bearer_auth(&self.bearer).header("VZ-M2M-Token", &self.session);
        assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
    }

    async fn register_all(&self, stack: &Stack) {
        for service in SERVICES {
            let url = format!("http://{}/callbacks/{}", stack.local.address, service.name);
            self.register(&service.name, &url, "a \"password\" & more").await;
        }
    }

    async fn deregister(&self, service: &str) {
        let path = format!("http://{}/api/m2m/v1/callbacks/{ACCOUNT}/name/{service}", self.platform.address);
        let request = self.client.delete(path).bearer_auth(&self.bearer).header("VZ-M2M-Token", &self.session);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    /// Options that send the sample messages of all services once, at a high rate.
    fn options(&self) -> SendOptions {
        send_options(&self.platform, ACCOUNT)
    }
}

/// A received request.
#[derive(Clone)]
struct Received {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The status of the response to the nth request, and its delay.
type Script = fn(&Received, usize) -> (u16, Duration);

struct ScriptedListener {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

async fn follow(State((script, requests)): State<(Script, Arc<Mutex<Vec<Received>>>)>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let (path, body) = (head.uri.to_string(), String::from_utf8(body.to_vec()).unwrap());
    let received = Received { path, headers: head.headers, body };
    let (status, after) = {
        let mut requests = requests.lock().unwrap();
        requests.push(received.clone());
        script(&received, requests.len())
    };
    tokio::time::sleep(after).await;
    StatusCode::from_u16(status).unwrap()
}

impl ScriptedListener {
    async fn listen(script: Script) -> Self {
        let received = Arc::default();
        let url = serve(Router::new().fallback(follow).with_state((script, Arc::clone(&received)))).await;
        Self { url, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Sends one message of DeviceUsage to a listener with this script. Returns the report, the received requests and the
/// duration.
async fn one_message(script: Script, resend: Resend) -> (Report, Vec<Received>, Duration) {
    let (simulator, listener) = (Simulator::new().await, ScriptedListener::listen(script).await);
    simulator.register("DeviceUsage", &format!("{}/usage", listener.url), "word").await;
    let started = Instant::now();
    let report = send(&SendOptions { count: Some(1), resend, ..simulator.options() }).await.unwrap();
    (report, listener.received(), started.elapsed())
}

#[tokio::test]
async fn all_messages_of_all_services_in_both_transports_are_acknowledged_and_recorded() {
    let (simulator, stack) = (Simulator::new().await, Stack::new().await);
    simulator.register_all(&stack).await;
    for transport in [Api::Rest, Api::Soap] {
        let report = send(&SendOptions { transport: Some(transport), ..simulator.options() }).await.unwrap();
        assert!(report.unacknowledged.is_empty(), "{report}");
        assert!(report.messages > 26 && report.acknowledged == report.messages, "{report}");
    }
    let published = async || {
        let (_, messages) = stack.get("/topics/messages").await;
        let services = messages.as_array().unwrap().iter().map(|message| &message["message"]["data"]["service"]);
        services.map(|service| service.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let expected: BTreeSet<_> = SERVICES.iter().map(|service| service.name.to_string()).collect();
    for _ in 0..200 {
        if published().await == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(published().await, expected);
    assert_eq!(stack.get("/quarantine/messages").await.1, json!([]));
}

#[tokio::test]
async fn duplicates_and_another_order_change_nothing_in_what_is_recorded() {
    let events = async |duplicates, reorder| {
        let (simulator, stack) = (Simulator::new().await, Stack::new().await);
        simulator.register_all(&stack).await;
        let options = SendOptions { transport: Some(Api::Soap), duplicates, reorder, ..simulator.options() };
        let report = send(&options).await.unwrap();
        assert!(report.unacknowledged.is_empty(), "{report}");
        assert_eq!(report.duplicates > 0, duplicates > 0.0);
        let rows = stack.rows().await;
        let receipts = rows.iter().filter(|row| row["pk"].as_s().unwrap().starts_with("RECEIPT#")).count();
        (report.messages, receipts)
    };
    assert_eq!(events(0.0, 0).await, events(1.0, 4).await);
}

#[tokio::test]
async fn each_of_many_devices_has_its_own_identifiers() {
    let (simulator, stack) = (Simulator::new().await, Stack::new().await);
    simulator.register_all(&stack).await;
    let only = vec!["DevicePRLInformation".to_owned()];
    let options = SendOptions { all: false, service: only, devices: 25, ..simulator.options() };
    let report = send(&options).await.unwrap();
    assert!(report.unacknowledged.is_empty() && report.messages % 25 == 0, "{report}");
    let rows = stack.rows().await;
    let devices = rows.iter().filter(|row| row["sk"].as_s().unwrap() == "STATE").count();
    assert_eq!(devices, 25);
}

#[tokio::test]
async fn a_message_has_the_format_of_the_platform() {
    let (simulator, listener) = (Simulator::new().await, ScriptedListener::listen(|_, _| (200, Duration::ZERO)).await);
    simulator.register("DeviceUsage", &format!("{}/usage?key=1", listener.url), "a \"word\" & more").await;
    let origin = format!("{}/stage/", listener.url).parse().unwrap();
    let (origin, from) = (Some(origin), Some("137.117.33.109".to_owned()));
    let options = SendOptions { count: Some(1), origin, from, ..simulator.options() };
    for transport in [Api::Rest, Api::Soap] {
        send(&SendOptions { transport: Some(transport), ..options.clone() }).await.unwrap();
    }
    let [rest, soap] = &listener.received()[..] else { panic!("two messages") };
    for (received, content_type) in [(rest, "application/json"), (soap, "text/xml; charset=utf-8")] {
        assert_eq!(received.path, "/stage/usage?key=1");
        assert_eq!(received.headers["user-agent"], "Verizon's callback service");
        assert_eq!(received.headers["content-type"], content_type);
        assert_eq!(received.headers["x-forwarded-for"], "137.117.33.109");
        assert!(!received.headers.contains_key("authorization") && !received.headers.contains_key("soapaction"));
    }
    let message = rest.json();
    assert_eq!((&message["username"], &message["password"]), (&json!("<listener>"), &json!("a \"word\" & more")));
    assert_eq!(message["callbackCount"], 1);
    assert!(soap.body.contains("<Username>&lt;listener&gt;</Username>"), "{}", soap.body);
    assert!(!message["requestId"].as_str().unwrap().starts_with("00000000-"), "the request id of the file is replaced");
}

#[tokio::test]
async fn a_message_sent_twice_to_a_slow_listener_is_acknowledged_once() {
    let slow: Script = |_, nth| (200, Duration::from_secs(if nth == 1 { 5 } else { 0 }));
    let (report, received, took) = one_message(slow, Resend::Measured).await;
    assert_eq!((report.messages, report.attempts, report.acknowledged), (1, 2, 1), "{report}");
    assert_eq!(report.statuses[&200], 2, "both responses are awaited");
    let count = |received: &Received| received.json()["callbackCount"].as_u64().unwrap();
    assert_eq!(received.iter().map(count).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(received[0].json()["requestId"], received[1].json()["requestId"]);
    assert!((5..7).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test]
async fn a_refused_message_is_resent_once_and_then_reported_as_unacknowledged() {
    let (report, received, took) = one_message(|_, _| (503, Duration::ZERO), Resend::Measured).await;
    assert_eq!((report.messages, report.attempts, report.acknowledged, received.len()), (1, 2, 0, 2), "{report}");
    assert!(took >= Duration::from_millis(1150) && took < Duration::from_secs(4), "{took:?}");
    let [given_up] = &report.unacknowledged[..] else { panic!("{report}") };
    assert_eq!(
        (given_up.service.as_str(), given_up.transport, given_up.last_status),
        ("DeviceUsage", Api::Rest, Some(503))
    );
    assert_eq!(received[0].json()["requestId"], given_up.request_id.as_deref().unwrap());
    assert!(report.to_string().contains(given_up.request_id.as_deref().unwrap()), "{report}");

    let (report, ..) = one_message(|_, nth| (if nth == 1 { 403 } else { 204 }, Duration::ZERO), Resend::Measured).await;
    assert_eq!((report.attempts, report.acknowledged, report.unacknowledged.len()), (2, 1, 0), "{report}");
}

#[tokio::test]
async fn there_are_three_documented_resends() {
    let (report, received, took) = one_message(|_, _| (500, Duration::ZERO), Resend::Documented).await;
    assert_eq!((report.attempts, report.statuses[&500], received.len()), (4, 4, 4), "{report}");
    assert!(took >= Duration::from_millis(600), "{took:?}");
    let (report, ..) =
        one_message(|_, nth| (if nth < 4 { 500 } else { 200 }, Duration::ZERO), Resend::Documented).await;
    assert_eq!((report.attempts, report.acknowledged), (4, 1), "{report}");
    let (report, ..) = one_message(|_, _| (500, Duration::ZERO), Resend::Never).await;
    assert_eq!((report.attempts, report.acknowledged), (1, 0), "{report}");
}

#[tokio::test]
async fn about_half_of_the_messages_carry_the_former_password_for_a_while() {
    let (simulator, listener) = (Simulator::new().await, ScriptedListener::listen(|_, _| (200, Duration::ZERO)).await);
    let url = format!("{}/usage", listener.url);
    simulator.register("DeviceUsage", &url, "former").await;
    simulator.register("DeviceUsage", &url, "current").await;
    let options = SendOptions { count: Some(60), ..simulator.options() };
    send(&options).await.unwrap();
    let passwords: Vec<_> = listener.received().iter().map(|received| received.json()["password"].clone()).collect();
    let former = passwords.iter().filter(|password| **password == "former").count();
    assert!((15..=45).contains(&former), "{former} of 60");
    assert!(
        passwords.iter().rposition(|password| password == "former")
            > passwords.iter().position(|word| word == "current")
    );

    listener.received.lock().unwrap().clear();
    send(&SendOptions { password_lag: 0, ..options }).await.unwrap();
    assert!(listener.received().iter().all(|received| received.json()["password"] == "current"));
}

#[tokio::test]
async fn a_changed_registration_takes_effect_while_messages_are_sent() {
    let (simulator, listener) = (Simulator::new().await, ScriptedListener::listen(|_, _| (200, Duration::ZERO)).await);
    simulator.register("DeviceUsage", &format!("{}/old", listener.url), "").await;
    simulator.register("PromoChanges", &format!("{}/promotions", listener.url), "").await;
    let options = SendOptions { count: Some(150), rate: 50.0, ..simulator.options() };
    let change = async {
        while listener.received().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        simulator.register("DeviceUsage", &format!("{}/new", listener.url), "").await;
        simulator.deregister("PromoChanges").await;
    };
    let (report, ()) = tokio::join!(send(&options), change);
    let report = report.unwrap();
    assert!(report.unacknowledged.is_empty() && report.not_registered > 0, "{report}");
    assert_eq!(report.messages + report.not_registered, 150);
    let paths: Vec<_> = listener.received().into_iter().map(|received| received.path).collect();
    assert!(paths.iter().any(|path| path == "/old") && paths.last().unwrap() == "/new", "{paths:?}");
}

#[tokio::test]
async fn the_report_counts_what_happened() {
    let script: Script = |received, _| match received.path.as_str() {
        "/usage" => (200, Duration::from_millis(50)),
        _ => (403, Duration::ZERO),
    };
    let (simulator, listener) = (Simulator::new().await, ScriptedListener::listen(script).await);
    simulator.register("DeviceUsage", &format!("{}/usage", listener.url), "").await;
    simulator.register("DevicePRLInformation", &format!("{}/prl", listener.url), "").await;
    simulator.register("StateService", "http://127.0.0.1:9/unreachable", "").await;
    let report = send(&SendOptions { resend: Resend::Never, ..simulator.options() }).await.unwrap();
    let received = |path| listener.received().iter().filter(|received| received.path == path).count() as u64;
    assert_eq!((report.statuses[&200], report.statuses[&403]), (received("/usage"), received("/prl")));
    assert!(report.unanswered > 0);
    assert_eq!(report.attempts, received("/usage") + received("/prl") + report.unanswered);
    assert_eq!((report.messages, report.acknowledged), (report.attempts, received("/usage")));
    assert_eq!(report.unacknowledged.len() as u64, received("/prl") + report.unanswered);
    let times = report.answer_times.unwrap();
    assert!(times.max >= 50.0 && times.p50 <= times.p99, "{report}");
    let unreachable = report.unacknowledged.iter().find(|message| message.service == "StateService").unwrap();
    assert_eq!(unreachable.last_status, None);
    let as_json = json!(report);
    assert_eq!(as_json["unacknowledged"][0]["transport"], "rest");
    assert_eq!(as_json["statuses"]["403"], report.statuses[&403]);
}

#[tokio::test]
async fn messages_beyond_the_limit_in_flight_wait_and_are_all_sent() {
    let slow: Script = |_, _| (200, Duration::from_secs(3));
    let (simulator, listener) = (Simulator::new().await, ScriptedListener::listen(slow).await);
    simulator.register("DeviceUsage", &format!("{}/usage", listener.url), "word").await;
    let options = SendOptions { count: Some(520), rate: 1000.0, resend: Resend::Never, ..simulator.options() };
    let report = tokio::time::timeout(Duration::from_secs(25), send(&options)).await.expect("it ends").unwrap();
    assert_eq!((report.messages, report.acknowledged), (520, 520), "{report}");
}

#[tokio::test]
async fn an_unregistered_listener_receives_messages_by_its_url() {
    let (username, password) = (Some("user".to_owned()), Some("word".to_owned()));
    let stack = Stack::with(local_stack::Options {
        username: username.clone(),
        password: password.clone(),
        ..local_tests::options()
    });
    let (simulator, stack) = (Simulator::new().await, stack.await);
    let url = Some(format!("http://{}/callbacks/", stack.local.address).parse().unwrap());
    let options = SendOptions { account: None, url, username, password, ..simulator.options() };
    let report = send(&options).await.unwrap();
    assert!(report.messages > 26 && report.acknowledged == report.messages, "{report}");
}

#[tokio::test]
async fn rubbish_is_refused_and_the_ledger_states_what_was_sent_and_answered() {
    let (username, password) = (Some("user".to_owned()), Some("word".to_owned()));
    let stack = Stack::with(local_stack::Options {
        username: username.clone(),
        password: password.clone(),
        ..local_tests::options()
    });
    let (simulator, stack, directory) = (Simulator::new().await, stack.await, tempfile::tempdir().unwrap());
    let url = Some(format!("http://{}/callbacks", stack.local.address).parse().unwrap());
    let ledger = directory.path().join("ledger");
    let options = SendOptions {
        account: None,
        url,
        username,
        password,
        devices: 2,
        duplicates: 0.2,
        rubbish: 0.5,
        resend: Resend::Never,
        ledger: Some(ledger.clone()),
        ..simulator.options()
    };
    let report = send(&options).await.unwrap();
    let ledger = std::fs::read_to_string(ledger).unwrap();
    let entries: Vec<LedgerEntry> = ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len() as u64, report.messages + report.duplicates + report.rubbish);
    assert!(report.rubbish > 0 && report.duplicates > 0 && report.given_up == 0, "{report}");
    assert_eq!(report.rubbish_refused, report.rubbish);

    let (mut messages, credentials) = (LedgerMessages::default(), Credentials::new("user", "word"));
    let quarantined: Vec<_> = stack.quarantined().await.iter().map(|callback| callback.body().to_vec()).collect();
    let mut kinds = BTreeSet::new();
    for entry in entries {
        let status = match entry.rubbish {
            None => 200,
            Some(Rubbish::Password) => 401,
            Some(Rubbish::ContentType) => 415,
            Some(Rubbish::Truncated | Rubbish::Text | Rubbish::Empty) => 400,
        };
        assert_eq!((entry.statuses.as_slice(), entry.acknowledged), ([Some(status)].as_slice(), status == 200));
        if let Some(kind) = entry.rubbish {
            kinds.insert(kind);
            let body = messages.body(&entry, &credentials, 0).unwrap().into_bytes();
            assert_eq!(quarantined.contains(&body), kind != Rubbish::Empty, "{entry:?}");
        }
    }
    assert_eq!(kinds.len(), 5);
}

#[tokio::test]
async fn a_report_without_answers_has_no_latency() {
    let simulator = Simulator::new().await;
    simulator.register("DeviceUsage", "http://127.0.0.1:9/unreachable", "word").await;
    let options = SendOptions { count: Some(1), resend: Resend::Never, ..simulator.options() };
    let report = send(&options).await.unwrap();
    assert_eq!((report.unanswered, &json!(report)["answerTimes"]), (1, &Value::Null));
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_is_reported() {
    let simulator = Simulator::new().await;
    let message = async |options: SendOptions| format!("{:#}", send(&options).await.unwrap_err());
    assert!(message(simulator.options()).await.contains("no service of the account"));
    let single_service = SendOptions { all: false, service: vec!["DeviceUsage".to_owned()], ..simulator.options() };
    assert!(message(single_service).await.contains("DeviceUsage of the account 0000123456-00001 is not registered"));
    let unreachable = SendOptions { to: "http://127.0.0.1:9".to_owned(), ..simulator.options() };
    assert!(message(unreachable).await.contains("is callbacks platform running?"));
}

#[tokio::test]
async fn a_given_file_is_sent_in_its_own_transport() {
    let (simulator, listener) = (Simulator::new().await, ScriptedListener::listen(|_, _| (200, Duration::ZERO)).await);
    simulator.register("DeviceUsage", &format!("{}/usage", listener.url), "word").await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("message");
    std::fs::write(&file, "<CallbackRequest><Password>x</Password></CallbackRequest>").unwrap();
    send(&SendOptions { message: vec![file.clone()], ..simulator.options() }).await.unwrap();
    std::fs::write(&file, "{\"PassWord\":\"x\"}").unwrap();
    send(&SendOptions { message: vec![file], ..simulator.options() }).await.unwrap();
    let bodies: Vec<_> = listener.received().into_iter().map(|received| received.body).collect();
    assert_eq!(bodies, ["<CallbackRequest><Password>word</Password></CallbackRequest>", "{\"PassWord\":\"word\"}"]);
}
