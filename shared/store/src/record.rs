//! Recording what a message says: each observation once, in one transaction, which several observations may share. All that
//! can be recorded is, whatever becomes of the rest.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use device::{Device, DeviceId, Digest, Known, Observation, Occasion, Plan, Receipt, Subject, plan};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::batch::{MAX_KEYS, Rows, pause};
use crate::items::{Items, Unwritable};
use crate::rows::{Key, get_json, get_number, get_text, receipt};
use crate::{Store, StoreError};

/// DynamoDB's bound on the items of one `TransactWriteItems`.
const MAX_ITEMS: usize = 100;

/// DynamoDB's bound on all of them together is 4 MB; the rest is for keys and small rows.
const MAX_TRANSACTION_BYTES: usize = 3_500_000;

/// How many observations are read and written together: their rows, some six each, stay below the bounds.
const GROUP: usize = 12;

/// How many groups are recorded side by side. More would meet the limits of a young table rather than be faster.
const GROUPS_SIDE_BY_SIDE: usize = 8;

/// What became of the observations of a message.
#[derive(Debug, Default)]
pub struct Recording {
    /// How many are in the table now and were not before.
    pub recorded: usize,
    /// How many were there before.
    pub duplicates: usize,
    /// Those that no row, or no transaction, of the table can hold.
    pub unfit: Vec<Unfit>,
    /// Why others are not in the table: the first reason.
    pub failure: Option<StoreError>,
}

/// An observation that no row, or no transaction, of the table can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    /// Its place among the message's observations.
    pub number: usize,
    /// Size of what is too large, as JSON, in bytes.
    pub bytes: usize,
}

impl Recording {
    fn add(&mut self, other: Self) {
        self.recorded += other.recorded;
        self.duplicates += other.duplicates;
        self.unfit.extend(other.unfit);
        self.failure = self.failure.take().or(other.failure);
    }

    fn failed(error: StoreError) -> Self {
        Self { failure: Some(error), ..Self::default() }
    }

    fn recorded(recorded: usize) -> Self {
        Self { recorded, ..Self::default() }
    }

    fn duplicate() -> Self {
        Self { duplicates: 1, ..Self::default() }
    }
}

/// What is to be done about an observation.
enum Decision {
    /// Nothing: it was recorded before.
    Duplicate,
    /// What was read does not fit together: another writer came in between.
    Outdated,
    /// To write this, which touches these devices and identifiers.
    Write(Items, BTreeSet<String>),
    Unfit(usize),
}

/// An observation, and where the table says what it needs to know.
struct Task<'a> {
    number: usize,
    observation: &'a Observation,
    key: Digest,
    receipt_key: Key,
    /// The device whose id is derived from the first name, or the account's counter.
    guess: Key,
    /// The receipt of the same key that was read before, of another message.
    receipt: Option<Receipt>,
}

impl<'a> Task<'a> {
    fn new(number: usize, observation: &'a Observation, occasion: &Occasion) -> Self {
        let key = occasion.key(number);
        let guess = match observation.naming.names().first() {
            Some(first) => Key::device(&DeviceId::derived_from(first)),
            None => Key::state(&Subject::Account(observation.account.clone())),
        };
        Self { number, observation, receipt_key: Key::receipt(&key), key, guess, receipt: None }
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        std::iter::once(self.guess.clone()).chain(self.observation.naming.names().iter().map(Key::identifier))
    }

    /// Who owns the names, as far as these rows say.
    fn owners(&self, rows: &Rows) -> Result<Vec<DeviceId>, StoreError> {
        let names = self.observation.naming.names().iter();
        let owner = |row| get_text(row, "device").map(DeviceId::from);
        names.filter_map(|name| rows.get(&Key::identifier(name))).map(owner).collect()
    }

    fn known(&self, rows: &Rows) -> Result<Known, StoreError> {
        let mut known = Known::default();
        if self.observation.naming.names().is_empty() {
            return Ok(known);
        }
        for name in self.observation.naming.names() {
            if let Some(row) = rows.get(&Key::identifier(name)) {
                known.owners.insert(name.clone(), DeviceId::from(get_text(row, "device")?));
            }
        }
        let owners = known.owners.values().map(Key::device);
        let keys: BTreeSet<Key> = owners.chain(std::iter::once(self.guess.clone())).collect();
        for row in keys.iter().filter_map(|key| rows.get(key)) {
            let device: Device = get_json(row, "device")?;
            known.devices.insert(device.id.clone(), device);
        }
        Ok(known)
    }
}

