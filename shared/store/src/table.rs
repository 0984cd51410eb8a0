//! The table, and strongly consistent reads of its rows by key.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::future::{Either, select};
use tokio::time::Instant;

use crate::error::StoreError;
use crate::limits::MAX_BATCH_GET_KEYS;
use crate::rows::{Key, Row};
use crate::runtime::{Runtime, Tokio};

/// Rows by key.
pub(crate) type Rows = HashMap<Key, Row>;

/// The table, and how long events stay in it.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) event_retention_days: u32,
    pub(crate) runtime: Arc<dyn Runtime>,
}

impl Store {
    /// A store in this table. The time-to-live of events is in days; 0 keeps them indefinitely.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, event_retention_days: u32) -> Self {
        Self { client, table: table.into(), event_retention_days, runtime: Arc::new(Tokio) }
    }

    /// The same with other time and randomness.
    #[must_use]
    pub fn with_runtime(self, runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime, ..self }
    }

    /// The result, unless the deadline comes first. After the deadline, the work is not even started.
    pub(crate) async fn before<T>(&self, deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
        if self.runtime.now() >= deadline {
            return None;
        }
        match select(pin!(work), self.runtime.sleep_until(deadline)).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }

    pub(crate) async fn sleep_before_retry(&self, attempt: u32) {
        self.runtime.sleep_until(self.runtime.now() + self.runtime.backoff(attempt)).await;
    }

    /// The row with this key: a strongly consistent read.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key.row())).consistent_read(true);
        let response = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
        Ok(response.item)
    }

    /// Those rows of these keys that exist: strongly consistent reads. Keys that DynamoDB leaves unprocessed, because
    /// the table is throttled, are retried with backoff.
    pub(crate) async fn get_all(&self, keys: impl IntoIterator<Item = &Key>) -> Result<Rows, StoreError> {
        let mut pending: Vec<Row> = keys.into_iter().map(Key::row).collect();
        let mut rows = HashMap::with_capacity(pending.len());
        let mut throttled = 0;
        while !pending.is_empty() {
            if throttled > 0 {
                self.sleep_before_retry(throttled).await;
            }
            let batch = pending.split_off(pending.len().saturating_sub(MAX_BATCH_GET_KEYS));
            let keys = KeysAndAttributes::builder().set_keys(Some(batch)).consistent_read(true).build()?;
            let request = self.client.batch_get_item().request_items(&self.table, keys);
            let response = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
            for row in response.responses.unwrap_or_default().into_values().flatten() {
                rows.insert(Key::of(&row)?, row);
            }
            let unprocessed = response.unprocessed_keys.unwrap_or_default();
            let unprocessed: Vec<Row> = unprocessed.into_values().flat_map(|unprocessed| unprocessed.keys).collect();
            throttled = if unprocessed.is_empty() { 0 } else { throttled + 1 };
            pending.extend(unprocessed);
        }
        Ok(rows)
    }
}
