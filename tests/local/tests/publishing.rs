//! The publisher with scripted endpoints of SNS and SQS that fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_lambda_events::dynamodb::EventRecord;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use change_publisher::{Cause, DeadLetters, Invocation, Publisher, Topics};
use http::{HeaderMap, StatusCode};
use local_tests::{aws_config, serve};
use serde_json::{Value, json};

/// The script, by the request ids of messages, and what arrived.
#[derive(Default)]
struct Aws {
    /// Per accepted batch, the request ids of the published messages, in order.
    batches: Mutex<Vec<Vec<String>>>,
    /// The published messages with their fields, by name without the prefix of the entry.
    messages: Mutex<Vec<BTreeMap<String, String>>>,
    /// Messages that are refused alone: the code, and whether it is the sender's fault.
    refused: Mutex<BTreeMap<String, (&'static str, bool)>>,
    /// Messages for which the whole batch is refused with `InvalidParameter`.
    refused_with_batch: Mutex<Vec<String>>,
    /// The error of every batch.
    outage: Mutex<Option<(u16, &'static str)>>,
    /// The messages in the dead-letter queue.
    dead_letters: Mutex<Vec<Value>>,
    queue_is_down: Mutex<bool>,
}

impl Aws {
    fn refuse(&self, request_id: &str, code: &'static str, sender_fault: bool) {
        self.refused.lock().unwrap().insert(request_id.to_owned(), (code, sender_fault));
    }

    fn fail_with(&self, outage: Option<(u16, &'static str)>) {
        *self.outage.lock().unwrap() = outage;
    }

    fn published(&self) -> Vec<String> {
        self.batches.lock().unwrap().concat()
    }

    /// The sequence numbers of the dead letters.
    fn dead_letters(&self) -> Vec<Value> {
        let letters = self.dead_letters.lock().unwrap();
        letters.iter().map(|letter| letter["record"]["dynamodb"]["SequenceNumber"].clone()).collect()
    }
}

async fn call(State(aws): State<Arc<Aws>>, headers: HeaderMap, body: String) -> Response {
    if headers.get("x-amz-target").is_none() {
        return publish_batch(&aws, &body);
    }
    if *aws.queue_is_down.lock().unwrap() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(request["QueueUrl"], "http://local/dead-letters");
    aws.dead_letters.lock().unwrap().push(serde_json::from_str(request["MessageBody"].as_str().unwrap()).unwrap());
    axum::Json(json!({ "MessageId": "m" })).into_response()
}

fn publish_batch(aws: &Aws, body: &str) -> Response {
    let error = |status: u16, code: &str| {
        let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>");
        (StatusCode::from_u16(status).unwrap(), body).into_response()
    };
    if let Some((status, code)) = *aws.outage.lock().unwrap() {
        return error(status, code);
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let (mut batch, mut messages, mut taken, mut failed) = (Vec::new(), Vec::new(), String::new(), String::new());
    for place in 1.. {
        let entry = format!("PublishBatchRequestEntries.member.{place}.");
        let message: BTreeMap<String, String> = fields
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(&entry)?.to_owned(), value.clone())))
            .collect();
        let Some(id) = message.get("Id") else { break };
        let body: Value = serde_json::from_str(&message["Message"]).unwrap();
        let request_id = body["data"]["requestId"].as_str().unwrap().to_owned();
        if aws.refused_with_batch.lock().unwrap().contains(&request_id) {
            return error(400, "InvalidParameter");
        }
        if let Some((code, sender_fault)) = aws.refused.lock().unwrap().get(&request_id) {
            failed +=
                &format!("<member><Id>{id}</Id><Code>{code}</Code><SenderFault>{sender_fault}</SenderFault></member>");
            continue;
        }
        taken += &format!("<member><Id>{id}</Id><MessageId>m</MessageId></member>");
        batch.push(request_id);
        messages.push(message);
    }
    aws.batches.lock().unwrap().push(batch);
    aws.messages.lock().unwrap().extend(messages);
    format!("<PublishBatchResponse><PublishBatchResult><Successful>{taken}</Successful><Failed>{failed}</Failed></PublishBatchResult></PublishBatchResponse>")
        .into_response()
}

async fn publisher(suffix: &str) -> (Arc<Aws>, Publisher) {
    let aws = Arc::new(Aws::default());
    let url = serve(Router::new().fallback(call).with_state(aws.clone())).await;
    let config = aws_config(&url, RetryConfig::disabled());
    let topic = |name: &str| format!("arn:aws:sns:local:000000000000:{name}{suffix}");
    let publisher = Publisher {
        sns: aws_sdk_sns::Client::new(&config),
        topics: Topics { provisioning_changes: topic("provisioning-changes"), device_events: topic("device-events") },
        dead_letters: DeadLetters {
            sqs: aws_sdk_sqs::Client::new(&config),
            queue_url: "http://local/dead-letters".to_owned(),
        },
    };
    (aws, publisher)
}

/// A stream record of an event of this device; its request id is the sequence number. Without a device, it is a poison
/// record.
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

/// Publishes records of the stream. Returns the first record that was not published.
async fn stopped_at(publisher: &Publisher, records: &[EventRecord]) -> Option<String> {
    match publisher.publish(Invocation { records: records.to_vec(), cause: Cause::Stream }).await {
        Ok(response) => response.batch_item_failures.into_iter().next().map(|failure| failure.item_identifier),
        // To Lambda, an error is the same as a response that names the first record.
        Err(_) => records[0].change.sequence_number.clone(),
    }
}

fn three_devices() -> Vec<EventRecord> {
    vec![record(1, Some("a")), record(2, Some("b")), record(3, Some("c"))]
}

#[tokio::test]
async fn events_of_one_device_never_share_a_batch() {
    let (aws, publisher) = publisher("").await;
    let records = [record(1, Some("a")), record(2, Some("b")), record(3, Some("a")), record(4, Some("c"))];
    assert_eq!(stopped_at(&publisher, &records).await, None);
    assert_eq!(*aws.batches.lock().unwrap(), [vec!["1", "2"], vec!["3", "4"]]);
}

#[tokio::test]
async fn events_of_many_devices_are_published_in_batches_of_ten() {
    let (aws, publisher) = publisher("").await;
    let records: Vec<_> = (1..=25).map(|number| record(number, Some(&format!("device-{number}")))).collect();
    assert_eq!(stopped_at(&publisher, &records).await, None);
    let sizes: Vec<usize> = aws.batches.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
}

#[tokio::test]
async fn fifo_topics_receive_the_escaped_subject_as_message_group() {
    let (aws, publisher) = publisher(".fifo").await;
    assert_eq!(stopped_at(&publisher, &[record(1, Some("a")), record(2, Some("Verizon Test 1"))]).await, None);
    let groups: Vec<_> = aws.messages.lock().unwrap().iter().map(|message| message["MessageGroupId"].clone()).collect();
    assert_eq!(groups, ["a", "Verizon%20Test%201"]);
}

#[tokio::test]
async fn a_poison_record_goes_whole_to_the_dead_letter_queue_and_the_others_are_published() {
    for poison in [1, 2, 3] {
        let (aws, publisher) = publisher("").await;
        let mut records = three_devices();
        records[poison - 1] = record(poison as u32, None);
        assert_eq!(stopped_at(&publisher, &records).await, None);
        let expected: Vec<_> = ["1", "2", "3"].into_iter().filter(|id| *id != poison.to_string()).collect();
        assert_eq!(aws.published(), expected);
        let letters = aws.dead_letters.lock().unwrap().clone();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0]["record"], serde_json::to_value(&records[poison - 1]).unwrap());
        assert_eq!(letters[0]["reason"], "the row's attribute 'event' is no event: line 1, column 1");
    }
}

