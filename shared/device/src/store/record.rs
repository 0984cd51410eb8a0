//! Recording what a message says: once, each device in one transaction, which several devices of a message may share.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::read::BATCH;
use super::rows::{Key, Row, get_json, get_number, get_text, json, number, text};
use super::{Store, StoreError};
use crate::digest::Digest;
use crate::event::{Event, RecordedEvent, RequestOutcome, Subject};
use crate::identity::DeviceId;
use crate::observation::{Observation, Occasion};
use crate::plan::{Known, Plan, account_event, plan};

/// How many devices of one message are read and written together: their rows, some six each, stay below the 100 that
/// DynamoDB takes at once.
const TOGETHER: usize = 12;

/// How many such groups are recorded side by side. More would meet the limits of a young table rather than be faster.
const GROUPS_SIDE_BY_SIDE: usize = 8;

/// DynamoDB's rows hold 409,600 bytes; the rest is for the other attributes.
const MAX_ROW_BYTES: usize = 400_000;

/// A partition key holds 2,048 bytes; request ids have 36.
const MAX_REQUEST_ID_BYTES: usize = 512;

/// What became of an observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It is in the table, as these events.
    Now(Vec<RecordedEvent>),
    /// It was in the table before.
    Before,
}

/// What is to be done about an observation.
enum Decision {
    /// Nothing: it was recorded before.
    Before,
    /// What was read does not fit together: somebody else wrote in between.
    Outdated,
    Write(Plan),
}

/// What the table says, by key.
type Rows = HashMap<Key, Row>;

/// An observation, and where the table says what it needs to know.
struct Task<'a> {
    observation: &'a Observation,
    receipt: Digest,
    receipt_key: Key,
    /// The device that has the id derived from the strongest identifier, or the account's counter.
    guess: Key,
    /// All rows to read first.
    keys: Vec<Key>,
}

impl<'a> Task<'a> {
    fn new(observation: &'a Observation, receipt: Digest) -> Self {
        let proof = &observation.naming.proof;
        let receipt_key = Key::receipt(&receipt);
        let guess = match proof.first() {
            Some(strongest) => Key::device(&DeviceId::derived_from(strongest)),
            None => Key::state(&Subject::Account(observation.account.clone().unwrap_or_default())),
        };
        let mut keys = vec![receipt_key.clone(), guess.clone()];
        keys.extend(proof.iter().map(Key::identifier));
        Self { observation, receipt, receipt_key, guess, keys }
    }

    /// Whether its receipt is among these rows, and not of an equal message so long ago that it was another one.
    fn is_recorded(&self, occasion: &Occasion<'_>, rows: &Rows) -> Result<bool, StoreError> {
        let received_at = rows.get(&self.receipt_key).map(|row| get_number::<i64>(row, "receivedAt")).transpose()?;
        Ok(received_at.is_some_and(|at| at > occasion.same_since().as_millisecond()))
    }
}

/// A pause before the next try. Full jitter, so that writers of the same device do not meet again.
pub(super) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(fastrand::u64(1..=20 * u64::from(attempt.min(10))))
}

impl Store {
    /// Records the observations of one message, none of them in parts. Each is recorded once, however often
    /// and however concurrently the message comes.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; what was recorded until then stays, and is found as a duplicate when the message comes again.
    pub async fn record(
        &self,
        occasion: &Occasion<'_>,
        observations: &[Observation],
        deadline: Instant,
    ) -> Result<Vec<Recorded>, StoreError> {
        let message = occasion.digest().full();
        let tasks: Vec<Task<'_>> = observations
            .iter()
            .enumerate()
            .map(|(number, observation)| {
                Task::new(observation, Digest::of(&["observation", &message, &number.to_string()]))
            })
            .collect();
        let left = self.not_yet_recorded(occasion, tasks).await?;
        let groups = left.chunks(TOGETHER).map(|group| self.record_group(occasion, group, deadline));
        let recorded: Vec<Vec<Recorded>> =
            stream::iter(groups.collect::<Vec<_>>()).buffered(GROUPS_SIDE_BY_SIDE).try_collect().await?;
        let mut recorded: Vec<Recorded> = recorded.into_iter().flatten().collect();
        recorded.resize(observations.len(), Recorded::Before);
        Ok(recorded)
    }

