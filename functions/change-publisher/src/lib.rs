//! From the table's stream to SNS: every recorded event, at least once, in order per device.
//!
//! The event row is the outbox: it was written together with the device, so nothing that is in the table can be missing
//! from here. A record that cannot be published stops the ones behind it, since they may be of the same device.

mod cloud_event;

use std::collections::{HashMap, HashSet};

use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use device::RecordedEvent;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

pub use cloud_event::CloudEvent;

/// SNS's bound on one `PublishBatch`.
const BATCH: usize = 10;

/// SNS's bound on the messages of one `PublishBatch`, their attributes included, is 256 KiB; less some room for these.
const BATCH_BYTES: usize = 240 * 1024;

/// The same bound holds for one message with its attributes.
const MAX_MESSAGE_BYTES: usize = 250 * 1024;

/// The service whose events have a topic of their own.
const PROVISIONING: &str = "ExternalProvisioningChanges";

/// Where events go.
#[derive(Debug, Clone)]
pub struct Topics {
    /// ARN of the topic of ExternalProvisioningChanges.
    pub provisioning_changes: String,
    /// ARN of the topic of all other callback services.
    pub device_events: String,
}

impl Topics {
    fn of(&self, recorded: &RecordedEvent) -> &str {
        if recorded.event.service == PROVISIONING { &self.provisioning_changes } else { &self.device_events }
    }
}

/// Publishes stream records.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The client of SNS.
    pub sns: Client,
    /// Where to.
    pub topics: Topics,
}

/// Why records were not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The record holds no event as the listener writes it.
    #[error("Stream record {sequence_number} holds no event: {why}")]
    NoEvent {
        /// Of the record, in the stream.
        sequence_number: String,
        /// What is wrong with it.
        why: String,
    },
    /// SNS could not be reached, or refused all.
    #[error("SNS failed: {0}")]
    Unavailable(String),
    /// SNS refused one message.
    #[error("SNS refused a message: {0}")]
    Refused(String),
    /// The SDK would not make the request.
    #[error(transparent)]
    Request(#[from] BuildError),
}

/// The attributes of an event row that matter here.
#[derive(Deserialize)]
struct EventRow {
    event: String,
}

impl Publisher {
    /// Publishes the events of these records in their order. What was not published is named in the response, from the
    /// first one on: Lambda comes back with it.
    ///
    /// # Errors
    ///
    /// If the very first record fails. The failure of the whole invocation makes Lambda halve the batch, until the
    /// record at fault stands alone and can go to the dead-letter queue without others.
    pub async fn publish(&self, records: Vec<EventRecord>) -> Result<DynamoDbEventResponse, PublishError> {
        let mut response = DynamoDbEventResponse::default();
        let (published, failure) = self.publish_in_order(&records).await;
        if let Some(error) = failure {
            let stopped_at = records.get(published).map(row);
            tracing::error!(message = "Not all events were published.", published, of = records.len(), stopped_at, %error);
            let Some(first_left) = records.get(published).filter(|_| published > 0) else { return Err(error) };
            let mut left = DynamoDbBatchItemFailure::default();
            left.item_identifier.clone_from(&first_left.change.sequence_number);
            response.batch_item_failures.push(left);
        }
        Ok(response)
    }

    /// How many records from the first one on were published, and what stopped it.
    async fn publish_in_order(&self, records: &[EventRecord]) -> (usize, Option<PublishError>) {
        let mut published = 0;
        let mut batch = Batch::default();
        for record in records {
            let entry = recorded_event(record).and_then(|recorded| Entry::new(&recorded, self.topics.of(&recorded)));
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let (count, failure) = self.send(std::mem::take(&mut batch)).await;
                    return (published + count, failure.or(Some(error)));
                }
            };
            if !batch.has_room_for(&entry) {
                let (count, failure) = self.send(std::mem::take(&mut batch)).await;
                published += count;
                if failure.is_some() {
                    return (published, failure);
                }
            }
            batch.add(entry);
        }
        let (count, failure) = self.send(batch).await;
        (published + count, failure)
    }

    /// How many entries from the first one on were published, and what stopped it.
    async fn send(&self, batch: Batch) -> (usize, Option<PublishError>) {
        let Some(topic) = batch.topic else { return (0, None) };
        let count = batch.entries.len();
        let request = self.sns.publish_batch().topic_arn(topic).set_publish_batch_request_entries(Some(batch.entries));
        match request.send().await {
            Err(error) => (0, Some(PublishError::Unavailable(aws::reason(&error)))),
            Ok(sent) => {
                // An entry's id is its place in the batch.
                let place = |id: &str| id.parse().unwrap_or(0);
                match sent.failed().iter().min_by_key(|failed| place(failed.id())) {
                    None => (count, None),
                    Some(failed) => (place(failed.id()), Some(PublishError::Refused(failed.code().to_owned()))),
                }
            }
        }
    }
}

