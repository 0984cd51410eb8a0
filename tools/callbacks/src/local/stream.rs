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
use serde_json::{from_value, json, to_value};

/// How long to wait for more.
const PAUSE: Duration = Duration::from_millis(50);

/// Publishes until the task ends. `position` is a file that remembers how far, so that a restart does not publish again.
pub(super) async fn publish(database: Database, publisher: Publisher, position: Option<PathBuf>) {
    let published_to = position.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    let mut iterator = match start(&database, published_to.as_deref()) {
        Ok(iterator) => iterator,
        Err(error) => return eprintln!("The stream cannot be read: {error:#}"),
    };
    loop {
        match publish_next(&database, &publisher, &iterator).await {
            Ok((next, published_to)) => {
                iterator = next;
                let kept = position.as_ref().zip(published_to).map(|(file, last)| std::fs::write(file, last));
                if let Some(Err(error)) = kept {
                    eprintln!("The position in the stream cannot be kept: {error}");
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                eprintln!("The stream was not published: {error:#}");
                tokio::time::sleep(PAUSE * 20).await;
            }
        }
    }
}

/// The iterator behind this sequence number, or at the stream's beginning.
fn start(database: &Database, published_to: Option<&str>) -> anyhow::Result<String> {
    let streams = to_value(database.list_streams(from_value::<ListStreamsRequest>(json!({}))?)?)?;
    let stream = streams.pointer("/Streams/0/StreamArn").context("the table has no stream")?;
    let described = database.describe_stream(from_value::<DescribeStreamRequest>(json!({ "StreamArn": stream }))?)?;
    let shard = &described.stream_description.shards.first().context("the stream has no shard")?.shard_id;
    let from = match published_to {
        None => json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" }),
        Some(position) => json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                                  "SequenceNumber": position.trim() }),
    };
    let iterator = database.get_shard_iterator(from_value::<GetShardIteratorRequest>(from)?)?.shard_iterator;
    iterator.context("the shard has no iterator")
}

/// Publishes the next records: the iterator behind them, and the last one's sequence number, if there were any.
async fn publish_next(
    database: &Database,
    publisher: &Publisher,
    iterator: &str,
) -> anyhow::Result<(String, Option<String>)> {
    let request = json!({ "ShardIterator": iterator, "Limit": 1000 });
    let read = database.get_records(from_value::<GetRecordsRequest>(request)?)?;
    let next = read.next_shard_iterator.context("the shard has ended")?;
    let last = read.records.last().map(|record| record.dynamodb.sequence_number.clone());

    // The filter of the template's event source mapping.
    let new_events =
        read.records.iter().filter(|record| record.event_name == "INSERT").map(to_value).filter(|record| {
            let sort_key = record.as_ref().ok().and_then(|record| record.pointer("/dynamodb/Keys/sk/S")?.as_str());
            sort_key.is_none_or(|sort_key| sort_key.starts_with("EVENT#"))
        });
    let new_events: Vec<EventRecord> = new_events.map(|record| from_value(record?)).collect::<Result<_, _>>()?;
    let response = publisher.publish(new_events).await?;
    match response.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone()) {
        Some(failed) => anyhow::bail!("stopped at {failed}"),
        None => Ok((next, last)),
    }
}
