//! From the embedded table's stream to the change publisher: what Lambda's event source mapping does when deployed.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use aws_lambda_events::dynamodb::EventRecord;
use change_publisher::Publisher;
use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use serde_json::{Value, from_value, json, to_value};

/// How long to wait when nothing is new.
const PAUSE: Duration = Duration::from_millis(50);

/// Publishes until the task ends. `position` is a file that remembers how far, so that a restart does not publish again.
pub(super) async fn publish(database: Database, publisher: Publisher, position: Option<PathBuf>) {
    let mut published_to = position.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    loop {
        match publish_next(&database, &publisher, published_to.clone()).await {
            Ok(Some(sequence_number)) => {
                if let Some(Err(error)) = position.as_ref().map(|file| std::fs::write(file, &sequence_number)) {
                    eprintln!("The position in the stream cannot be kept: {error}");
                }
                published_to = Some(sequence_number);
            }
            Ok(None) => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                eprintln!("The stream was not published: {error:#}");
                tokio::time::sleep(PAUSE * 20).await;
            }
        }
    }
}

/// Publishes the records after this sequence number; the last one's, if there were any.
async fn publish_next(
    database: &Database,
    publisher: &Publisher,
    published_to: Option<String>,
) -> anyhow::Result<Option<String>> {
    let streams = database.list_streams(from_value::<ListStreamsRequest>(json!({}))?)?;
    let stream = to_value(streams)?;
    let stream = stream.pointer("/Streams/0/StreamArn").context("the table has no stream")?;
    let described = database.describe_stream(from_value::<DescribeStreamRequest>(json!({ "StreamArn": stream }))?)?;
    let shard = &described.stream_description.shards.first().context("the stream has no shard")?.shard_id;
    let mut from = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    if let (Some(position), Some(from)) = (&published_to, from.as_object_mut()) {
        from.insert("ShardIteratorType".to_owned(), Value::from("AFTER_SEQUENCE_NUMBER"));
        from.insert("SequenceNumber".to_owned(), Value::from(position.trim()));
    }
    let iterator = database.get_shard_iterator(from_value::<GetShardIteratorRequest>(from)?)?.shard_iterator;
    let request = json!({ "ShardIterator": iterator, "Limit": 100 });
    let records = database.get_records(from_value::<GetRecordsRequest>(request)?)?.records;
    let Some(last) = records.last() else { return Ok(None) };
    let last = last.dynamodb.sequence_number.clone();

    // The filter of the template's event source mapping.
    let new_events = records.iter().filter(|record| record.event_name == "INSERT").map(to_value).filter(|record| {
        let sort_key = record.as_ref().ok().and_then(|record| record.pointer("/dynamodb/Keys/sk/S")?.as_str());
        sort_key.is_none_or(|sort_key| sort_key.starts_with("EVENT#"))
    });
    let new_events: Vec<EventRecord> = new_events.map(|record| from_value(record?)).collect::<Result<_, _>>()?;
    let response = publisher.publish(new_events).await?;
    match response.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone()) {
        Some(failed) => anyhow::bail!("stopped at {failed}"),
        None => Ok(Some(last)),
    }
}
