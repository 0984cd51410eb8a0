//! The publisher with a scripted SNS that fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_lambda_events::dynamodb::EventRecord;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use change_publisher::{PublishError, Publisher, Topics};
use local_tests::{aws_config, serve};
use serde_json::{Value, json};

/// Per batch, the request ids of the published messages, in order. Messages with a request id in `refused` fail.
#[derive(Default)]
struct Sns {
    batches: Mutex<Vec<Vec<String>>>,
    groups: Mutex<Vec<Option<String>>>,
    refused: Mutex<Vec<String>>,
    unavailable: Mutex<bool>,
}

async fn publish_batch(State(sns): State<Arc<Sns>>, body: String) -> Response {
    if *sns.unavailable.lock().unwrap() {
        return http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let (mut batch, mut taken, mut failed) = (Vec::new(), String::new(), String::new());
    for place in 1.. {
        let entry = format!("PublishBatchRequestEntries.member.{place}");
        let Some(message) = fields.get(&format!("{entry}.Message")) else { break };
        let id = &fields[&format!("{entry}.Id")];
        let message: Value = serde_json::from_str(message).unwrap();
        if sns.refused.lock().unwrap().iter().any(|request| message["data"]["requestId"] == **request) {
            failed +=
                &format!("<member><Id>{id}</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member>");
        } else {
            taken += &format!("<member><Id>{id}</Id><MessageId>m</MessageId></member>");
            batch.push(message["data"]["requestId"].as_str().unwrap().to_owned());
            sns.groups.lock().unwrap().push(fields.get(&format!("{entry}.MessageGroupId")).cloned());
        }
    }
    sns.batches.lock().unwrap().push(batch);
    format!("<PublishBatchResponse><PublishBatchResult><Successful>{taken}</Successful><Failed>{failed}</Failed></PublishBatchResult></PublishBatchResponse>")
        .into_response()
}

async fn publisher(suffix: &str) -> (Arc<Sns>, Publisher) {
    let sns = Arc::new(Sns::default());
    let app = Router::new().fallback(publish_batch).with_state(sns.clone());
    let url = serve(app).await;
    let client = aws_sdk_sns::Client::new(&aws_config(&url, RetryConfig::disabled()));
    let topic = |name: &str| format!("arn:aws:sns:local:000000000000:{name}{suffix}");
    let topics = Topics { provisioning_changes: topic("provisioning-changes"), device_events: topic("device-events") };
    (sns, Publisher { sns: client, topics })
}

/// A stream record of an event of this device; its request id is the sequence number. Without a device, it is
/// malformed.
fn record(sequence_number: u32, device: Option<&str>) -> EventRecord {
    let event = json!({
        "id": sequence_number.to_string(), "device": device, "sequence": 1, "service": "ExternalProvisioningChanges",
        "change": "SUSPEND", "requestId": sequence_number.to_string(), "receivedAt": "2026-01-01T00:00:00Z",
        "changes": [], "devices": [], "payload": {}, "unknown": {},
    });
    let recorded = json!({ "event": event, "account": "A", "device": null }).to_string();
    let image =
        if device.is_some() { json!({ "event": { "S": recorded } }) } else { json!({ "event": { "S": "malformed" } }) };
    let record = json!({
        "awsRegion": "local", "eventID": "e", "eventName": "INSERT",
        "dynamodb": { "Keys": {}, "NewImage": image, "SequenceNumber": sequence_number.to_string(), "SizeBytes": 1,
                      "ApproximateCreationDateTime": 1.0 },
    });
    serde_json::from_value(record).unwrap()
}

fn stopped_at(result: Result<aws_lambda_events::streams::DynamoDbEventResponse, PublishError>) -> Vec<String> {
    result.unwrap().batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn events_of_one_device_never_share_a_batch() {
    let (sns, publisher) = publisher("").await;
    let records = vec![record(1, Some("a")), record(2, Some("b")), record(3, Some("a")), record(4, Some("c"))];
    assert!(stopped_at(publisher.publish(records).await).is_empty());
    assert_eq!(*sns.batches.lock().unwrap(), [vec!["1", "2"], vec!["3", "4"]]);
}

#[tokio::test]
async fn a_message_that_sns_refuses_is_named_and_no_later_batch_is_sent() {
    let (sns, publisher) = publisher("").await;
    sns.refused.lock().unwrap().push("2".to_owned());
    let records = vec![record(1, Some("a")), record(2, Some("b")), record(3, Some("b")), record(4, Some("c"))];
    assert_eq!(stopped_at(publisher.publish(records).await), ["2"]);
    assert_eq!(*sns.batches.lock().unwrap(), [vec!["1"]]);
}

#[tokio::test]
async fn a_poison_record_stops_the_records_behind_it_but_not_those_before() {
    let (sns, publisher) = publisher("").await;
    let records = vec![record(1, Some("a")), record(2, None), record(3, Some("b"))];
    assert_eq!(stopped_at(publisher.publish(records).await), ["2"]);
    assert_eq!(*sns.batches.lock().unwrap(), [vec!["1"]]);
}

#[tokio::test]
async fn a_poison_record_at_the_front_fails_the_invocation_so_that_the_batch_is_bisected() {
    let (_, publisher) = publisher("").await;
    let failed = publisher.publish(vec![record(1, None), record(2, Some("a"))]).await;
    assert!(matches!(failed, Err(PublishError::NoEvent { .. })), "{failed:?}");
}

#[tokio::test]
async fn if_sns_is_unreachable_nothing_is_reported_as_published() {
    let (sns, publisher) = publisher("").await;
    *sns.unavailable.lock().unwrap() = true;
    let failed = publisher.publish(vec![record(1, Some("a"))]).await;
    assert!(matches!(failed, Err(PublishError::Unavailable(_))), "{failed:?}");
    *sns.unavailable.lock().unwrap() = false;
    assert!(stopped_at(publisher.publish(vec![record(1, Some("a"))]).await).is_empty());
}

#[tokio::test]
async fn fifo_topics_receive_the_escaped_subject_as_message_group() {
    let (sns, publisher) = publisher(".fifo").await;
    let records = vec![record(1, Some("a")), record(2, Some("Verizon Test 1"))];
    assert!(stopped_at(publisher.publish(records).await).is_empty());
    assert_eq!(*sns.groups.lock().unwrap(), [Some("a".to_owned()), Some("Verizon%20Test%201".to_owned())]);
}

#[tokio::test]
async fn events_of_many_devices_are_published_in_batches_of_ten() {
    let (sns, publisher) = publisher("").await;
    let records: Vec<_> = (1..=25).map(|number| record(number, Some(&format!("device-{number}")))).collect();
    assert!(stopped_at(publisher.publish(records).await).is_empty());
    let sizes: Vec<usize> = sns.batches.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
}
