//! The newest messages to SNS and SQS, in a database.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Maximum number of messages of each kind.
const MAX_MESSAGES: i64 = 10_000;

/// Maximum size of the messages of each kind, in bytes. Exceeded by at most one message.
const MAX_BYTES: i64 = 32 * 1024 * 1024;

/// The kind of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Published to SNS.
    Topics,
    /// Sent to the quarantine in SQS.
    Quarantine,
    /// Sent to the publisher's dead-letter queue in SQS.
    DeadLetters,
}

impl Kind {
    fn table(self) -> &'static str {
        match self {
            Self::Topics => "topics",
            Self::Quarantine => "quarantine",
            Self::DeadLetters => "dead_letters",
        }
    }
}

/// A page of messages, and the start of the next page, if there is one.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) messages: Vec<Box<RawValue>>,
    pub(super) next: Option<i64>,
}

/// The database of messages.
#[derive(Debug)]
pub(super) struct Messages(Mutex<Connection>);

impl Messages {
    /// Opens the database in this file.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        // Messages of the quarantine contain credentials, so only the owner can read the file.
        let mut owned = File::options();
        owned.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut owned, 0o600);
        owned.open(file).with_context(|| format!("cannot open {}", file.display()))?;
        let connection = Connection::open(file).and_then(|connection| {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            for kind in [Kind::Topics, Kind::Quarantine, Kind::DeadLetters] {
                // `total` is the size of a message and of all before it.
                connection.execute_batch(&format!(
                    "CREATE TABLE IF NOT EXISTS {} (number INTEGER PRIMARY KEY, total INTEGER UNIQUE, message TEXT)",
                    kind.table()
                ))?;
            }
            Ok(connection)
        });
        Ok(Self(Mutex::new(connection.with_context(|| format!("cannot open {}", file.display()))?)))
    }

    /// Stores a message under the next number and deletes old ones beyond the limits.
    pub(super) fn add(&self, kind: Kind, mut message: Map<String, Value>) -> anyhow::Result<i64> {
        let (connection, table) = (self.connection(), kind.table());
        let last = format!("SELECT number, total FROM {table} ORDER BY number DESC LIMIT 1");
        let last = connection.prepare_cached(&last)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (number, total): (i64, i64) = last.unwrap_or_default();
        let number = number + 1;
        message.insert("number".to_owned(), number.into());
        let text = Value::Object(message).to_string();
        let total = total + i64::try_from(text.len())?;
        connection
            .prepare_cached(&format!("INSERT INTO {table} VALUES (?1, ?2, ?3)"))?
            .execute(params![number, total, text])?;
        for (column, last) in [("number", number - MAX_MESSAGES), ("total", total - MAX_BYTES)] {
            connection.prepare_cached(&format!("DELETE FROM {table} WHERE {column} <= ?1"))?.execute([last])?;
        }
        Ok(number)
    }

    /// Up to `limit` messages after this number, oldest first.
    pub(super) fn page(&self, kind: Kind, after: i64, limit: usize) -> anyhow::Result<Page> {
        let connection = self.connection();
        let select = format!("SELECT number, message FROM {} WHERE number > ?1 ORDER BY number LIMIT ?2", kind.table());
        let mut select = connection.prepare_cached(&select)?;
        let rows = select.query_map(params![after, i64::try_from(limit)? + 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(number, _)| *number);
        let messages = rows.into_iter().map(|(_, message)| RawValue::from_string(message)).collect::<Result<_, _>>()?;
        Ok(Page { messages, next })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages() -> (tempfile::TempDir, Messages) {
        let directory = tempfile::tempdir().unwrap();
        let messages = Messages::open(&directory.path().join("messages.sqlite")).unwrap();
        (directory, messages)
    }

    fn add(messages: &Messages, text: &str) {
        messages.add(Kind::Topics, Map::from_iter([("text".to_owned(), json!(text))])).unwrap();
    }

    fn numbers(messages: &Messages, after: i64, limit: usize) -> (Vec<i64>, Option<i64>) {
        let page = messages.page(Kind::Topics, after, limit).unwrap();
        let number = |message: &RawValue| serde_json::from_str::<Value>(message.get()).unwrap()["number"].as_i64();
        (page.messages.iter().map(|message| number(message).unwrap()).collect(), page.next)
    }

    #[test]
    fn the_newest_messages_are_kept_up_to_a_number() {
        let (_directory, messages) = messages();
        for _ in 0..MAX_MESSAGES + 5 {
            add(&messages, "");
        }
        let (kept, next) = numbers(&messages, 0, 20_000);
        assert_eq!((kept.len() as i64, kept[0], next), (MAX_MESSAGES, 6, None));
    }

    #[test]
    fn the_newest_messages_are_kept_up_to_a_size() {
        let (_directory, messages) = messages();
        let mebibyte = "x".repeat(1 << 20);
        for _ in 0..40 {
            add(&messages, &mebibyte);
        }
        assert_eq!(numbers(&messages, 0, 100).0, (9..=40).collect::<Vec<_>>());
    }

    #[test]
    fn pages_follow_each_other_and_kinds_are_apart() {
        let (_directory, messages) = messages();
        for _ in 0..5 {
            add(&messages, "");
        }
        assert_eq!(numbers(&messages, 0, 2), (vec![1, 2], Some(2)));
        assert_eq!(numbers(&messages, 2, 2), (vec![3, 4], Some(4)));
        assert_eq!(numbers(&messages, 4, 2), (vec![5], None));
        assert!(messages.page(Kind::Quarantine, 0, 10).unwrap().messages.is_empty());
    }
}
