//! Faults at the AWS calls of the redriver.

use std::sync::Arc;
use std::time::Duration;

use local_tests::{Call, Cloud, Contents, Fault, Injection, TABLE};
use queued_callback::{QueuedBody, QueuedCallback, Verification};
use tokio::time::sleep;

use super::process::{Callback, DYNAMODB, Kept, LATE, PARKED, Process, at, cloud, queued, snapshot, usage, usage_of};
use super::run_scenarios;

struct Scenario {
    name: &'static str,
    /// The parked callbacks, each received a second after the one before.
    parked: Vec<(Callback, Verification)>,
    /// Whether DynamoDB denies access in the first invocation.
    outage: bool,
}

fn scenarios() -> Vec<Scenario> {
    let verified = |callback| (callback, Verification::Verified { account: None, parts: None });
    let of_device = |request, change, state| snapshot(request, change, state, "A1000000000001", "5550100001");
    let wrong = usage("w", &[usage_of(3, 1)]);
    let wrong = Callback { body: wrong.body.replace("\"right\"", "\"wrong\""), ..wrong };
    let rest = verified(usage("u", &[usage_of(1, 1), usage_of(2, 1)]));
    let of_one_device =
        vec![verified(of_device("s", "SUSPEND", "suspend")), verified(of_device("r", "RESTORE", "active"))];
    vec![
        Scenario { name: "two callbacks of a device", parked: of_one_device, outage: false },
        Scenario {
            name: "the rest of a message",
            parked: vec![(rest.0.clone(), Verification::Verified { account: None, parts: Some(vec![1]) })],
            outage: false,
        },
        Scenario {
            name: "unverified",
            parked: vec![(rest.0.clone(), Verification::Unverified), (wrong, Verification::Unverified)],
            outage: false,
        },
        Scenario { name: "table refuses", parked: vec![rest], outage: true },
    ]
}

impl Scenario {
    fn cloud(&self) -> Arc<Cloud> {
        let cloud = cloud();
        for (number, (callback, verification)) in (0..).zip(&self.parked) {
            let parked = QueuedCallback {
                service: callback.service.name.to_string(),
                received_at: at(Duration::from_secs(number)),
                reason: "the table did not take it".to_owned(),
                verification: verification.clone(),
                content_type: None,
                source: None,
                piece: None,
                body: QueuedBody::new(callback.body.clone()),
            };
            let message = serde_json::from_str(&parked.to_message().unwrap()).unwrap();
            cloud.state().queues.entry(PARKED.to_owned()).or_default().push(message);
        }
        cloud
    }

    async fn start(&self, cloud: &Arc<Cloud>, injection: Option<Injection>) -> Process {
        let process = Process::start(cloud).await;
        process.connections.inject(injection);
        if self.outage {
            process.connections.fail(DYNAMODB, Fault::Refused);
        }
        process
    }

    async fn undisturbed(&self) -> (Vec<Call>, Kept) {
        let cloud = self.cloud();
        let process = self.start(&cloud, None).await;
        assert_eq!(process.redrive(&cloud).await, Some(!self.outage));
        let calls = process.connections.calls();
        if self.outage {
            assert_eq!(Process::start(&cloud).await.redrive(&cloud).await, Some(true));
        }
        (calls, Kept::of(&cloud, &[]))
    }

    /// A run in which something goes wrong in the first invocation. The queue delivers again what is left.
    async fn disturbed(&self, injection: &Injection, expected: &Kept) -> String {
        let cloud = self.cloud();
        let mut process = self.start(&cloud, Some(injection.clone())).await;
        let first = process.redrive(&cloud).await;
        assert!(process.connections.injected(), "the call is not made");
        Contents::of(cloud.rows(TABLE)).assert_consistent();
        if first == Some(true) {
            Kept::of(&cloud, &[]).assert_is(expected, "deleted from the queue, but not recorded");
        }
        sleep(LATE / 2).await;
        if injection.fault.kills() {
            process = Process::start(&cloud).await;
        }
        process.connections.recover();
        assert_eq!(process.redrive(&cloud).await, Some(true), "the second delivery");
        assert!(queued(&cloud, PARKED).is_empty());
        // Requests that are applied late.
        sleep(LATE * 2).await;
        Contents::of(cloud.rows(TABLE)).assert_consistent();
        Kept::of(&cloud, &[]).assert_is(expected, "at the end");
        match first {
            Some(true) => "done".to_owned(),
            Some(false) => "again".to_owned(),
            None => "none, again".to_owned(),
        }
    }
}

#[test]
fn no_fault_at_a_call_of_the_redriver_loses_a_parked_callback() {
    run_scenarios(
        "redriver",
        &scenarios(),
        |scenario| scenario.name,
        async |scenario| scenario.undisturbed().await,
        async |scenario, injection, expected| scenario.disturbed(injection, expected).await,
    );
}
