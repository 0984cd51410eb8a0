//! A plan as the items of one `TransactWriteItems`: conditional writes, which fail if a row has changed since it was
//! read.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use device::{
    CallbackDelivery, Device, DeviceId, Digest, Event, Move, OwnerChange, Plan, Receipt, RecordedEvent, RequestOutcome,
};

use crate::error::StoreError;
use crate::limits::{MAX_ROW_BYTES, MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ITEMS};
use crate::rows::{Key, Row, get_text, json, number, text};
use crate::table::Store;

/// The items that a plan writes.
#[derive(Default)]
pub(crate) struct Items {
    pub(crate) items: Vec<TransactWriteItem>,
    /// Approximate size in bytes.
    pub(crate) bytes: usize,
}

impl Items {
    /// Whether one transaction can hold these too.
    pub(crate) fn has_room_for(&self, more: &Self) -> bool {
        self.items.len() + more.items.len() <= MAX_TRANSACTION_ITEMS && self.bytes + more.bytes <= MAX_TRANSACTION_BYTES
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.items.extend(more.items);
        self.bytes += more.bytes;
    }
}

/// Why a plan cannot be written.
pub(crate) enum ItemsError {
    /// An event or a device is too large for a row; its size as JSON, in bytes.
    TooLarge(usize),
    Store(StoreError),
}

impl From<StoreError> for ItemsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Store {
    /// The items that a plan writes. `read` is the receipt that an equal message left under the same idempotency key,
    /// where this message is not its duplicate.
    pub(crate) fn items(
        &self,
        delivery: &CallbackDelivery,
        key: &Digest,
        read: Option<&Receipt>,
        plan: &mut Plan,
    ) -> Result<Items, ItemsError> {
        let mut written = Items::default();
        let (events, moves) = match plan {
            Plan::Devices(events, moves) => (events.as_mut_slice(), moves.as_slice()),
            Plan::Account(event) => (std::slice::from_mut(event), [].as_slice()),
        };
        if let Some(first) = events.first() {
            written.items.push(self.receipt_item(delivery, key, &delivery.receipt(&first.event, read), read)?);
        }
        for recorded in events {
            let (state, state_bytes) = self.state_item(recorded)?;
            let (event, event_bytes) = self.event_item(recorded)?;
            written.bytes += state_bytes + event_bytes;
            written.items.extend([state, event]);
            written.items.extend(self.request_item(recorded)?);
        }
        for moved in moves {
            written.items.push(self.move_item(moved)?);
        }
        Ok(written)
    }

    /// The receipt, conditional on there being none, or still the one that was read: two writers with the same
    /// idempotency key cannot both succeed.
    fn receipt_item(
        &self,
        delivery: &CallbackDelivery,
        key: &Digest,
        receipt: &Receipt,
        read: Option<&Receipt>,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut row = Key::receipt(key).row();
        row.insert("receivedAt".to_owned(), number(receipt.received_at));
        row.insert("subject".to_owned(), text(&receipt.subject));
        row.insert("sequence".to_owned(), number(receipt.sequence));
        row.insert("expiresAt".to_owned(), number(delivery.receipt_expires_at()));
        if !receipt.earlier.is_empty() {
            let times: BTreeSet<_> = receipt.earlier.iter().map(ToString::to_string).collect();
            row.insert("earlier".to_owned(), AttributeValue::Ns(times.into_iter().collect()));
        }
        if let Some(attempt) = receipt.attempt {
            row.insert("attempt".to_owned(), number(attempt));
        }
        let put = self.put(row);
        item(match read {
            // TTL may delete an expired receipt at any time.
            Some(read) => put
                .condition_expression("attribute_not_exists(pk) OR (subject = :subject AND #sequence = :sequence)")
                .expression_attribute_names("#sequence", "sequence")
                .expression_attribute_values(":subject", text(&read.subject))
                .expression_attribute_values(":sequence", number(read.sequence)),
            None => put.condition_expression("attribute_not_exists(pk)"),
        })
    }

