//! Strongly consistent reads of devices, their events and the outcomes of requests.

use device::{Device, DeviceId, Event, Identifier, RecordedEvent, RequestOutcome, RequestOutcomes, Subject};

use crate::error::StoreError;
use crate::rows::{EVENT, Key, SLICES, get_json, get_text, partition, request_partition, text};
use crate::table::Store;

/// The last event of a page: the next page starts after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor {
    /// The device whose event it is: the one queried, or one that was merged into it.
    pub device: DeviceId,
    /// Its sequence.
    pub after: u64,
}

/// The last device of a page of outcomes: the next page starts after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCursor {
    /// The slice of the rows, 0 to 15.
    pub slice: usize,
    /// The device's partition: `DEVICE#<id>` or `ACCOUNT#<name>`.
    pub partition: String,
}

impl Store {
    /// The device that has this identifier.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
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
    /// A [`StoreError`] if the table cannot be read.
    pub async fn device(&self, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        self.get(&Key::device(id)).await?.map(|row| get_json(&row, "device")).transpose()
    }

    /// The history of a device, oldest first: the events of devices that were merged into it, then its own. At most
    /// `limit` events (fewer if rows are large), and a cursor if there may be more.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn events(
        &self,
        device: &Device,
        from: Option<EventCursor>,
        limit: usize,
    ) -> Result<(Vec<Event>, Option<EventCursor>), StoreError> {
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
                return Ok((events, Some(EventCursor { device: id.clone(), after })));
            }
        }
        Ok((events, None))
    }

    /// The events of one subject, and whether there may be more: DynamoDB limits a page to 1 MB.
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

    /// The outcomes of a request by device: `limit` devices, and a cursor if there may be more.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn request(
        &self,
        request_id: &str,
        after: Option<&OutcomeCursor>,
        limit: usize,
    ) -> Result<(Vec<RequestOutcomes>, Option<OutcomeCursor>), StoreError> {
        let mut found: Vec<RequestOutcomes> = Vec::new();
        let first = after.map_or(0, |after| after.slice);
        for (number, slice) in SLICES.iter().enumerate().skip(first) {
            // The last device of this slice so far; its outcomes end where the next one's begin.
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
                        None if full => return Ok((found, Some(OutcomeCursor { slice: number, partition: last }))),
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

    /// Opens the connection during the cold start, so that the first message reuses it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.get_all([&Key::device(&DeviceId::from("warm-up"))]).await.map(drop)
    }
}