/// The key of a stream record's row: what an operator needs to find it in the table.
fn row(record: &EventRecord) -> String {
    let keys: HashMap<String, String> = serde_dynamo::from_item(record.change.keys.clone()).unwrap_or_default();
    let key = |name| keys.get(name).map(String::as_str).unwrap_or_default();
    format!("{} {}", key("pk"), key("sk"))
}

/// The event that a stream record carries.
fn recorded_event(record: &EventRecord) -> Result<RecordedEvent, PublishError> {
    let no_event = |why: String| PublishError::NoEvent {
        sequence_number: record.change.sequence_number.clone().unwrap_or_default(),
        why,
    };
    let row: EventRow =
        serde_dynamo::from_item(record.change.new_image.clone()).map_err(|error| no_event(error.to_string()))?;
    serde_json::from_str(&row.event)
        .map_err(|error| no_event(format!("line {}, column {}", error.line(), error.column())))
}

/// A message on its way.
struct Entry {
    topic: String,
    subject: String,
    event_id: String,
    body: String,
    attributes: HashMap<String, MessageAttributeValue>,
}

impl Entry {
    fn new(recorded: &RecordedEvent, topic: &str) -> Result<Self, PublishError> {
        let json = |event: &CloudEvent<'_>| {
            serde_json::to_string(event).map_err(|error| PublishError::Refused(error.to_string()))
        };
        let mut event = CloudEvent::of(recorded);
        let mut body = json(&event)?;
        if body.len() > MAX_MESSAGE_BYTES {
            event = event.without_report(recorded);
            body = json(&event)?;
        }
        let mut attributes = HashMap::new();
        for (name, value) in event.attributes() {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
            attributes.insert(name.to_owned(), value);
        }
        let (subject, event_id) = (event.subject.clone(), event.id.clone());
        Ok(Self { topic: topic.to_owned(), subject, event_id, body, attributes })
    }

    fn into_request(self, place: usize) -> Result<PublishBatchRequestEntry, BuildError> {
        let fifo = self.topic.ends_with(".fifo");
        PublishBatchRequestEntry::builder()
            .id(place.to_string())
            .message(self.body)
            .set_message_attributes(Some(self.attributes))
            .set_message_group_id(fifo.then(|| group(&self.subject)))
            .set_message_deduplication_id(fifo.then_some(self.event_id))
            .build()
    }
}

/// A FIFO topic's group: SNS takes no spaces, which names of accounts have, and at most 128 characters.
fn group(subject: &str) -> String {
    utf8_percent_encode(subject, NON_ALPHANUMERIC).to_string().chars().take(128).collect()
}

/// Messages for one topic, of which no two are about the same device: SNS does not say in which order it takes them.
#[derive(Default)]
struct Batch {
    topic: Option<String>,
    subjects: HashSet<String>,
    bytes: usize,
    entries: Vec<PublishBatchRequestEntry>,
}

impl Batch {
    fn has_room_for(&self, entry: &Entry) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == entry.topic)
            && !self.subjects.contains(&entry.subject)
            && self.entries.len() < BATCH
            && (self.entries.is_empty() || self.bytes + entry.body.len() <= BATCH_BYTES)
    }

    fn add(&mut self, entry: Entry) {
        self.topic = Some(entry.topic.clone());
        self.subjects.insert(entry.subject.clone());
        self.bytes += entry.body.len();
        // A builder that has id and message cannot fail.
        self.entries.extend(entry.into_request(self.entries.len()));
    }
}
