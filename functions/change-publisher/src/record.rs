//! What a stream record publishes.

use std::collections::HashMap;

use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use cloud_event::Message;
use device::RecordedEvent;
use serde::Deserialize;

use crate::invocation::Cause;
use crate::settings::Topics;

/// The service whose events have a topic of their own.
const PROVISIONING: &str = "ExternalProvisioningChanges";

/// The message of a record.
pub(crate) struct Publication {
    pub(crate) topic: String,
    /// Equal for all events of one device or account.
    pub(crate) group: String,
    pub(crate) bytes: usize,
    pub(crate) entry: PublishBatchRequestEntry,
}

/// The attribute of an event row that is published.
#[derive(Deserialize)]
struct EventRow {
    event: String,
}

/// The message of a record.
///
/// # Errors
///
/// Why the record is a poison record: it contains no event as the store writes it. The text quotes nothing of it.
pub(crate) fn publication(record: &EventRecord, topics: &Topics, cause: &Cause) -> Result<Publication, String> {
    let recorded = recorded_event(record)?;
    let topic =
        if recorded.event.service == PROVISIONING { &topics.provisioning_changes } else { &topics.device_events };
    let message = cloud_event::device_event(&recorded, cause.replay())
        .map_err(|error| format!("the event cannot be serialized: {error}"))?;
    let (group, bytes) = (message.group_id.clone(), message.body.len());
    let entry = entry(topic.ends_with(".fifo"), message)
        .map_err(|error| format!("the request to SNS cannot be built: {error}"))?;
    Ok(Publication { topic: topic.clone(), group, bytes, entry })
}

fn recorded_event(record: &EventRecord) -> Result<RecordedEvent, String> {
    let row: EventRow = serde_dynamo::from_item(record.change.new_image.clone())
        .map_err(|_| "the row has no text attribute 'event'".to_owned())?;
    serde_json::from_str(&row.event).map_err(|error| {
        format!("the row's attribute 'event' is no event: line {}, column {}", error.line(), error.column())
    })
}

fn entry(fifo: bool, message: Message) -> Result<PublishBatchRequestEntry, BuildError> {
    let mut attributes = HashMap::new();
    for (name, value) in message.attributes {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
        attributes.insert(name.to_owned(), value);
    }
    PublishBatchRequestEntry::builder()
        // The batch gives it an id.
        .id("")
        .message(message.body)
        .set_message_attributes(Some(attributes))
        .set_message_group_id(fifo.then_some(message.group_id))
        .set_message_deduplication_id(fifo.then_some(message.deduplication_id))
        .build()
}

/// The key of a record's row, with which an operator finds it in the table.
pub(crate) fn row_key(record: &EventRecord) -> String {
    let keys: HashMap<String, String> = serde_dynamo::from_item(record.change.keys.clone()).unwrap_or_default();
    let key = |name| keys.get(name).map(String::as_str).unwrap_or_default();
    format!("{} {}", key("pk"), key("sk"))
}

/// The position of a record in its stream, which identifies it in a partial batch response.
pub(crate) fn sequence_number(record: &EventRecord) -> String {
    record.change.sequence_number.clone().unwrap_or_default()
}
