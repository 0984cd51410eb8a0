//! Events grouped for `PublishBatch`.

use std::collections::HashSet;

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish_batch::builders::PublishBatchFluentBuilder;
use aws_sdk_sns::types::PublishBatchRequestEntry;

use crate::record::Publication;

/// SNS accepts ten messages per `PublishBatch`.
const MAX_BATCH_ENTRIES: usize = 10;

/// SNS accepts 256 KiB per `PublishBatch`, attributes included.
const MAX_BATCH_BYTES: usize = 240 * 1024;

/// Messages for one topic, no two of them about the same device: SNS does not define the order of the entries of a
/// batch.
#[derive(Default)]
pub(crate) struct Batch {
    topic: String,
    groups: HashSet<String>,
    bytes: usize,
    /// The messages, and the number of each one's record.
    entries: Vec<(usize, PublishBatchRequestEntry)>,
}

impl Batch {
    pub(crate) fn has_room_for(&self, publication: &Publication) -> bool {
        self.entries.is_empty()
            || (self.topic == publication.topic
                && !self.groups.contains(&publication.group)
                && self.entries.len() < MAX_BATCH_ENTRIES
                && self.bytes + publication.bytes <= MAX_BATCH_BYTES)
    }

    pub(crate) fn add(&mut self, record: usize, publication: Publication) {
        self.topic = publication.topic;
        self.groups.insert(publication.group);
        self.bytes += publication.bytes;
        self.entries.push((record, publication.entry));
    }

    /// The numbers of the records.
    pub(crate) fn records(&self) -> Vec<usize> {
        self.entries.iter().map(|(record, _)| *record).collect()
    }

    /// The request. The id of an entry is its position.
    pub(crate) fn request(&self, sns: &Client) -> PublishBatchFluentBuilder {
        let entries = self.entries.iter().enumerate().map(|(position, (_, entry))| {
            let mut entry = entry.clone();
            entry.id = position.to_string();
            entry
        });
        sns.publish_batch().topic_arn(&self.topic).set_publish_batch_request_entries(Some(entries.collect()))
    }

    /// A batch for each message.
    pub(crate) fn into_singles(self) -> impl Iterator<Item = Self> {
        let topic = self.topic;
        self.entries.into_iter().map(move |entry| Self {
            topic: topic.clone(),
            entries: vec![entry],
            ..Self::default()
        })
    }
}