#[tokio::test]
async fn a_message_that_sns_never_accepts_goes_to_the_dead_letter_queue_and_the_others_are_published() {
    let (aws, publisher) = publisher("").await;
    aws.refuse("2", "InvalidParameter", true);
    assert_eq!(stopped_at(&publisher, &three_devices()).await, None);
    assert_eq!(aws.published(), ["1", "3"]);
    assert_eq!(aws.dead_letters(), ["2"]);
}

#[tokio::test]
async fn a_batch_that_is_refused_for_its_content_is_sent_message_by_message() {
    let (aws, publisher) = publisher("").await;
    aws.refused_with_batch.lock().unwrap().push("2".to_owned());
    assert_eq!(stopped_at(&publisher, &three_devices()).await, None);
    assert_eq!(*aws.batches.lock().unwrap(), [["1"], ["3"]]);
    assert_eq!(aws.dead_letters(), ["2"]);
}

#[tokio::test]
async fn a_server_fault_of_one_message_is_named_and_no_later_batch_is_sent() {
    for (code, sender_fault) in [("InternalError", false), ("KMSThrottling", true), ("AuthorizationError", true)] {
        let (aws, publisher) = publisher("").await;
        aws.refuse("2", code, sender_fault);
        let records = [record(1, Some("a")), record(2, Some("b")), record(3, Some("b")), record(4, Some("c"))];
        assert_eq!(stopped_at(&publisher, &records).await.as_deref(), Some("2"), "{code}");
        assert_eq!(*aws.batches.lock().unwrap(), [["1"]]);
        assert!(aws.dead_letters().is_empty());
    }
}

#[tokio::test]
async fn during_an_outage_of_sns_every_record_waits_in_order() {
    let outages = [
        (503, "ServiceUnavailable"),
        (400, "Throttling"),
        (403, "AuthorizationError"),
        (403, "InvalidClientTokenId"),
        (404, "NotFound"),
        (400, "KMSDisabled"),
        (400, "KMSAccessDenied"),
    ];
    for outage in outages {
        let (aws, publisher) = publisher("").await;
        aws.fail_with(Some(outage));
        for _ in 0..3 {
            assert_eq!(stopped_at(&publisher, &three_devices()).await.as_deref(), Some("1"), "{outage:?}");
        }
        assert!(aws.dead_letters().is_empty(), "{outage:?}");
        aws.fail_with(None);
        assert_eq!(stopped_at(&publisher, &three_devices()).await, None);
        assert_eq!(aws.published(), ["1", "2", "3"]);
    }
}