    /// Of a message for many devices that was not answered in time and is sent again, most is recorded: only the rest is
    /// worth reading more for. For one device, the receipt is read with the rest.
    async fn not_yet_recorded<'a>(
        &self,
        occasion: &Occasion<'_>,
        tasks: Vec<Task<'a>>,
    ) -> Result<Vec<Task<'a>>, StoreError> {
        if tasks.len() == 1 {
            return Ok(tasks);
        }
        let keys: Vec<Key> = tasks.iter().map(|task| task.receipt_key.clone()).collect();
        let reads = keys.chunks(BATCH).map(|keys| self.get_all(keys));
        let receipts: Vec<Rows> =
            stream::iter(reads.collect::<Vec<_>>()).buffered(GROUPS_SIDE_BY_SIDE).try_collect().await?;
        let receipts: Rows = receipts.into_iter().flatten().collect();
        let mut left = Vec::new();
        for task in tasks {
            if !task.is_recorded(occasion, &receipts)? {
                left.push(task);
            }
        }
        Ok(left)
    }

    /// Reads for all of a group at once, and records them in one transaction, as far as they do not touch one another.
    /// What does not go that way is recorded one by one.
    async fn record_group(
        &self,
        occasion: &Occasion<'_>,
        group: &[Task<'_>],
        deadline: Instant,
    ) -> Result<Vec<Recorded>, StoreError> {
        // Receipts of several were read before; one that came since refuses the write.
        let again = |key: &&Key| group.len() == 1 || group.iter().all(|task| task.receipt_key != **key);
        let mut keys: Vec<Key> = group.iter().flat_map(|task| task.keys.iter().filter(again).cloned()).collect();
        keys.sort_unstable();
        keys.dedup();
        let rows = self.get_all(&keys).await?;
        let (mut recorded, mut alone, mut planned) = (Vec::new(), Vec::new(), Vec::new());
        let (mut items, mut touched) = (Vec::new(), BTreeSet::new());
        for task in group {
            match self.decide(occasion, task, &rows).await? {
                Decision::Before => recorded.push(Recorded::Before),
                Decision::Outdated => alone.push(task),
                Decision::Write(plan) => {
                    let (more, touches) = (self.items(occasion, &task.receipt, &plan)?, plan.touches());
                    if touched.is_disjoint(&touches) && items.len() + more.len() <= BATCH {
                        items.extend(more);
                        touched.extend(touches);
                        planned.push((task, plan));
                    } else {
                        alone.push(task);
                    }
                }
            }
        }
        if self.write(items).await? {
            recorded.extend(planned.into_iter().map(|(_, plan)| Recorded::Now(plan.events)));
        } else {
            alone.extend(planned.into_iter().map(|(task, _)| task));
        }
        for task in alone {
            recorded.push(self.record_one(occasion, task, deadline).await?);
        }
        Ok(recorded)
    }

    /// Tries until it is recorded, or the deadline comes.
    async fn record_one(
        &self,
        occasion: &Occasion<'_>,
        task: &Task<'_>,
        deadline: Instant,
    ) -> Result<Recorded, StoreError> {
        for attempt in 1_u32.. {
            let rows = self.get_all(&task.keys).await?;
            match self.decide(occasion, task, &rows).await? {
                Decision::Before => return Ok(Recorded::Before),
                Decision::Outdated => {}
                Decision::Write(plan) => {
                    if self.write(self.items(occasion, &task.receipt, &plan)?).await? {
                        return Ok(Recorded::Now(plan.events));
                    }
                }
            }
            let pause = pause(attempt);
            if Instant::now() + pause >= deadline {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        Err(StoreError::Contention)
    }

    /// Decides on what was read.
    async fn decide(&self, occasion: &Occasion<'_>, task: &Task<'_>, rows: &Rows) -> Result<Decision, StoreError> {
        let Task { observation, receipt, guess, .. } = task;
        if task.is_recorded(occasion, rows)? {
            return Ok(Decision::Before);
        }
        let proof = &observation.naming.proof;
        if proof.is_empty() {
            let version = rows.get(guess).map_or(Ok(0), |row| get_number(row, "version"))?;
            let event = account_event(occasion, observation, receipt, version);
            return Ok(Decision::Write(Plan { events: vec![event], gained: Vec::new(), released: Vec::new() }));
        }

        let mut known = Known::default();
        let mut other_owners = Vec::new();
        for identifier in proof {
            if let Some(row) = rows.get(&Key::identifier(identifier)) {
                let owner = DeviceId::from(get_text(row, "device")?);
                let key = Key::device(&owner);
                if key != *guess && !other_owners.contains(&key) {
                    other_owners.push(key);
                }
                known.owners.insert(identifier.clone(), owner);
            }
        }
        let others = self.get_all(&other_owners).await?;
        for row in rows.get(guess).into_iter().chain(others.values()) {
            let device: crate::Device = get_json(row, "device")?;
            known.devices.insert(device.id.clone(), device);
        }
        if !known.is_consistent() {
            return Ok(Decision::Outdated);
        }
        Ok(Decision::Write(plan(occasion, observation, receipt, &known)))
    }

    /// What a plan writes.
    fn items(
        &self,
        occasion: &Occasion<'_>,
        receipt: &Digest,
        plan: &Plan,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut items = vec![self.receipt_item(occasion, receipt)?];
        for recorded in &plan.events {
            items.push(self.state_item(recorded)?);
            items.push(self.event_item(recorded)?);
            items.extend(self.request_item(recorded)?);
        }
        if let Some(RecordedEvent { device: Some(device), .. }) = plan.events.first() {
            for (identifier, previous) in &plan.gained {
                let mut row = Key::identifier(identifier).row();
                row.insert("device".to_owned(), text(device.id.to_string()));
                let put = self.put(row);
                items.push(item(match previous {
                    None => put.condition_expression("attribute_not_exists(pk)"),
                    Some(owner) => put
                        .condition_expression("device = :owner")
                        .expression_attribute_values(":owner", text(owner.to_string())),
                })?);
            }
            for identifier in &plan.released {
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(Key::identifier(identifier).row()))
                    .condition_expression("device = :owner")
                    .expression_attribute_values(":owner", text(device.id.to_string()))
                    .build()
                    .map_err(|error| StoreError::Corrupt(error.to_string()))?;
                items.push(TransactWriteItem::builder().delete(delete).build());
            }
        }
        Ok(items)
    }

    /// Writes all of it or nothing, and says which. Nothing, if something is no longer as it was read, or is there already.
    async fn write(&self, items: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        if items.is_empty() {
            return Ok(true);
        }
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_passing(&error) => Ok(false),
            Err(error) => Err(StoreError::unavailable(&error)),
        }
    }

    /// Must not be there, or must be of an equal message that came so long ago that it was another one.
    fn receipt_item(&self, occasion: &Occasion<'_>, receipt: &Digest) -> Result<TransactWriteItem, StoreError> {
        let mut row = Key::receipt(receipt).row();
        row.insert("receivedAt".to_owned(), number(occasion.received_at.as_millisecond()));
        row.insert("expiresAt".to_owned(), number(occasion.receipt_expires_at()));
        item(
            self.put(row)
                .condition_expression("attribute_not_exists(pk) OR receivedAt <= :sameSince")
                .expression_attribute_values(":sameSince", number(occasion.same_since().as_millisecond())),
        )
    }

    /// The device, or for an event of an account its counter: guarded by the version that was read.
    fn state_item(&self, recorded: &RecordedEvent) -> Result<TransactWriteItem, StoreError> {
        let sequence = recorded.event.sequence;
        let mut row = Key::state(&recorded.event.subject).row();
        row.insert("version".to_owned(), number(sequence));
        if let Some(device) = &recorded.device {
            row.insert("updatedAt".to_owned(), text(device.updated_at.to_string()));
            row.insert("device".to_owned(), text(json(device)?));
            for (name, value) in [("account", &device.provisioning.account), ("state", &device.provisioning.state)] {
                if let Some(value) = value {
                    row.insert(name.to_owned(), text(value));
                }
            }
        }
        let put = self.put(row);
        item(if sequence == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :version").expression_attribute_values(":version", number(sequence - 1))
        })
    }

    fn event_item(&self, recorded: &RecordedEvent) -> Result<TransactWriteItem, StoreError> {
        let event = &recorded.event;
        let contents = json(recorded)?;
        let bytes = contents.len() + event.change.len();
        if bytes > MAX_ROW_BYTES {
            return Err(StoreError::TooLarge { bytes });
        }
        let mut row = Key::event(&event.subject, event.sequence).row();
        row.insert("service".to_owned(), text(&event.service));
        row.insert("change".to_owned(), text(&event.change));
        row.insert("receivedAt".to_owned(), text(event.received_at.to_string()));
        row.insert("event".to_owned(), text(contents));
        self.expire(&mut row, event);
        item(self.put(row).condition_expression("attribute_not_exists(pk)"))
    }

    /// What became of a request, where the event says so: found by the request's id. One of a length that no id has is
    /// left to the event.
    fn request_item(&self, recorded: &RecordedEvent) -> Result<Option<TransactWriteItem>, StoreError> {
        let event = &recorded.event;
        let request_id = event.request_id.as_deref().filter(|id| !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES);
        let (Some(request_id), Some(result)) = (request_id, &event.result) else { return Ok(None) };
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

    /// Events and what is found by them are kept for the time that the customer chose.
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

fn item(put: PutBuilder) -> Result<TransactWriteItem, StoreError> {
    let put = put.build().map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Reasons that another try may find gone: another writer was faster, or the table is busy for a moment.
const PASSING: [&str; 4] =
    ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// Whether a transaction was refused for a reason that another try may find gone.
fn is_passing(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
            codes.any(|code| PASSING.contains(&code))
        }
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => true,
        _ => false,
    }
}
