//! The queues of SQS that the functions use, in a database: with visibility timeouts, and with the redrive policy of
//! template.yaml.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::database;

/// Callbacks that wait to be recorded. Queues are named by the last segment of their URLs.
pub const PARKED: &str = "parked-callbacks";
/// Callbacks that a person must decide about.
pub const QUARANTINE: &str = "quarantined-callbacks";
/// Events that can never be published.
pub const DEAD_LETTERS: &str = "publisher-dead-letters";

/// As in template.yaml: after this many receives, a parked callback moves to the quarantine.
const MAX_RECEIVES: u32 = 100;

/// A received message.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) number: i64,
    pub(super) body: String,
    pub(super) receives: u32,
    /// Valid until the message is received again.
    pub(super) receipt_handle: String,
}

/// The queues.
#[derive(Debug)]
pub struct Queues(Mutex<Connection>);

impl Queues {
    /// Opens the queues in this file.
    ///
    /// # Errors
    ///
    /// The file is not usable.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        let schema = "CREATE TABLE IF NOT EXISTS queued (
                          number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body TEXT NOT NULL,
                          receives INTEGER NOT NULL DEFAULT 0, visible_at INTEGER NOT NULL DEFAULT 0);
                      CREATE INDEX IF NOT EXISTS queued_by_visibility ON queued (queue, visible_at);";
        Ok(Self(Mutex::new(database::open(file, schema)?)))
    }

    /// Adds a message. Returns its number.
    pub(super) fn send(&self, queue: &str, body: &str) -> anyhow::Result<i64> {
        let connection = self.connection();
        connection.prepare_cached("INSERT INTO queued (queue, body) VALUES (?1, ?2)")?.execute(params![queue, body])?;
        Ok(connection.last_insert_rowid())
    }

    /// Receives visible messages, oldest first, and hides them for this time.
    pub(super) fn receive(&self, queue: &str, limit: u32, hidden: Duration) -> anyhow::Result<Vec<Received>> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let now = Timestamp::now().as_millisecond();
        if queue == PARKED {
            let dead = "UPDATE queued SET queue = ?1, receives = 0
                        WHERE queue = ?2 AND visible_at <= ?3 AND receives >= ?4";
            transaction.prepare_cached(dead)?.execute(params![QUARANTINE, PARKED, now, MAX_RECEIVES])?;
        }
        let visible = "UPDATE queued SET receives = receives + 1, visible_at = ?1
                       WHERE number IN (SELECT number FROM queued WHERE queue = ?2 AND visible_at <= ?3
                                        ORDER BY number LIMIT ?4)
                       RETURNING number, body, receives";
        let until = now + i64::try_from(hidden.as_millis())?;
        let mut received = transaction
            .prepare_cached(visible)?
            .query_map(params![until, queue, now, limit], |row| {
                let (number, receives): (i64, u32) = (row.get(0)?, row.get(2)?);
                let receipt_handle = format!("{number}-{receives}");
                Ok(Received { number, body: row.get(1)?, receives, receipt_handle })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        transaction.commit()?;
        received.sort_by_key(|message| message.number);
        Ok(received)
    }

    /// Deletes a received message. One that was received again since stays.
    pub(super) fn delete(&self, queue: &str, receipt_handle: &str) -> anyhow::Result<()> {
        let Some((number, receives)) = message_of(receipt_handle) else { return Ok(()) };
        let delete = "DELETE FROM queued WHERE queue = ?1 AND number = ?2 AND receives = ?3";
        self.connection().prepare_cached(delete)?.execute(params![queue, number, receives])?;
        Ok(())
    }

    /// Hides a received message for this time from now on.
    pub(super) fn change_visibility(&self, queue: &str, receipt_handle: &str, hidden: Duration) -> anyhow::Result<()> {
        let Some((number, receives)) = message_of(receipt_handle) else { return Ok(()) };
        let until = Timestamp::now().as_millisecond() + i64::try_from(hidden.as_millis())?;
        let change = "UPDATE queued SET visible_at = ?1 WHERE queue = ?2 AND number = ?3 AND receives = ?4";
        self.connection().prepare_cached(change)?.execute(params![until, queue, number, receives])?;
        Ok(())
    }

    /// The number of messages, visible or not.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn length(&self, queue: &str) -> anyhow::Result<i64> {
        let count = "SELECT count(*) FROM queued WHERE queue = ?1";
        Ok(self.connection().prepare_cached(count)?.query_row([queue], |row| row.get(0))?)
    }

    /// Up to `limit` messages after this number with their numbers, without receiving them, and the start of the next
    /// page, if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn page(&self, queue: &str, after: i64, limit: usize) -> anyhow::Result<(Vec<Value>, Option<i64>)> {
        let connection = self.connection();
        let select = "SELECT number, body FROM queued WHERE queue = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
        let mut select = connection.prepare_cached(select)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let rows: Vec<(i64, String)> =
            select.query_map(params![queue, after, i64::try_from(limit)?], row)?.collect::<Result<_, _>>()?;
        let last = rows.last().map(|(number, _)| *number);
        let messages = rows.into_iter().map(|(number, body)| with_number(number, &body)).collect();
        let exists = "SELECT 1 FROM queued WHERE queue = ?1 AND number > ?2 LIMIT 1";
        let more = connection.prepare_cached(exists)?.query_row(params![queue, last], |_| Ok(())).optional()?;
        Ok((messages, last.filter(|_| more.is_some())))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a message and how often it had been received.
