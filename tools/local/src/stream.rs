//! Passes the embedded table's stream to the publisher, like Lambda's event source mapping.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use aws_lambda_events::dynamodb::EventRecord;
use change_publisher::{Cause, Invocation, Publisher};
use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use rusqlite::Connection;
use serde_json::{from_value, json, to_value};

/// Polling interval.
const PAUSE: Duration = Duration::from_millis(50);

/// Maximum number of records per read, as in the engine.
const MAX_RECORDS: usize = 1000;

/// A table's stream. Published records are deleted, since the engine keeps them. After a restart, the remaining records
/// are published.
pub struct Stream {
    database: Database,
    /// Direct access to the database, since the engine cannot delete records.
    records: Connection,
    publisher: Publisher,
    /// The iterator at the start of the stream.
    iterator: String,
}

impl Stream {
    /// Opens the stream of the table in this file.
    ///
    /// # Errors
    ///
    /// The file is not usable, or the table has no stream.
    pub fn open(database: Database, file: &Path, publisher: Publisher) -> anyhow::Result<Self> {
        let records = Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        // The engine searches all records for the last sequence number at every write. Without an index, a message for
        // 2,000 devices takes a minute.
        let index = "CREATE INDEX IF NOT EXISTS stream_by_sequence_number
                     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
        records.execute_batch(index).with_context(|| format!("cannot index the stream in {}", file.display()))?;
        let iterator = beginning(&database).context("cannot read the stream")?;
        Ok(Self { database, records, publisher, iterator })
    }

    /// Publishes until the task is stopped.
    pub async fn publish(mut self) {
        loop {
            match self.publish_next().await {
                Ok(MAX_RECORDS) => {}
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    eprintln!("Cannot publish the stream: {error:#}");
                    tokio::time::sleep(PAUSE * 20).await;
                }
            }
        }
    }

    /// Publishes and deletes the first records. Returns their number.
    async fn publish_next(&mut self) -> anyhow::Result<usize> {
        let request = json!({ "ShardIterator": self.iterator, "Limit": MAX_RECORDS });
        let read = self.database.get_records(from_value::<GetRecordsRequest>(request)?)?;
        let Some(last) = read.records.last() else { return Ok(0) };

        // The same filter as the event source mapping in template.yaml.
        let new_events =
            read.records.iter().filter(|record| record.event_name == "INSERT").map(to_value).filter(|record| {
                let sort_key = record.as_ref().ok().and_then(|record| record.pointer("/dynamodb/Keys/sk/S")?.as_str());
                sort_key.is_none_or(|sort_key| sort_key.starts_with("EVENT#"))
            });
        let new_events: Vec<EventRecord> = new_events.map(|record| from_value(record?)).collect::<Result<_, _>>()?;
        let response = self.publisher.publish(Invocation { records: new_events, cause: Cause::Stream }).await?;
        // A partial batch response: the records before the named one are not published again.
        let Some(failed) = response.batch_item_failures.first().map(|failure| failure.item_identifier.as_str()) else {
            self.delete_up_to(&last.event_id)?;
            return Ok(read.records.len());
        };
        let published = read.records.iter().take_while(|record| record.dynamodb.sequence_number != failed).last();
        published.map_or(Ok(()), |record| self.delete_up_to(&record.event_id))?;
        anyhow::bail!("stopped at {failed}: {}", response.reason.unwrap_or_default())
    }

    fn delete_up_to(&self, event_id: &str) -> anyhow::Result<()> {
        let published = "DELETE FROM _stream_records
                         WHERE id <= (SELECT id FROM _stream_records WHERE event_id = ?1 LIMIT 1)";
        self.records.prepare_cached(published)?.execute([event_id])?;
        Ok(())
    }
}

/// An iterator at the start of the stream.
fn beginning(database: &Database) -> anyhow::Result<String> {
    let streams = to_value(database.list_streams(from_value::<ListStreamsRequest>(json!({}))?)?)?;
    let stream = streams.pointer("/Streams/0/StreamArn").context("the table has no stream")?;
    let described = database.describe_stream(from_value::<DescribeStreamRequest>(json!({ "StreamArn": stream }))?)?;
    let shard = &described.stream_description.shards.first().context("the stream has no shard")?.shard_id;
    let from = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let iterator = database.get_shard_iterator(from_value::<GetShardIteratorRequest>(from)?)?.shard_iterator;
    iterator.context("the shard has no iterator")
}
