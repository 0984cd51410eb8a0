//! Faults at the AWS calls of a callback function.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use device::CallbackService;
use http::Method;
use jiff::Timestamp;
use listener::{ANSWER_TIMEOUT, AWS_TIMEOUT, CallbackRequest, Listener, Metrics, Settings};
use local_tests::{Call, Cloud, Connections, Contents, Injection, Row, TABLE, identifier_xml, provisioning_change};
use serde_json::{Value, json};
use settings::Variables;
use tokio::time::{Instant, sleep};

use super::report::Report;
use super::{Run, map_all, runs};

const SECRET: &str = "arn:callback-credentials";
const QUARANTINE: &str = "https://sqs/quarantined-callbacks";

/// When the platform resends a callback that is not answered 2xx.
const RESEND_AFTER: Duration = Duration::from_millis(1300);

/// When the callbacks under test are received.
const RECEIVED: i64 = 1_800_000_000;

struct Callback {
    service: &'static CallbackService,
    body: String,
}

struct Scenario {
    name: &'static str,
    /// Recorded before.
    before: Vec<Callback>,
    callback: Callback,
    /// Whether the callback is the first of a new process.
    cold: bool,
    /// The answer if nothing goes wrong.
    answer: u16,
}

/// What is left of a run: the rows of the table, and the bodies in the quarantine.
#[derive(Debug, Clone, PartialEq)]
struct Result {
    rows: BTreeSet<Row>,
    quarantined: BTreeSet<String>,
}

impl Result {
    /// Asserts that it is this one.
    fn assert_is(&self, expected: &Self, context: &str) {
        let difference = |these: &Self, others: &Self| -> Vec<String> {
            let rows = these.rows.difference(&others.rows).map(|row| format!("{row:.600?}"));
            let bodies = these.quarantined.difference(&others.quarantined).map(|body| format!("{body:.300}"));
            rows.chain(bodies).take(3).collect()
        };
        let (missing, unexpected) = (difference(expected, self), difference(self, expected));
        assert!(self == expected, "{context}:\n  missing: {missing:#?}\n  unexpected: {unexpected:#?}");
    }
}

fn rest(service: &'static CallbackService, mut message: Value) -> Callback {
    message["username"] = json!("platform");
    message["password"] = json!("right");
    message["status"] = json!("Success");
    Callback { service, body: message.to_string() }
}

fn usage(request: &str, items: &[Value]) -> Callback {
    rest(
        &device_usage::SERVICE,
        json!({ "requestId": request, "deviceResponse": { "usageResponse": items }, "callbackCount": 1 }),
    )
}

fn usage_of(device: usize, bytes: usize) -> Value {
    let imei = json!({ "id": format!("35000000{device:07}"), "kind": "imei" });
    let mdn = json!({ "id": format!("55501{device:05}"), "kind": "mdn" });
    json!({ "deviceIds": [imei, mdn], "bytesUsed": bytes })
}

/// A snapshot of a device with this meid and mdn.
fn snapshot(request: &str, change: &str, meid: &str, mdn: &str) -> Callback {
    let credentials = "<Username>platform</Username><Password>right</Password>";
    let identifiers = ["meid", "mdn"]
        .into_iter()
        .zip([meid, mdn])
        .map(|(kind, value)| identifier_xml("DeviceIdentifiers", kind, value));
    let device = format!("<AccountName>A</AccountName>{}", identifiers.collect::<String>());
    let envelope = format!("{credentials}<RequestId>{request}</RequestId>");
    Callback { service: &external_provisioning_changes::SERVICE, body: provisioning_change(&envelope, change, &device) }
}

