//! The newest messages to SNS, in a database.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::database;

/// Maximum number of messages.
const MAX_MESSAGES: i64 = 10_000;

/// Maximum size of the messages, in bytes. Exceeded by at most one message.
const MAX_BYTES: i64 = 32 * 1024 * 1024;

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
        // `total` is the size of a message and of all before it.
        let schema =
            "CREATE TABLE IF NOT EXISTS topics (number INTEGER PRIMARY KEY, total INTEGER UNIQUE, message TEXT)";
        Ok(Self(Mutex::new(database::open(file, schema)?)))
    }

    /// Stores a message under the next number and deletes old ones beyond the limits.
    pub(super) fn add(&self, mut message: Map<String, Value>) -> anyhow::Result<i64> {
        let connection = self.connection();
        let last = "SELECT number, total FROM topics ORDER BY number DESC LIMIT 1";
        let last = connection.prepare_cached(last)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (number, total): (i64, i64) = last.unwrap_or_default();
        let number = number + 1;
        message.insert("number".to_owned(), number.into());
        let text = Value::Object(message).to_string();
        let total = total + i64::try_from(text.len())?;
        connection.prepare_cached("INSERT INTO topics VALUES (?1, ?2, ?3)")?.execute(params![number, total, text])?;
        for (column, last) in [("number", number - MAX_MESSAGES), ("total", total - MAX_BYTES)] {
            connection.prepare_cached(&format!("DELETE FROM topics WHERE {column} <= ?1"))?.execute([last])?;
        }
        Ok(number)
    }

    /// Up to `limit` messages after this number, oldest first.
    pub(super) fn page(&self, after: i64, limit: usize) -> anyhow::Result<Page> {
        let connection = self.connection();
        let select = "SELECT number, message FROM topics WHERE number > ?1 ORDER BY number LIMIT ?2";
        let mut select = connection.prepare_cached(select)?;
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
        messages.add(Map::from_iter([("text".to_owned(), json!(text))])).unwrap();
    }

    fn numbers(messages: &Messages, after: i64, limit: usize) -> (Vec<i64>, Option<i64>) {
        let page = messages.page(after, limit).unwrap();
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
    fn pages_follow_each_other() {
        let (_directory, messages) = messages();
        for _ in 0..5 {
            add(&messages, "");
        }
        assert_eq!(numbers(&messages, 0, 2), (vec![1, 2], Some(2)));
        assert_eq!(numbers(&messages, 2, 2), (vec![3, 4], Some(4)));
        assert_eq!(numbers(&messages, 4, 2), (vec![5], None));
    }
}
