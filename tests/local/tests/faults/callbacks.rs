//! Faults at the AWS calls of a callback function.

use std::sync::Arc;
use std::time::Duration;

use listener::ANSWER_TIMEOUT;
use local_tests::{Call, Cloud, Contents, Fault, Injection, TABLE};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::process::{
    Callback, DYNAMODB, Kept, LATE, PARKED, Process, SECRETS_MANAGER, at, cloud, earlier, queued, rest, snapshot,
    usage, usage_of,
};
use super::run_scenarios;

/// When the platform resends a callback that is not answered 2xx.
const RESEND_AFTER: Duration = Duration::from_millis(1300);

struct Scenario {
    name: &'static str,
    /// Recorded before.
    before: Vec<Callback>,
    callback: Callback,
    /// Whether the callback is the first of a new process.
    cold: bool,
    /// A service that denies access all the time.
    outage: Option<&'static str>,
    /// The answer if nothing else goes wrong.
    answer: u16,
    /// Whether the callback is recorded in one transaction or moved as a whole.
    one_step: bool,
}

fn scenarios() -> Vec<Scenario> {
    let scenario = |name, callback| Scenario {
        name,
        before: Vec::new(),
        callback,
        cold: false,
        outage: None,
        answer: 200,
        one_step: true,
    };
    let new_device = || usage("r", &[usage_of(1, 1)]);
    let thirty: Vec<Value> = (0..30).map(|device| usage_of(device, 1)).collect();
    let large = json!({ "deviceIds": usage_of(2, 0)["deviceIds"], "note": "n".repeat(420_000) });
    let no_device = json!({ "requestId": "r", "accountName": "0000123456-00001", "deviceResponse": {} });
    let malformed = Callback { body: "{\"username\": \"platform\"".to_owned(), ..new_device() };
    let wrong_password = Callback { body: new_device().body.replace("\"right\"", "\"wrong\""), ..new_device() };
    let of_a = |request, change, mdn| snapshot(request, change, "active", "A1000000000001", mdn);
    let of_b = |request, change, mdn| snapshot(request, change, "active", "A1000000000002", mdn);
    vec![
        scenario("new device", new_device()),
        Scenario { before: vec![usage("b", &[usage_of(1, 1)])], ..scenario("known device", new_device()) },
        Scenario { cold: true, ..scenario("cold start", new_device()) },
        Scenario {
            before: vec![of_a("a", "Activate", "5550100001"), of_b("b", "Activate", "5550100002")],
            ..scenario("number moves", of_b("c", "ChangeMDN", "5550100001"))
        },
        Scenario { one_step: false, ..scenario("30 devices", usage("r", &thirty)) },
        Scenario {
            one_step: false,
            ..scenario("two reports of a device", usage("r", &[usage_of(1, 1), usage_of(2, 1), usage_of(1, 7)]))
        },
        scenario("no device", rest(&carrier_service::SERVICE, no_device)),
        Scenario { one_step: false, ..scenario("part too large", usage("r", &[usage_of(1, 1), large])) },
        Scenario { answer: 400, ..scenario("malformed body", malformed) },
        Scenario { answer: 401, ..scenario("wrong password", wrong_password) },
        Scenario { outage: Some(DYNAMODB), ..scenario("table refuses", new_device()) },
        Scenario { outage: Some(SECRETS_MANAGER), cold: true, ..scenario("credentials refused", new_device()) },
    ]
}

impl Scenario {
    /// AWS before the callback under test.
    async fn cloud(&self) -> Arc<Cloud> {
        let cloud = cloud();
        let process = Process::start(&cloud).await;
        for callback in &self.before {
            assert_eq!(process.answer(callback, earlier(), false).await, Some(200));
        }
        cloud
    }

