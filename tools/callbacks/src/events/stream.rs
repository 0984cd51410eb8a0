//! Records of the table's stream that a pointer names.

use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::ProvideErrorMetadata;
use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, Record, ShardIteratorType};
use serde_json::Value;

use super::dead_letter::{Batch, SequenceNumber};
use super::publisher::stream_record;
use crate::error::CommandError;

/// Maximum number of reads of a shard that return no record, as those of an open shard can.
const MAX_EMPTY_READS: u32 = 20;

/// The new events among the records of a batch. `None` if the stream no longer has all records.
pub(super) async fn records_of(client: &Client, batch: &Batch) -> Result<Option<Vec<Value>>, CommandError> {
    let iterator = client
        .get_shard_iterator()
        .stream_arn(&batch.stream_arn)
        .shard_id(&batch.shard_id)
        .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
        .sequence_number(&batch.start_sequence_number.0)
        .send()
        .await;
    let mut iterator = match iterator {
        Ok(output) => output.shard_iterator,
        Err(error) => return expired(&error, aws::reason(&error)),
    };
    let (mut records, mut empty) = (Vec::new(), 0);
    while let Some(next) = iterator.filter(|_| empty < MAX_EMPTY_READS) {
        let output = match client.get_records().shard_iterator(next).send().await {
            Ok(output) => output,
            Err(error) => return expired(&error, aws::reason(&error)),
        };
        empty = if output.records().is_empty() { empty + 1 } else { 0 };
        for record in output.records() {
            let number = record.dynamodb().and_then(|change| change.sequence_number()).unwrap_or_default();
            let number = SequenceNumber(number.to_owned());
            if number <= batch.end_sequence_number {
                records.extend(new_event(record));
            }
            if number >= batch.end_sequence_number {
                return Ok(Some(records));
            }
        }
        iterator = output.next_shard_iterator;
    }
    Ok(None)
}

fn expired<T>(error: &impl ProvideErrorMetadata, reason: String) -> Result<Option<T>, CommandError> {
    match error.code() {
        Some("TrimmedDataAccessException" | "ResourceNotFoundException") => Ok(None),
        _ => Err(CommandError::Unreachable(format!("the stream cannot be read: {reason}"))),
    }
}

/// The record as Lambda sends it to the publisher, if it passes the filter of the event source mapping.
fn new_event(record: &Record) -> Option<Value> {
    let change = record.dynamodb().filter(|_| record.event_name() == Some(&OperationType::Insert))?;
    let text = |value: &AttributeValue| value.as_s().ok().cloned();
    let key = |name| change.keys()?.get(name).and_then(text);
    let sort = key("sk").filter(|sort| sort.starts_with("EVENT#"))?;
    let event = change.new_image().and_then(|row| row.get("event")).and_then(text);
    Some(stream_record(&key("pk")?, &sort, event.as_deref()))
}