fn message_of(receipt_handle: &str) -> Option<(i64, u32)> {
    let (number, receives) = receipt_handle.split_once('-')?;
    Some((number.parse().ok()?, receives.parse().ok()?))
}

fn with_number(number: i64, body: &str) -> Value {
    let mut members: Map<String, Value> = serde_json::from_str(body).unwrap_or_else(|_| {
        // Not in the format of a callback: shown as it is.
        Map::from_iter([("message".to_owned(), Value::from(body))])
    });
    members.insert("number".to_owned(), number.into());
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: Duration = Duration::from_secs(60);

    fn queues() -> (tempfile::TempDir, Queues) {
        let directory = tempfile::tempdir().unwrap();
        let queues = Queues::open(&directory.path().join("queues.sqlite")).unwrap();
        (directory, queues)
    }

    #[test]
    fn a_received_message_is_hidden_until_its_timeout_and_deleted_by_its_newest_receipt_only() {
        let (_directory, queues) = queues();
        queues.send(PARKED, "a").unwrap();
        let first = queues.receive(PARKED, 10, HIDDEN).unwrap().remove(0);
        assert_eq!((first.body.as_str(), first.receives), ("a", 1));
        assert!(queues.receive(PARKED, 10, HIDDEN).unwrap().is_empty());

        queues.change_visibility(PARKED, &first.receipt_handle, Duration::ZERO).unwrap();
        let second = queues.receive(PARKED, 10, HIDDEN).unwrap().remove(0);
        assert_eq!(second.receives, 2);
        queues.delete(PARKED, &first.receipt_handle).unwrap();
        assert_eq!(queues.length(PARKED).unwrap(), 1);
        queues.delete(PARKED, &second.receipt_handle).unwrap();
        assert_eq!(queues.length(PARKED).unwrap(), 0);
    }

    #[test]
    fn a_parked_message_moves_to_the_quarantine_after_the_maximum_number_of_receives() {
        let (_directory, queues) = queues();
        queues.send(PARKED, "a").unwrap();
        for _ in 0..MAX_RECEIVES {
            assert_eq!(queues.receive(PARKED, 1, Duration::ZERO).unwrap().len(), 1);
        }
        assert!(queues.receive(PARKED, 1, Duration::ZERO).unwrap().is_empty());
        assert_eq!(queues.receive(QUARANTINE, 1, Duration::ZERO).unwrap().len(), 1);
    }

    #[test]
    fn pages_follow_each_other_and_queues_are_apart() {
        let (_directory, queues) = queues();
        for _ in 0..3 {
            queues.send(QUARANTINE, r#"{"service":"DeviceUsage"}"#).unwrap();
        }
        let (page, next) = queues.page(QUARANTINE, 0, 2).unwrap();
        assert_eq!((page.len(), next), (2, Some(2)));
        assert_eq!(queues.page(QUARANTINE, 2, 2).unwrap().1, None);
        assert_eq!(page[1].to_string(), r#"{"number":2,"service":"DeviceUsage"}"#);
        assert!(queues.page(PARKED, 0, 2).unwrap().0.is_empty());
    }
}
