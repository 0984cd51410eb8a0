//! Finding devices and their events.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::rows::{EVENT, Key, Row, get_json, get_text, partition, text};
use super::{Store, StoreError};
use crate::event::{Event, RecordedEvent, Subject};
use crate::identity::{DeviceId, Identifier};
use crate::state::Device;

/// DynamoDB's bound on one `BatchGetItem`.
const BATCH: usize = 100;

/// After which event to go on: the device that it is of, and its sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsFrom {
    /// The device, or one that was merged into it.
    pub device: DeviceId,
    /// The sequence after which to go on.
    pub after: u64,
}

impl Store {
    /// The device that has this identifier.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] where the table cannot be read.
    pub async fn device_with(&self, identifier: &Identifier) -> Result<Option<Device>, StoreError> {
        match self.get(&Key::identifier(identifier)).await? {
            Some(row) => self.device(&DeviceId::from(get_text(&row, "device")?)).await,
            None => Ok(None),
        }
    }

    /// The device with this id.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] where the table cannot be read.
    pub async fn device(&self, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        self.get(&Key::device(id)).await?.map(|row| get_json(&row, "device")).transpose()
    }

    /// The history of a device, oldest first: of those that were merged into it, then its own. At most `limit` events
    /// (fewer where rows are large), and where to go on, if there may be more.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] where the table cannot be read.
    pub async fn events(
        &self,
        device: &Device,
        from: Option<EventsFrom>,
        limit: usize,
    ) -> Result<(Vec<Event>, Option<EventsFrom>), StoreError> {
        let from = from.as_ref();
        let history = device.merged_from.iter().chain([&device.id]);
        let mut events = Vec::new();
        for id in history.skip_while(|id| from.is_some_and(|from| from.device != **id)) {
            let mut after = from.filter(|from| from.device == *id).map_or(0, |from| from.after);
            loop {
                let wanted = limit.saturating_sub(events.len());
                if wanted == 0 {
                    return Ok((events, Some(EventsFrom { device: id.clone(), after })));
                }
                let found = self.events_after(&Subject::Device(id.clone()), after, wanted).await?;
                match found.last() {
                    Some(last) => after = last.sequence,
                    None => break,
                }
                events.extend(found);
            }
        }
        Ok((events, None))
    }

    async fn events_after(&self, subject: &Subject, after: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        let first = Key::event(subject, after + 1).row();
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(partition(subject)))
            .expression_attribute_values(":first", text(get_text(&first, "sk")?))
            .expression_attribute_values(":last", text(format!("{EVENT}~")))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::unavailable(&error))?;
        found.items().iter().map(|row| get_json(row, "event").map(|recorded: RecordedEvent| recorded.event)).collect()
    }

    /// Opens the connection, so that the first message does not wait for it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] where the table cannot be read.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.get_all(&[Key::device(&DeviceId::from("warm-up"))]).await.map(drop)
    }

    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key.row())).consistent_read(true);
        let found = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
        Ok(found.item)
    }

    /// The rows of these keys that exist, asked for together.
    pub(super) async fn get_all(&self, keys: &[Key]) -> Result<HashMap<Key, Row>, StoreError> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut left: Vec<Row> = keys.iter().map(Key::row).collect();
        while !left.is_empty() {
            let batch = left.split_off(left.len().saturating_sub(BATCH));
            let wanted = KeysAndAttributes::builder().set_keys(Some(batch)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let request = self.client.batch_get_item().request_items(&self.table, wanted);
            let mut answer = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
            for row in answer.responses.take().unwrap_or_default().into_values().flatten() {
                found.insert(Key::of(&row)?, row);
            }
            let unread = answer.unprocessed_keys.take().unwrap_or_default();
            left.extend(unread.into_values().flat_map(|unread| unread.keys));
        }
        Ok(found)
    }
}