fn scenarios() -> Vec<Scenario> {
    let new_device = || usage("r", &[usage_of(1, 1)]);
    let scenario = |name, callback| Scenario { name, before: Vec::new(), callback, cold: false, answer: 200 };
    let thirty: Vec<Value> = (0..30).map(|device| usage_of(device, 1)).collect();
    let large = json!({ "deviceIds": usage_of(2, 0)["deviceIds"], "note": "n".repeat(420_000) });
    vec![
        scenario("new device", new_device()),
        Scenario { before: vec![usage("b", &[usage_of(1, 1)])], ..scenario("known device", new_device()) },
        Scenario { cold: true, ..scenario("new device, cold start", new_device()) },
        Scenario {
            before: vec![
                snapshot("a", "Activate", "A1000000000001", "5550100001"),
                snapshot("b", "Activate", "A1000000000002", "5550100002"),
            ],
            ..scenario("a number moves between devices", snapshot("c", "ChangeMDN", "A1000000000002", "5550100001"))
        },
        scenario("30 devices", usage("r", &thirty)),
        scenario(
            "no device",
            rest(
                &carrier_service::SERVICE,
                json!({ "requestId": "r", "accountName": "0000123456-00001", "deviceResponse": {} }),
            ),
        ),
        scenario("one part too large", usage("r", &[usage_of(1, 1), large])),
        Scenario {
            answer: 400,
            ..scenario("malformed body", Callback { body: "{\"username\": \"platform\"".to_owned(), ..new_device() })
        },
        Scenario {
            answer: 401,
            ..scenario(
                "wrong password",
                Callback { body: new_device().body.replace("\"right\"", "\"wrong\""), ..new_device() },
            )
        },
    ]
}

/// A running callback function.
struct Process {
    connections: Connections,
    listener: Listener,
}

impl Process {
    /// A new process. `injection` is what goes wrong in it.
    async fn start(cloud: &Arc<Cloud>, injection: Option<Injection>) -> Self {
        let connections = Connections::new(cloud, AWS_TIMEOUT, injection);
        let variable = |name: &str| {
            let value = match name {
                "STACK_NAME" => "cb",
                "TABLE_NAME" => TABLE,
                "CREDENTIALS_SECRET_ARN" => SECRET,
                "ALLOWED_ADDRESSES" => "any",
                "QUARANTINE_QUEUE_URL" => QUARANTINE,
                _ => return None,
            };
            Some(value.to_owned())
        };
        let settings = Settings::read(&Variables::new(&variable)).unwrap();
        let mut listener = Listener::new(settings, &connections.config().await);
        listener.metrics = Metrics::Off;
        Self { connections, listener }
    }

    /// The status of the answer, or `None` if the process was killed before.
    async fn answer(&self, callback: &Callback, received_at: Timestamp) -> Option<u16> {
        let request = CallbackRequest {
            method: Method::POST,
            source: None,
            content_type: None,
            body: callback.body.clone().into(),
            received_at,
        };
        let answer = self.connections.run(self.listener.answer(callback.service, request)).await;
        answer.map(|answer| answer.status().as_u16())
    }
}

/// AWS before the callback under test.
async fn cloud(scenario: &Scenario) -> Arc<Cloud> {
    let cloud = Arc::new(Cloud::default());
    let credentials = json!({ "username": "platform", "password": "right" });
    cloud.state().add_version(SECRET, "first", &credentials, &["AWSCURRENT"], 0.0);
    let process = Process::start(&cloud, None).await;
    for callback in &scenario.before {
        assert_eq!(process.answer(callback, Timestamp::from_second(RECEIVED - 60).unwrap()).await, Some(200));
    }
    cloud
}

/// This long after the callback under test was received.
fn at(later: Duration) -> Timestamp {
    Timestamp::from_second(RECEIVED).unwrap() + later
}

/// The table and the quarantine, with the time of a resend replaced by the original one. What then is no change is left
/// out of the events: of two parts about one device, the first may be recorded at once and the second by the resend.
fn result(cloud: &Cloud) -> Result {
    let times = [at(RESEND_AFTER).to_string(), at(Duration::ZERO).to_string()];
    let row = |row: Row| -> Row {
        let attributes = row.into_iter().filter(|(name, _)| name != "expiresAt" && name != "receivedAt");
        let mut row: Row = attributes.map(|(name, value)| (name, value.replace(&times[0], &times[1]))).collect();
        if let Some(event) = row.get_mut("event") {
            let mut recorded: Value = serde_json::from_str(event).unwrap();
            let changes = recorded["event"]["changes"].as_array_mut().unwrap();
            changes.retain(|change| change["before"] != change["after"]);
            *event = recorded.to_string();
        }
        row
    };
    let state = cloud.state();
    let messages = state.queues.get(QUARANTINE).into_iter().flatten();
    let body = |message: &Value| STANDARD.decode(message["bodyBase64"].as_str().unwrap()).unwrap();
    Result {
        rows: cloud.rows(TABLE).into_iter().map(row).collect(),
        quarantined: messages.map(|message| String::from_utf8(body(message)).unwrap()).collect(),
    }
}

