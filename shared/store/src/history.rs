//! Recorded events page by page, for the commands that publish them again or rebuild devices from them.

use aws_sdk_dynamodb::types::AttributeValue;
use device::{DeviceId, RecordedEvent, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::rows::{EVENT, Row, get_json, get_text, partition, text};
use crate::table::Store;

/// Prefix of the partition keys of devices.
const DEVICE: &str = "DEVICE#";

/// Which events are read.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// Received at this time or later.
    pub since: Timestamp,
    /// Received before this time.
    pub until: Timestamp,
    /// Only of this callback service, as the platform spells it.
    pub service: Option<String>,
}

/// The key of a row, at which a later read continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The partition key.
    pub partition: String,
    /// The sort key.
    pub sort: String,
}

/// A recorded event as its row contains it.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// The key of the row.
    pub position: Position,
    /// The callback service.
    pub service: String,
    /// The [`RecordedEvent`] as JSON.
    pub event: String,
}

/// A page of rows. Events of one device or account follow each other in the order of their sequences.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows that match.
    pub rows: Vec<T>,
    /// The number of rows that were read for it.
    pub examined: u64,
    /// Where the next page starts, if there is one.
    pub next: Option<Position>,
}

impl Position {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { partition: get_text(row, "pk")?.to_owned(), sort: get_text(row, "sk")?.to_owned() })
    }

    fn key(&self) -> Row {
        Row::from([("pk".to_owned(), text(&self.partition)), ("sk".to_owned(), text(&self.sort))])
    }

    /// The position before all events of a device or account.
    #[must_use]
    pub fn before(subject: &Subject) -> Self {
        Self { partition: partition(subject), sort: EVENT.to_owned() }
    }

    /// Whether it is a row of this device or account.
    #[must_use]
    pub fn is_of(&self, subject: &Subject) -> bool {
        self.partition == partition(subject)
    }
}

impl EventFilter {
    /// DynamoDB's filter, with the names and values that it contains. Times are compared as text, to the second: fractions
    /// have different lengths.
    fn expression(&self) -> (String, Vec<(&'static str, AttributeValue)>) {
        let second = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let mut expression = "begins_with(sk, :event) AND receivedAt BETWEEN :since AND :until".to_owned();
        let mut values = vec![
            (":event", text(EVENT)),
            (":since", text(second(self.since))),
            (":until", text(format!("{}~", second(self.until)))),
        ];
        if let Some(service) = &self.service {
            expression += " AND service = :service";
            values.push((":service", text(service)));
        }
        (expression, values)
    }

    /// The event in a row that passed the filter, if its time matches exactly.
    fn event(&self, row: &Row) -> Result<Option<EventRow>, StoreError> {
        let received_at: Timestamp = get_text(row, "receivedAt")?
            .parse()
            .map_err(|_| StoreError::Corrupt("attribute receivedAt is not a time".to_owned()))?;
        if received_at < self.since || received_at >= self.until {
            return Ok(None);
        }
        Ok(Some(EventRow {
            position: Position::of(row)?,
            service: get_text(row, "service")?.to_owned(),
            event: get_text(row, "event")?.to_owned(),
        }))
    }
}

impl Store {
    /// A page of the events of all devices and accounts.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn all_events(
        &self,
        filter: &EventFilter,
        after: Option<&Position>,
    ) -> Result<Page<EventRow>, StoreError> {
        let (expression, values) = filter.expression();
        let mut request = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression(expression)
            .set_exclusive_start_key(after.map(Position::key));
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        let page = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
        page_of(page.items(), page.scanned_count(), page.last_evaluated_key(), |row| filter.event(row))
    }

    /// A page of the events of one device or account.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn events_of(
        &self,
        subject: &Subject,
        filter: &EventFilter,
        after: Option<&Position>,
    ) -> Result<Page<EventRow>, StoreError> {
        let page = self.event_rows(subject, after).await?;
        page_of(&page.rows, page.rows.len(), page.next.as_ref().map(Position::key).as_ref(), |row| {
            let service = get_text(row, "service")?;
            if filter.service.as_deref().is_some_and(|only| only != service) { Ok(None) } else { filter.event(row) }
        })
    }

    /// All recorded events of a device, oldest first.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn recorded_events(&self, id: &DeviceId) -> Result<Vec<RecordedEvent>, StoreError> {
        let subject = Subject::Device(id.clone());
        let (mut events, mut after) = (Vec::new(), None);
        loop {
            let page = self.event_rows(&subject, after.as_ref()).await?;
            for row in &page.rows {
                events.push(get_json(row, "event")?);
            }
            after = page.next;
            if after.is_none() {
                return Ok(events);
            }
        }
    }

    async fn event_rows(&self, subject: &Subject, after: Option<&Position>) -> Result<Page<Row>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :event)")
            .expression_attribute_values(":pk", text(partition(subject)))
            .expression_attribute_values(":event", text(EVENT))
            .set_exclusive_start_key(after.map(Position::key));
        let page = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
        page_of(page.items(), page.scanned_count(), page.last_evaluated_key(), |row| Ok(Some(row.clone())))
    }

    /// A page of the ids of all devices that have a row, without repetitions next to each other.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be read.
    pub async fn device_ids(&self, after: Option<&Position>) -> Result<Page<DeviceId>, StoreError> {
        let request = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .projection_expression("pk, sk")
            .filter_expression("begins_with(pk, :device)")
            .expression_attribute_values(":device", text(DEVICE))
            .set_exclusive_start_key(after.map(Position::key));
        let page = request.send().await.map_err(|error| StoreError::unavailable(&error))?;
        let id = |row: &Row| Ok(get_text(row, "pk")?.strip_prefix(DEVICE).map(DeviceId::from));
        let mut page = page_of(page.items(), page.scanned_count(), page.last_evaluated_key(), id)?;
        page.rows.dedup();
        Ok(page)
    }

    /// The number of rows in the table. DynamoDB updates it about every six hours.
    ///
    /// # Errors
    ///
    /// A [`StoreError`] if the table cannot be described.
    pub async fn approximate_rows(&self) -> Result<u64, StoreError> {
        let described = self.client.describe_table().table_name(&self.table).send().await;
        let table = described.map_err(|error| StoreError::unavailable(&error))?.table;
        Ok(table.and_then(|table| table.item_count).and_then(|count| count.try_into().ok()).unwrap_or_default())
    }
}

fn page_of<T>(
    rows: &[Row],
    examined: impl TryInto<u64>,
    last: Option<&Row>,
    read: impl Fn(&Row) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, StoreError> {
    Ok(Page {
        rows: rows.iter().filter_map(|row| read(row).transpose()).collect::<Result<_, _>>()?,
        examined: examined.try_into().unwrap_or_default(),
        next: last.map(Position::of).transpose()?,
    })
}
