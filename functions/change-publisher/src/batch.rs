//! Events grouped for `PublishBatch`.

use std::collections::{HashMap, HashSet};

use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use cloud_event::Message;

/// SNS accepts ten messages per `PublishBatch`.
const MAX_BATCH_ENTRIES: usize = 10;

/// SNS accepts 256 KiB per `PublishBatch`, attributes included.
const MAX_BATCH_BYTES: usize = 240 * 1024;

/// Messages for one topic, no two of them about the same device: SNS does not define the order of the entries of a
/// batch.
#[derive(Default)]
pub(crate) struct Batch {
    topic: Option<String>,
    groups: HashSet<String>,
    bytes: usize,
    entries: Vec<PublishBatchRequestEntry>,
}

impl Batch {
    pub(crate) fn has_room_for(&self, topic: &str, message: &Message) -> bool {
        self.topic.as_ref().is_none_or(|own| own == topic)
            && !self.groups.contains(&message.group_id)
            && self.entries.len() < MAX_BATCH_ENTRIES
            && (self.entries.is_empty() || self.bytes + message.body.len() <= MAX_BATCH_BYTES)
    }

    pub(crate) fn add(&mut self, topic: &str, message: Message) -> Result<(), BuildError> {
        let (bytes, group) = (message.body.len(), message.group_id.clone());
        // The id of an entry is its position.
        self.entries.push(entry(self.entries.len(), topic.ends_with(".fifo"), message)?);
        self.topic = Some(topic.to_owned());
        self.groups.insert(group);
        self.bytes += bytes;
        Ok(())
    }

    /// The topic and the entries, unless there are none.
    pub(crate) fn into_request(self) -> Option<(String, Vec<PublishBatchRequestEntry>)> {
        Some((self.topic?, self.entries))
    }
}

fn entry(position: usize, fifo: bool, message: Message) -> Result<PublishBatchRequestEntry, BuildError> {
    let mut attributes = HashMap::new();
    for (name, value) in message.attributes {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
        attributes.insert(name.to_owned(), value);
    }
    PublishBatchRequestEntry::builder()
        .id(position.to_string())
        .message(message.body)
        .set_message_attributes(Some(attributes))
        .set_message_group_id(fifo.then_some(message.group_id))
        .set_message_deduplication_id(fifo.then_some(message.deduplication_id))
        .build()
}