/// The calls of a scenario in which nothing goes wrong, and its result.
async fn undisturbed(scenario: &Scenario) -> (Vec<Call>, Result, Result) {
    let cloud = cloud(scenario).await;
    let before = result(&cloud);
    let process = Process::start(&cloud, None).await;
    process.listener.warm_up().await;
    if !scenario.cold {
        process.connections.inject(None);
    }
    assert_eq!(
        process.answer(&scenario.callback, at(Duration::ZERO)).await,
        Some(scenario.answer),
        "{}",
        scenario.name
    );
    (process.connections.calls(), before, result(&cloud))
}

/// A run in which something goes wrong until the first answer. Returns what the platform sees.
async fn disturbed(scenario: &Scenario, injection: &Injection, before: &Result, expected: &Result) -> String {
    let cloud = cloud(scenario).await;
    let mut process = Process::start(&cloud, scenario.cold.then(|| injection.clone())).await;
    let started_up = process.connections.run(process.listener.warm_up()).await;
    if !scenario.cold {
        process.connections.inject(Some(injection.clone()));
    }
    let answered = Instant::now();
    let first = match started_up {
        Some(()) => process.answer(&scenario.callback, at(Duration::ZERO)).await,
        None => None,
    };
    assert!(process.connections.injected(), "the call is not made");
    assert!(answered.elapsed() <= ANSWER_TIMEOUT, "answered after {:?}", answered.elapsed());

    Contents::of(cloud.rows(TABLE)).assert_consistent();
    let kept = result(&cloud);
    match first {
        Some(200..300) => kept.assert_is(expected, "answered 2xx, but neither recorded nor in a queue"),
        Some(400..500) => kept.assert_is(expected, "refused, but not quarantined"),
        _ if !scenario.name.contains("30") && !scenario.name.contains("large") => {
            assert!(kept == *before || kept == *expected, "half done");
        }
        _ => {}
    }

    // The platform resends the callback; for some reason also one that was answered.
    sleep(RESEND_AFTER).await;
    if injection.fault.kills() {
        process = Process::start(&cloud, None).await;
    }
    process.connections.inject(None);
    let second = process.answer(&scenario.callback, at(RESEND_AFTER)).await;
    assert_eq!(second, Some(scenario.answer), "the resend");
    result(&cloud).assert_is(expected, "after the resend");
    // Requests that are applied late.
    sleep(AWS_TIMEOUT * 3).await;
    Contents::of(cloud.rows(TABLE)).assert_consistent();
    result(&cloud).assert_is(expected, "at the end");

    let text = |status: Option<u16>| status.map_or("none".to_owned(), |status| status.to_string());
    match first {
        first if first == Some(scenario.answer) => text(first),
        first => format!("{}, {}", text(first), text(second)),
    }
}

#[test]
fn no_fault_at_a_call_of_a_callback_function_loses_a_callback_or_leaves_half_done_work() {
    let scenarios = scenarios();
    let expected =
        map_all(&scenarios, |scenario| scenario.name.to_owned(), async |scenario| undisturbed(scenario).await);
    let runs: Vec<(Run<'_, Scenario>, &Result, &Result)> = scenarios
        .iter()
        .zip(&expected)
        .flat_map(|(scenario, (calls, before, result))| {
            runs(scenario, calls).into_iter().map(move |run| (run, before, result))
        })
        .collect();
    let name = |(run, ..): &(Run<'_, Scenario>, _, _)| format!("{}, {}", run.scenario.name, run.injection);
    let outcomes = map_all(&runs, name, async |(run, before, expected)| {
        disturbed(run.scenario, &run.injection, before, expected).await
    });
    let mut report = Report::default();
    for ((run, ..), outcome) in runs.iter().zip(outcomes) {
        report.add(run.scenario.name, &run.injection, outcome);
    }
    report.compare("callback functions");
}
