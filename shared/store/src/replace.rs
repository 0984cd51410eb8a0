//! Replaces a stored device by one that was rebuilt from its events.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use device::{Device, DeviceId, Subject};
use serde_json::Value;

use crate::error::StoreError;
use crate::items::device_row;
use crate::rows::{Key, Row, get_number, get_text, number};
use crate::table::Store;

/// The row of a device, as it was read.
#[derive(Debug, Clone)]
pub struct StoredDevice {
    /// The device as JSON, or null if the row contains none.
    pub device: Value,
    /// The version beside the device, which every write requires.
    pub version: Option<u64>,
    row: Row,
}

impl Store {
    /// The row of a device, which need not be as this program writes it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn stored_device(&self, id: &DeviceId) -> Result<Option<StoredDevice>, StoreError> {
        let row = self.get(&Key::device(id)).await?;
        Ok(row.map(|row| StoredDevice {
            device: get_text(&row, "device").ok().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
            version: get_number(&row, "version").ok(),
            row,
        }))
    }

    /// Replaces a stored device, unless its row has changed since it was read (optimistic locking). Returns whether it was
    /// replaced. The version stays the number of events, so a callback in flight that has read the device before may
    /// still write over it; its event then contradicts the device, which the next rebuild reports.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be written.
    pub async fn replace_device(&self, read: Option<&StoredDevice>, device: &Device) -> Result<bool, StoreError> {
        let mut row = Key::state(&Subject::Device(device.id.clone())).row();
        row.extend(device_row(device)?);
        row.insert("version".to_owned(), number(device.version));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row));
        let put = match read {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(StoredDevice { row, .. }) => {
                let mut put = put;
                let mut unchanged = Vec::new();
                for name in ["version", "device"] {
                    unchanged.push(match row.get(name) {
                        Some(_) => format!("{name} = :{name}"),
                        None => format!("attribute_not_exists({name})"),
                    });
                    if let Some(value) = row.get(name) {
                        put = put.expression_attribute_values(format!(":{name}"), value.clone());
                    }
                }
                put.condition_expression(unchanged.join(" AND "))
            }
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StoreError::unavailable(&error)),
        }
    }
}