#[tokio::test]
async fn an_outage_of_sns_sends_no_poison_record_behind_it_to_the_dead_letter_queue_twice() {
    let (aws, publisher) = publisher("").await;
    let records = [record(1, Some("a")), record(2, None), record(3, Some("b"))];
    aws.fail_with(Some((503, "ServiceUnavailable")));
    for _ in 0..3 {
        assert_eq!(stopped_at(&publisher, &records).await.as_deref(), Some("1"));
    }
    assert!(aws.dead_letters().is_empty());
    aws.fail_with(None);
    assert_eq!(stopped_at(&publisher, &records).await, None);
    assert_eq!((aws.published(), aws.dead_letters()), (vec!["1".to_owned(), "3".to_owned()], vec![json!("2")]));
}

#[tokio::test]
async fn while_the_dead_letter_queue_fails_the_poison_record_and_those_behind_it_wait() {
    let (aws, publisher) = publisher("").await;
    let records = [record(1, Some("a")), record(2, None), record(3, Some("b"))];
    *aws.queue_is_down.lock().unwrap() = true;
    assert_eq!(stopped_at(&publisher, &records).await.as_deref(), Some("2"));
    assert_eq!(aws.published(), ["1"]);
    *aws.queue_is_down.lock().unwrap() = false;
    assert_eq!(stopped_at(&publisher, &records[1..]).await, None);
    assert_eq!((aws.published(), aws.dead_letters()), (vec!["1".to_owned(), "3".to_owned()], vec![json!("2")]));
}

#[tokio::test]
async fn an_outage_at_the_first_record_of_the_stream_is_an_error_of_the_function() {
    let (aws, publisher) = publisher("").await;
    aws.fail_with(Some((503, "ServiceUnavailable")));
    let failed = publisher.publish(Invocation { records: three_devices(), cause: Cause::Stream }).await;
    assert!(failed.is_err(), "the alarm PublisherErrors counts errors: {failed:?}");
}

#[tokio::test]
async fn a_command_is_answered_with_the_poison_records_and_with_the_reason_of_an_outage() {
    for cause in [Cause::Redrive, Cause::Replay { run: "r".to_owned() }] {
        let (aws, publisher) = publisher("").await;
        let invocation = Invocation { records: vec![record(1, None), record(2, Some("a"))], cause };
        aws.fail_with(Some((400, "Throttling")));
        let response = publisher.publish(invocation.clone()).await.unwrap();
        let response = serde_json::to_value(response).unwrap();
        assert_eq!(response["batchItemFailures"], json!([{ "itemIdentifier": "2" }]));
        assert_eq!(response["reason"], "SNS failed: Throttling: m");
        aws.fail_with(None);
        let response = serde_json::to_value(publisher.publish(invocation).await.unwrap()).unwrap();
        let reason = "the row's attribute 'event' is no event: line 1, column 1";
        let rejected = json!([{ "itemIdentifier": "1", "reason": reason }]);
        assert_eq!(response, json!({ "batchItemFailures": [], "rejected": rejected }));
        assert_eq!(aws.published(), ["2"]);
        assert!(aws.dead_letters().is_empty(), "the command knows them, or the queue has them already");
    }
}

#[tokio::test]
async fn a_replay_has_the_id_of_the_event_and_can_be_told_from_it() {
    let (aws, publisher) = publisher(".fifo").await;
    let input = json!({ "Records": [record(1, Some("a"))], "cause": { "replay": { "run": "run-1" } } });
    publisher.publish(serde_json::from_value(input).unwrap()).await.unwrap();
    publisher.publish(Invocation { records: vec![record(1, Some("a"))], cause: Cause::Redrive }).await.unwrap();
    let messages = aws.messages.lock().unwrap().clone();
    let bodies: Vec<Value> = messages.iter().map(|one| serde_json::from_str(&one["Message"]).unwrap()).collect();
    assert_eq!((&bodies[0]["id"], &bodies[0]["replay"]), (&json!("1"), &json!("run-1")));
    assert_eq!((&bodies[1]["id"], bodies[1].get("replay")), (&json!("1"), None));
    let has_attribute = |message: &BTreeMap<String, String>| message.values().any(|value| value == "replay");
    assert_eq!(messages.iter().map(has_attribute).collect::<Vec<_>>(), [true, false]);
    // A FIFO topic drops a message with a deduplication id that it has seen in the last five minutes.
    let ids: Vec<_> = messages.iter().map(|one| one["MessageDeduplicationId"].as_str()).collect();
    assert_eq!(ids, ["1-run-1", "1"]);
}