    /// Starts a process and sends the callback to it. This goes wrong from the start of the process on, if the start is
    /// part of the scenario. Returns the status, unless the process is killed.
    async fn send(&self, cloud: &Arc<Cloud>, injection: Option<Injection>) -> (Process, Option<u16>) {
        let process = Process::start(cloud).await;
        let mut started = Instant::now();
        if !self.cold {
            process.warm_up().await.unwrap();
        }
        if let Some(service) = self.outage {
            process.connections.fail(service, Fault::Refused);
        }
        process.connections.inject(injection);
        if self.cold {
            if process.warm_up().await.is_none() {
                return (process, None);
            }
        } else {
            started = Instant::now();
        }
        let status = process.answer(&self.callback, at(Duration::ZERO), self.cold).await;
        assert!(started.elapsed() <= ANSWER_TIMEOUT, "answered after {:?}", started.elapsed());
        (process, status)
    }
}

fn kept(cloud: &Cloud) -> Kept {
    Kept::of(cloud, &[at(RESEND_AFTER)])
}

/// Moves everything from the queue of parked callbacks to the table.
async fn redrive_all(cloud: &Arc<Cloud>) {
    if !queued(cloud, PARKED).is_empty() {
        assert_eq!(Process::start(cloud).await.redrive(cloud).await, Some(true));
    }
}

/// The calls of a scenario in which nothing goes wrong, and what is kept before and after it.
async fn undisturbed(scenario: &Scenario) -> (Vec<Call>, (Kept, Kept)) {
    let cloud = scenario.cloud().await;
    let before = kept(&cloud);
    let (process, status) = scenario.send(&cloud, None).await;
    assert_eq!(status, Some(scenario.answer));
    assert_eq!(queued(&cloud, PARKED).is_empty(), scenario.outage.is_none());
    redrive_all(&cloud).await;
    (process.connections.calls(), (before, kept(&cloud)))
}

/// A run in which something goes wrong until the first answer. Returns what the platform sees.
async fn disturbed(scenario: &Scenario, injection: &Injection, before: &Kept, expected: &Kept) -> String {
    let cloud = scenario.cloud().await;
    let (mut process, first) = scenario.send(&cloud, Some(injection.clone())).await;
    assert!(process.connections.injected(), "the call is not made");

    Contents::of(cloud.rows(TABLE)).assert_consistent();
    let parked = !queued(&cloud, PARKED).is_empty();
    if scenario.one_step {
        let kept = kept(&cloud);
        assert!(kept == *before || kept == *expected, "half done");
    }
    let answered = matches!(first, Some(200..500));
    if answered {
        redrive_all(&cloud).await;
        kept(&cloud).assert_is(expected, "answered 2xx or 4xx, but neither recorded nor in a queue");
    }

    // The platform resends the callback, even if it was answered.
    sleep(RESEND_AFTER).await;
    if injection.fault.kills() {
        process = Process::start(&cloud).await;
    }
    process.connections.recover();
    let second = process.answer(&scenario.callback, at(RESEND_AFTER), false).await;
    assert!(second.is_some_and(|second| second == scenario.answer), "the resend was answered {second:?}");
    kept(&cloud).assert_is(expected, "after the resend");
    // Requests that are applied late, and what the first attempt has parked before it failed.
    sleep(LATE * 2).await;
    redrive_all(&cloud).await;
    Contents::of(cloud.rows(TABLE)).assert_consistent();
    kept(&cloud).assert_is(expected, "at the end");

    let text = |status: Option<u16>| status.map_or("none".to_owned(), |status| status.to_string());
    match first {
        Some(200) if parked => "parked".to_owned(),
        Some(_) if answered => text(first),
        _ => format!("{}, {}", text(first), text(second)),
    }
}

#[test]
fn no_fault_at_a_call_of_a_callback_function_loses_a_callback_or_leaves_half_done_work() {
    run_scenarios(
        "callback functions",
        &scenarios(),
        |scenario| scenario.name,
        async |scenario| undisturbed(scenario).await,
        async |scenario, injection, (before, expected)| disturbed(scenario, injection, before, expected).await,
    );
}
