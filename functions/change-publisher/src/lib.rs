//! From the table's stream to SNS: every recorded event, at least once, in order per device.
//!
//! The event row is the outbox. It was written in the transaction that changed the device, so every recorded event is
//! in the stream. A record that cannot be published stops the records behind it, since they may be about the same
//! device.

mod batch;
mod settings;

use std::collections::HashMap;

use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use device::RecordedEvent;
use serde::Deserialize;

use batch::Batch;
pub use settings::Topics;

/// The service whose events have a topic of their own.
const PROVISIONING: &str = "ExternalProvisioningChanges";

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
    /// The topics.
    pub topics: Topics,
}

/// Why records were not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A poison record: it contains no event as the store writes it.
    #[error("stream record {sequence_number} contains no event: {reason}")]
    NoEvent {
        /// The record's position in the stream.
        sequence_number: String,
        /// What is wrong with it.
        reason: String,
    },
    /// SNS is unreachable or refused the whole batch.
    #[error("SNS failed: {0}")]
    Unavailable(String),
    /// SNS refused a single message.
    #[error("SNS refused a message: {0}")]
    Refused(String),
    /// The request cannot be built.
    #[error("cannot build the request to SNS: {0}")]
    Request(#[from] BuildError),
    /// The message cannot be serialized.
    #[error("cannot serialize the message: {0}")]
    Message(#[from] serde_json::Error),
}

/// The attribute of an event row that is published.
#[derive(Deserialize)]
struct EventRow {
    event: String,
}

impl Publisher {
    /// Publishes the events of these records in their order. The response names the first record that was not published
    /// (a partial batch response); Lambda sends it and all later ones again.
    ///
    /// # Errors
    ///
    /// The first record cannot be published. This fails the whole invocation, so that Lambda bisects the batch until
    /// the poison record is alone and only this record reaches the dead-letter queue.
    pub async fn publish(&self, records: Vec<EventRecord>) -> Result<DynamoDbEventResponse, PublishError> {
        let mut response = DynamoDbEventResponse::default();
        let (published, failure) = self.publish_in_order(&records).await;
        if let Some(error) = failure {
            let stopped_at = records.get(published).map(row_key);
            tracing::error!(message = "Not all events were published.", published, of = records.len(), stopped_at, %error);
            let Some(first_unpublished) = records.get(published).filter(|_| published > 0) else { return Err(error) };
            let mut item = DynamoDbBatchItemFailure::default();
            item.item_identifier.clone_from(&first_unpublished.change.sequence_number);
            response.batch_item_failures.push(item);
        }
        Ok(response)
    }

    /// The number of records from the first one on that were published, and why the next one was not.
    async fn publish_in_order(&self, records: &[EventRecord]) -> (usize, Option<PublishError>) {
        let mut published = 0;
        let mut batch = Batch::default();
        for record in records {
            let (topic, message) = match self.message(record) {
                Ok(addressed) => addressed,
                Err(error) => {
                    let (count, failure) = self.send(batch).await;
                    return (published + count, failure.or(Some(error)));
                }
            };
            if !batch.has_room_for(&topic, &message) {
                let (count, failure) = self.send(std::mem::take(&mut batch)).await;
                published += count;
                if failure.is_some() {
                    return (published, failure);
                }
            }
            if let Err(error) = batch.add(&topic, message) {
                let (count, failure) = self.send(batch).await;
                return (published + count, failure.or(Some(error.into())));
            }
        }
        let (count, failure) = self.send(batch).await;
        (published + count, failure)
    }

    /// The message of a record, and its topic.
    fn message(&self, record: &EventRecord) -> Result<(String, cloud_event::Message), PublishError> {
        let recorded = recorded_event(record)?;
        Ok((self.topics.of(&recorded).to_owned(), cloud_event::device_event(&recorded)?))
    }

    /// The number of entries from the first one on that were published, and why the next one was not.
    async fn send(&self, batch: Batch) -> (usize, Option<PublishError>) {
        let Some((topic, entries)) = batch.into_request() else { return (0, None) };
        let count = entries.len();
        let request = self.sns.publish_batch().topic_arn(topic).set_publish_batch_request_entries(Some(entries));
        match request.send().await {
            Err(error) => (0, Some(PublishError::Unavailable(aws::reason(&error)))),
            Ok(sent) => {
                let position = |id: &str| id.parse().unwrap_or(0);
                match sent.failed().iter().min_by_key(|failed| position(failed.id())) {
                    None => (count, None),
                    Some(failed) => (position(failed.id()), Some(PublishError::Refused(failed.code().to_owned()))),
                }
            }
        }
    }
}

/// The key of a stream record's row, with which an operator finds it in the table.
fn row_key(record: &EventRecord) -> String {
    let keys: HashMap<String, String> = serde_dynamo::from_item(record.change.keys.clone()).unwrap_or_default();
    let key = |name| keys.get(name).map(String::as_str).unwrap_or_default();
    format!("{} {}", key("pk"), key("sk"))
}

/// The event in a stream record.
fn recorded_event(record: &EventRecord) -> Result<RecordedEvent, PublishError> {
    let no_event = |reason: String| PublishError::NoEvent {
        sequence_number: record.change.sequence_number.clone().unwrap_or_default(),
        reason,
    };
    let row: EventRow =
        serde_dynamo::from_item(record.change.new_image.clone()).map_err(|error| no_event(error.to_string()))?;
    serde_json::from_str(&row.event)
        .map_err(|error| no_event(format!("line {}, column {}", error.line(), error.column())))
}
