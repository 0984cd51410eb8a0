//! Reading many rows at once.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::rows::{Key, Row};
use crate::{Store, StoreError};

/// DynamoDB's bound on one `BatchGetItem`.
pub(crate) const MAX_KEYS: usize = 100;

/// What the table says, by key.
pub(crate) type Rows = HashMap<Key, Row>;

/// A pause before the next try. Full jitter, so that writers of the same device do not meet again.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(fastrand::u64(1..=20 * u64::from(attempt.min(10))))
}

impl Store {
    /// The rows of these keys that exist, asked for together.
    pub(crate) async fn get_all(&self, keys: &[Key]) -> Result<Rows, StoreError> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut left: Vec<Row> = keys.iter().map(Key::row).collect();
        let mut unprocessed = 0;
        while !left.is_empty() {
            if unprocessed > 0 {
                tokio::time::sleep(pause(unprocessed)).await;
            }
            let batch = left.split_off(left.len().saturating_sub(MAX_KEYS));
            let wanted = KeysAndAttributes::builder().set_keys(Some(batch)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let request = self.client.batch_get_item().request_items(&self.table, wanted);
            let mut answer = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
            for row in answer.responses.take().unwrap_or_default().into_values().flatten() {
                found.insert(Key::of(&row)?, row);
            }
            let unread: Vec<_> = answer
                .unprocessed_keys
                .take()
                .unwrap_or_default()
                .into_values()
                .flat_map(|unread| unread.keys)
                .collect();
            unprocessed = if unread.is_empty() { 0 } else { unprocessed + 1 };
            left.extend(unread);
        }
        Ok(found)
    }
}