    /// The row of the device or the account, under optimistic locking: conditional on the version that was read.
    fn state_item(&self, recorded: &RecordedEvent) -> Result<(TransactWriteItem, usize), ItemsError> {
        let sequence = recorded.event.sequence;
        let mut row = Key::state(&recorded.event.subject).row();
        row.insert("version".to_owned(), number(sequence));
        let mut bytes = 0;
        if let Some(device) = &recorded.device {
            let attributes = device_row(device)?;
            bytes = get_text(&attributes, "device")?.len();
            if bytes > MAX_ROW_BYTES {
                return Err(ItemsError::TooLarge(bytes));
            }
            row.extend(attributes);
        }
        let put = self.put(row);
        let put = if sequence == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :version").expression_attribute_values(":version", number(sequence - 1))
        };
        Ok((item(put)?, bytes))
    }

    fn event_item(&self, recorded: &mut RecordedEvent) -> Result<(TransactWriteItem, usize), ItemsError> {
        let mut contents = json(recorded)?;
        if contents.len() > MAX_ROW_BYTES {
            recorded.event.omit_copies();
            contents = json(recorded)?;
        }
        let event = &recorded.event;
        let bytes = contents.len() + event.change.len();
        if bytes > MAX_ROW_BYTES {
            return Err(ItemsError::TooLarge(bytes));
        }
        let mut row = Key::event(&event.subject, event.sequence).row();
        row.insert("service".to_owned(), text(&event.service));
        row.insert("change".to_owned(), text(&event.change));
        row.insert("receivedAt".to_owned(), text(event.received_at.to_string()));
        row.insert("event".to_owned(), text(contents));
        self.expire(&mut row, event);
        Ok((item(self.put(row).condition_expression("attribute_not_exists(pk)"))?, bytes))
    }

    /// The outcome of a request for one device, if the event reports one. Found by the request's id.
    fn request_item(&self, recorded: &RecordedEvent) -> Result<Option<TransactWriteItem>, StoreError> {
        let event = &recorded.event;
        let (Some(request_id), Some(result)) = (&event.request_id, &event.result) else { return Ok(None) };
        let outcome = RequestOutcome {
            subject: event.subject.clone(),
            identifiers: event.devices.clone(),
            service: event.service.clone(),
            result: result.clone(),
            received_at: event.received_at,
            sequence: event.sequence,
        };
        let mut row = Key::request(request_id, &event.subject, event.sequence).row();
        row.insert("outcome".to_owned(), text(json(&outcome)?));
        self.expire(&mut row, event);
        item(self.put(row)).map(Some)
    }

    /// Gives an identifier to a device, or releases it: conditional on the owner that was read.
    fn move_item(&self, moved: &Move) -> Result<TransactWriteItem, StoreError> {
        let key = Key::identifier(&moved.identifier);
        let given_to = |device: &DeviceId| {
            let mut row = key.row();
            row.insert("device".to_owned(), text(device.to_string()));
            self.put(row)
        };
        match &moved.change {
            OwnerChange::Assigned(by) => item(given_to(by).condition_expression("attribute_not_exists(pk)")),
            OwnerChange::Transferred(from, to) => item(
                given_to(to)
                    .condition_expression("device = :owner")
                    .expression_attribute_values(":owner", text(from.to_string())),
            ),
            OwnerChange::Released(from) => {
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(key.row()))
                    .condition_expression("device = :owner")
                    .expression_attribute_values(":owner", text(from.to_string()))
                    .build();
                Ok(TransactWriteItem::builder().delete(delete?).build())
            }
        }
    }

    /// Sets the time-to-live of an event, or of an outcome, if the customer chose one.
    fn expire(&self, row: &mut Row, event: &Event) {
        if self.event_retention_days > 0 {
            let seconds = i64::from(self.event_retention_days) * 24 * 60 * 60;
            row.insert("expiresAt".to_owned(), number(event.received_at.as_second() + seconds));
        }
    }

    fn put(&self, row: Row) -> PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(row))
    }
}

/// The attributes of a device's row beside its key and version.
pub(crate) fn device_row(device: &Device) -> Result<Row, StoreError> {
    let provisioning = &device.provisioning;
    let attributes = [
        ("device", Some(json(device)?)),
        ("updatedAt", Some(device.updated_at.to_string())),
        ("account", provisioning.account.clone()),
        ("state", provisioning.state.clone()),
    ];
    Ok(attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))).collect())
}

fn item(put: PutBuilder) -> Result<TransactWriteItem, StoreError> {
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}