impl Store {
    /// Records the observations of one message. Each is recorded once, however often and however concurrently the message
    /// comes, and whatever becomes of the others. What fails is tried again until the deadline if it may succeed; what was
    /// recorded until then stays, and is found as a duplicate when the message comes again.
    pub async fn record(&self, occasion: &Occasion, observations: &[Observation], deadline: Instant) -> Recording {
        let tasks = observations.iter().enumerate().map(|(number, one)| Task::new(number, one, occasion)).collect();
        let mut recording = Recording::default();
        let left = self.not_yet_recorded(occasion, tasks, &mut recording).await;
        let groups = left.chunks(GROUP).map(|group| self.record_group(occasion, group, deadline));
        let mut groups = stream::iter(groups.collect::<Vec<_>>()).buffered(GROUPS_SIDE_BY_SIDE);
        while let Some(recorded) = groups.next().await {
            recording.add(recorded);
        }
        recording
    }

    /// Of a message for many devices that was not answered in time and is sent again, most is recorded: only the rest is
    /// worth reading more for. For one device, the receipt is read with the rest.
    async fn not_yet_recorded<'a>(
        &self,
        occasion: &Occasion,
        tasks: Vec<Task<'a>>,
        recording: &mut Recording,
    ) -> Vec<Task<'a>> {
        if tasks.len() == 1 {
            return tasks;
        }
        let keys: Vec<Key> = tasks.iter().map(|task| task.receipt_key.clone()).collect();
        let reads = keys.chunks(MAX_KEYS).map(|keys| self.get_all(keys));
        let found: Vec<Result<Rows, StoreError>> =
            stream::iter(reads.collect::<Vec<_>>()).buffered(GROUPS_SIDE_BY_SIDE).collect().await;
        // Where receipts cannot be read, the conditions of the write find them.
        let rows: Rows = found.into_iter().flatten().flatten().collect();
        let mut left = Vec::new();
        for mut task in tasks {
            task.receipt = rows.get(&task.receipt_key).and_then(|row| receipt(row).ok());
            let known = task.receipt.as_ref().filter(|_| occasion.has_unique_request_id());
            if known.is_some_and(|receipt| occasion.repeats(receipt, None)) {
                recording.duplicates += 1;
            } else {
                left.push(task);
            }
        }
        left
    }

    /// Records a group in one transaction, as far as its observations do not touch one another. What does not go that way is
    /// recorded one by one.
    async fn record_group(&self, occasion: &Occasion, group: &[Task<'_>], deadline: Instant) -> Recording {
        if group.len() == 1 {
            return self.record_one_by_one(occasion, group.iter().collect(), deadline).await;
        }
        let mut recording = Recording::default();
        let mut alone: Vec<&Task<'_>> = Vec::new();
        match self.read(group, false).await {
            Ok(rows) => {
                let (mut together, mut items) = (Vec::new(), Items { items: Vec::new(), bytes: 0 });
                let mut touched = BTreeSet::new();
                for task in group {
                    match self.decide(occasion, task, &rows) {
                        Ok(Decision::Duplicate) => recording.duplicates += 1,
                        Ok(Decision::Unfit(bytes)) => recording.unfit.push(Unfit { number: task.number, bytes }),
                        Ok(Decision::Write(more, touches))
                            if touched.is_disjoint(&touches)
                                && items.items.len() + more.items.len() <= MAX_ITEMS
                                && items.bytes + more.bytes <= MAX_TRANSACTION_BYTES =>
                        {
                            items.items.extend(more.items);
                            items.bytes += more.bytes;
                            touched.extend(touches);
                            together.push(task);
                        }
                        Ok(Decision::Outdated | Decision::Write(..)) => alone.push(task),
                        Err(error) => recording.add(Recording::failed(error)),
                    }
                }
                match self.write(items.items).await {
                    Ok(true) => recording.recorded += together.len(),
                    Ok(false) => alone.extend(together),
                    Err(error) if error.is_throttling() => alone.extend(together),
                    Err(error) => recording.add(Recording::failed(error)),
                }
            }
            Err(error) if error.is_throttling() => alone.extend(group),
            Err(error) => recording.add(Recording::failed(error)),
        }
        recording.add(self.record_one_by_one(occasion, alone, deadline).await);
        recording
    }

    /// Records each by itself. Those that lose a race or are throttled are tried again in rounds, until the deadline: one that
    /// never succeeds holds up no other.
    async fn record_one_by_one(&self, occasion: &Occasion, mut left: Vec<&Task<'_>>, deadline: Instant) -> Recording {
        let mut recording = Recording::default();
        for attempt in 1_u32.. {
            let mut reason = StoreError::Contention;
            let mut again = Vec::new();
            for task in left {
                match self.try_one(occasion, task).await {
                    Ok(Some(one)) => recording.add(one),
                    Ok(None) => again.push(task),
                    Err(error) if error.is_throttling() => {
                        reason = error;
                        again.push(task);
                    }
                    Err(error) => recording.add(Recording::failed(error)),
                }
            }
            if again.is_empty() {
                break;
            }
            let pause = pause(attempt);
            if Instant::now() + pause >= deadline {
                recording.add(Recording::failed(reason));
                break;
            }
            tokio::time::sleep(pause).await;
            left = again;
        }
        recording
    }

    /// Reads, decides and writes once; `None` where another writer was faster.
    async fn try_one(&self, occasion: &Occasion, task: &Task<'_>) -> Result<Option<Recording>, StoreError> {
        let rows = self.read(std::slice::from_ref(task), true).await?;
        match self.decide(occasion, task, &rows)? {
            Decision::Duplicate => Ok(Some(Recording::duplicate())),
            Decision::Outdated => Ok(None),
            Decision::Unfit(bytes) => {
                Ok(Some(Recording { unfit: vec![Unfit { number: task.number, bytes }], ..Recording::default() }))
            }
            Decision::Write(items, _) => Ok(self.write(items.items).await?.then(|| Recording::recorded(1))),
        }
    }

    /// All that the table knows of the names of a group, and its receipts if asked for: one round trip where the ids of all
    /// devices are guessed right, else two.
    async fn read(&self, group: &[Task<'_>], receipts: bool) -> Result<Rows, StoreError> {
        let receipts = group.iter().filter(|_| receipts).map(|task| task.receipt_key.clone());
        let keys: BTreeSet<Key> = group.iter().flat_map(Task::keys).chain(receipts).collect();
        let mut rows = self.get_all(&keys.iter().cloned().collect::<Vec<_>>()).await?;
        let mut others = BTreeSet::new();
        for task in group {
            others.extend(task.owners(&rows)?.iter().map(Key::device).filter(|key| !keys.contains(key)));
        }
        rows.extend(self.get_all(&others.into_iter().collect::<Vec<_>>()).await?);
        Ok(rows)
    }

    /// Decides on what was read.
    fn decide(&self, occasion: &Occasion, task: &Task<'_>, rows: &Rows) -> Result<Decision, StoreError> {
        let Task { observation, key, guess, .. } = task;
        let known = task.known(rows)?;
        let names_device = !observation.naming.names().is_empty();
        let counter = if names_device { None } else { rows.get(guess) };
        let counter = counter.map(|row| get_number(row, "version")).transpose()?;
        let read = rows.get(&task.receipt_key).map(receipt).transpose()?.or(task.receipt.clone());
        if let Some(receipt) = &read {
            let device = known.devices.get(&DeviceId::from(receipt.subject.as_str())).map(|device| device.version);
            if occasion.repeats(receipt, device.or(counter)) {
                return Ok(Decision::Duplicate);
            }
        }
        if !known.is_consistent() {
            return Ok(Decision::Outdated);
        }
        let plan: Plan = plan(occasion, observation, key, &known, counter.unwrap_or(0));
        let touches = plan.touches();
        match self.items(occasion, key, read.as_ref(), plan) {
            // Several embedded SIMs with all their profiles can change hands at once.
            Ok(Items { items, bytes }) if items.len() > MAX_ITEMS || bytes > MAX_TRANSACTION_BYTES => {
                Ok(Decision::Unfit(bytes))
            }
            Ok(items) => Ok(Decision::Write(items, touches)),
            Err(Unwritable::TooLarge(bytes)) => Ok(Decision::Unfit(bytes)),
            Err(Unwritable::Error(error)) => Err(error),
        }
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
