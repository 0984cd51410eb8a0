//! Faults at the AWS calls of the publisher.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::dynamodb::EventRecord;
use change_publisher::{DeadLetters, Invocation, Publisher, Topics};
use local_tests::{Call, Cloud, Connections, Injection};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::process::{Process, cloud, earlier, snapshot, usage, usage_of};
use super::run_scenarios;

/// Timeout of an AWS call of the publisher, retries included, and a longer time.
const AWS_TIMEOUT: Duration = Duration::from_secs(12);
const LATE: Duration = Duration::from_secs(30);

const DEAD_LETTERS: &str = "https://sqs/dead-letters";

struct Scenario {
    name: &'static str,
    /// Whether a record is among the others that can never be published.
    poison: bool,
}

const SCENARIOS: [Scenario; 2] =
    [Scenario { name: "14 events", poison: false }, Scenario { name: "poison record", poison: true }];

/// The position of the poison record.
const POISON: usize = 5;

impl Scenario {
    /// Events of 12 devices, two of which have two, in the stream.
    async fn records(&self) -> (Arc<Cloud>, Vec<EventRecord>) {
        let cloud = cloud();
        let process = Process::start(&cloud).await;
        let devices: Vec<Value> = (0..11).map(|device| usage_of(device, 1)).collect();
        let again = [usage_of(0, 2), usage_of(5, 2)];
        let change = snapshot("s", "SUSPEND", "suspend", "A1000000000001", "5550109999");
        for callback in [usage("a", &devices), usage("b", &again), change] {
            assert_eq!(process.answer(&callback, earlier(), false).await, Some(200));
        }
        let mut records = cloud.stream();
        assert_eq!(records.len(), 14);
        if self.poison {
            let mut poison = serde_json::to_value(&records[POISON]).unwrap();
            poison["dynamodb"]["NewImage"] = json!({ "event": { "S": "malformed" } });
            poison["dynamodb"]["SequenceNumber"] = json!("poison");
            records.insert(POISON, serde_json::from_value(poison).unwrap());
        }
        (cloud, records)
    }

    async fn undisturbed(&self) -> (Vec<Call>, ()) {
        let (cloud, records) = self.records().await;
        let (connections, publisher) = start(&cloud).await;
        assert_eq!(publish(&connections, &publisher, &records).await, Some(records.len()));
        self.assert_published(&cloud, &records);
        (connections.calls(), ())
    }

    /// A run in which something goes wrong in the first invocation. The stream sends again what is left.
    async fn disturbed(&self, injection: &Injection) -> String {
        let (cloud, records) = self.records().await;
        let (mut connections, mut publisher) = start(&cloud).await;
        connections.inject(Some(injection.clone()));
        let first = publish(&connections, &publisher, &records).await;
        assert!(connections.injected(), "the call is not made");
        let done = first.unwrap_or(0);
        self.assert_published(&cloud, &records[..done]);
        if injection.fault.kills() {
            (connections, publisher) = start(&cloud).await;
        }
        connections.recover();
        assert_eq!(publish(&connections, &publisher, &records[done..]).await, Some(records.len() - done));
        self.assert_published(&cloud, &records);
        // Requests that are applied late.
        sleep(LATE * 2).await;
        self.assert_published(&cloud, &records);
        match first {
            Some(count) if count == records.len() => "done".to_owned(),
            Some(_) => "again".to_owned(),
            None => "none, again".to_owned(),
        }
    }

    /// Asserts that these records were published or are in the dead-letter queue, and that the events of each device came
    /// in their order: apart from repetitions.
    fn assert_published(&self, cloud: &Cloud, records: &[EventRecord]) {
        let state = cloud.state();
        let mut seen = BTreeSet::new();
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for message in state.topics.values().flatten() {
            let (id, device) = (message["id"].to_string(), message["subject"].to_string());
            let sequence: u64 = message["data"]["sequence"].as_u64().expect("a sequence");
            if seen.insert(id) {
                let last = last.insert(device.clone(), sequence).unwrap_or_default();
                assert_eq!(sequence, last + 1, "the events of {device} are not in their order");
            }
        }
        let poison = usize::from(self.poison && records.len() > POISON);
        assert!(seen.len() >= records.len() - poison, "{} of {} events were published", seen.len(), records.len());
        let dead: BTreeSet<String> =
            state.queues.get(DEAD_LETTERS).into_iter().flatten().map(sequence_number).collect();
        assert!(dead.len() >= poison, "the poison record is not in the dead-letter queue");
        assert!(dead.iter().all(|number| number == "poison"), "others are in the dead-letter queue: {dead:?}");
    }
}

fn sequence_number(dead_letter: &Value) -> String {
    dead_letter["record"]["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()
}

async fn start(cloud: &Arc<Cloud>) -> (Connections, Publisher) {
    let connections = Connections::new(cloud, LATE);
    let config = connections.config(AWS_TIMEOUT).await;
    let topic = |name: &str| format!("arn:aws:sns:local:000000000000:{name}");
    let topics = Topics { provisioning_changes: topic("provisioning-changes"), device_events: topic("device-events") };
    let dead_letters = DeadLetters { sqs: aws_sdk_sqs::Client::new(&config), queue_url: DEAD_LETTERS.to_owned() };
    (connections, Publisher { sns: aws_sdk_sns::Client::new(&config), topics, dead_letters })
}

/// Publishes records as Lambda does. Returns how many of them Lambda does not send again, or `None` if the process is
/// killed.
async fn publish(connections: &Connections, publisher: &Publisher, records: &[EventRecord]) -> Option<usize> {
    let invocation = Invocation { records: records.to_vec(), cause: change_publisher::Cause::Stream };
    let response = connections.run(publisher.publish(invocation)).await?;
    let Ok(response) = response else { return Some(0) };
    let Some(failure) = response.batch_item_failures.first() else { return Some(records.len()) };
    let is_first = |record: &EventRecord| record.change.sequence_number.as_ref() == Some(&failure.item_identifier);
    Some(records.iter().position(is_first).expect("a record of the batch"))
}

#[test]
fn no_fault_at_a_call_of_the_publisher_loses_an_event_or_its_order() {
    run_scenarios(
        "publisher",
        &SCENARIOS,
        |scenario| scenario.name,
        async |scenario| scenario.undisturbed().await,
        async |scenario, injection, ()| scenario.disturbed(injection).await,
    );
}
