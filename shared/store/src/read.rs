//! Finding devices and their events.

use device::{Device, DeviceId, Event, Identifier, RecordedEvent, RequestOutcome, RequestOutcomes, Subject};

use crate::rows::{EVENT, Key, Row, SLICES, get_json, get_text, partition, request_partition, text};
use crate::{Store, StoreError};

/// After which event to go on: the device that it is of, and its sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsFrom {
    /// The device, or one that was merged into it.
    pub device: DeviceId,
    /// The sequence after which to go on.
    pub after: u64,
}

/// After which device's answers to a request to go on: the slice of the rows that they are in, and their partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFrom {
    /// 0 to 15.
    pub slice: usize,
    /// `DEVICE#<id>` or `ACCOUNT#<name>`.
    pub partition: String,
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
            let wanted = limit.saturating_sub(events.len());
            let (found, more) = self.events_after(&Subject::Device(id.clone()), after, wanted).await?;
            after = found.last().map_or(after, |last| last.sequence);
            events.extend(found);
            if more || events.len() >= limit {
                return Ok((events, Some(EventsFrom { device: id.clone(), after })));
            }
        }
        Ok((events, None))
    }

    /// The events of one subject, and whether there may be more of them: a page of DynamoDB holds 1 MB.
    async fn events_after(
        &self,
        subject: &Subject,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Event>, bool), StoreError> {
        let first = Key::event(subject, after.saturating_add(1)).row();
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
        let event = |row| get_json(row, "event").map(|recorded: RecordedEvent| recorded.event);
        let events = found.items().iter().map(event).collect::<Result<_, _>>()?;
        Ok((events, found.last_evaluated_key().is_some()))
    }

    /// What became of a request, device by device. About `limit` devices, and where to go on, if there may be more.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] where the table cannot be read.
    pub async fn request(
        &self,
        request_id: &str,
        after: Option<&RequestFrom>,
        limit: usize,
    ) -> Result<(Vec<RequestOutcomes>, Option<RequestFrom>), StoreError> {
        let mut found: Vec<RequestOutcomes> = Vec::new();
        let first = after.map_or(0, |after| after.slice);
        for (number, slice) in SLICES.iter().enumerate().skip(first) {
            // The last device of this slice so far; its answers end where the next one's begin.
            let mut last = after.filter(|after| after.slice == number).map_or("", |after| &after.partition).to_owned();
            let mut start = text(if last.is_empty() { " ".to_owned() } else { format!("{last}#~") });
            loop {
                let page = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .key_condition_expression("pk = :pk AND sk > :after")
                    .expression_attribute_values(":pk", text(request_partition(request_id, slice)))
                    .expression_attribute_values(":after", start.clone())
                    .consistent_read(true)
                    .send()
                    .await
                    .map_err(|error| StoreError::unavailable(&error))?;
                for row in page.items() {
                    let newest: RequestOutcome = get_json(row, "outcome")?;
                    let subject = partition(&newest.subject);
                    let full = found.len() >= limit;
                    match found.last_mut().filter(|_| subject == last) {
                        Some(known) => known.earlier.push(std::mem::replace(&mut known.newest, newest)),
                        None if full => return Ok((found, Some(RequestFrom { slice: number, partition: last }))),
                        None => found.push(RequestOutcomes { newest, earlier: Vec::new() }),
                    }
                    last = subject;
                }
                match page.last_evaluated_key().and_then(|key| key.get("sk")) {
                    Some(sort_key) => start = sort_key.clone(),
                    None => break,
                }
            }
        }
        Ok((found, None))
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
}
