//! Recording what a message says: each observation once, in one transaction, which several observations may share. All that
//! can be recorded is, whatever becomes of the rest.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use device::{CallbackDelivery, DeviceId, Observation, Plan, plan};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::batch::{MAX_KEYS, Rows, pause};
use crate::items::{Items, Unwritable};
use crate::rows::{Key, receipt};
use crate::task::{Task, View, groups};
use crate::{Store, StoreError};

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
    pub oversized: Vec<Oversized>,
    /// Why others are not in the table: the first reason.
    pub failure: Option<StoreError>,
}

/// An observation that no row, or no transaction, of the table can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversized {
    /// Its place among the message's observations.
    pub number: usize,
    /// Size of what is too large, as JSON, in bytes.
    pub bytes: usize,
}

impl Recording {
    fn add(&mut self, other: Self) {
        self.recorded += other.recorded;
        self.duplicates += other.duplicates;
        self.oversized.extend(other.oversized);
        self.failure = self.failure.take().or(other.failure);
    }

    /// Counts what became of the observations of one transaction. Those to be tried again are alone; says whether there are
    /// none.
    fn count<'t, 'a>(
        &mut self,
        together: &mut Vec<&'t Task<'a>>,
        written: Result<bool, StoreError>,
        alone: &mut Vec<&'t Task<'a>>,
    ) -> bool {
        let together = std::mem::take(together);
        match written {
            Ok(true) => {
                self.recorded += together.len();
                return true;
            }
            Ok(false) => alone.extend(together),
            Err(error) if error.is_retryable() => alone.extend(together),
            Err(error) => self.add(Self::failed(error)),
        }
        false
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
    /// To write these items of the plan.
    Write(Items, Box<Plan>),
    Oversized(usize),
}

impl Store {
    /// Records the observations of one message. Each is recorded once, however often and however concurrently the message
    /// comes, and whatever becomes of the others. What fails is tried again until the deadline if it may succeed; what was
    /// recorded until then stays, and is found as a duplicate when the message comes again.
    pub async fn record(
        &self,
        delivery: &CallbackDelivery,
        observations: &[Observation],
        deadline: Instant,
    ) -> Recording {
        let tasks = observations.iter().enumerate().map(|(number, one)| Task::new(number, one, delivery)).collect();
        let mut recording = Recording::default();
        let (left, owners) = self.not_yet_recorded(delivery, tasks, &mut recording).await;
        let groups = groups(left, &owners);
        let recorded = groups.iter().map(|group| self.record_group(delivery, group, deadline));
        let mut groups = stream::iter(recorded.collect::<Vec<_>>()).buffered(GROUPS_SIDE_BY_SIDE);
        while let Some(recorded) = groups.next().await {
            recording.add(recorded);
        }
        recording
    }

    /// Of a message for many devices that was not answered in time and is sent again, most is recorded: only the rest is
    /// worth reading more for. For one device, the receipt is read with the rest. Also gives the owners of all names: parts that
    /// name one device by different names belong together.
    async fn not_yet_recorded<'a>(
        &self,
        delivery: &CallbackDelivery,
        tasks: Vec<Task<'a>>,
        recording: &mut Recording,
    ) -> (Vec<Task<'a>>, Rows) {
        if tasks.len() == 1 {
            return (tasks, Rows::default());
        }
        let keys = tasks.iter().flat_map(|task| task.names().chain([task.receipt_key.clone()]));
        let keys: Vec<Key> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        let reads = keys.chunks(MAX_KEYS).map(|keys| self.get_all(keys));
        let found: Vec<Result<Rows, StoreError>> =
            stream::iter(reads.collect::<Vec<_>>()).buffered(GROUPS_SIDE_BY_SIDE).collect().await;
        // Where receipts cannot be read, the conditions of the write find them.
        let rows: Rows = found.into_iter().flatten().flatten().collect();
        let mut left = Vec::new();
        for mut task in tasks {
            task.receipt = rows.get(&task.receipt_key).and_then(|row| receipt(row).ok());
            let known = task.receipt.as_ref().filter(|_| delivery.has_unique_request_id());
            if known.is_some_and(|receipt| delivery.repeats(receipt, None)) {
                recording.duplicates += 1;
            } else {
                left.push(task);
            }
        }
        (left, rows)
    }

    /// Records a group in as few transactions as it goes: two events of one device need two, since the stream keeps no order
    /// within one. What another writer came in the way of is recorded one by one.
    async fn record_group(&self, delivery: &CallbackDelivery, group: &[Task<'_>], deadline: Instant) -> Recording {
        let mut recording = Recording::default();
        if group.len() == 1 {
            return self.record_one_by_one(delivery, group.iter().collect(), deadline).await;
        }
        let mut view = match self.read(group, false).await.and_then(|rows| View::of(group, rows)) {
            Ok(view) => view,
            Err(error) if error.is_retryable() => {
                return self.record_one_by_one(delivery, group.iter().collect(), deadline).await;
            }
            Err(error) => return Recording::failed(error),
        };
        let (mut batch, mut together, mut touched) = (Items::default(), Vec::new(), BTreeSet::new());
        let (mut alone, mut left) = (Vec::new(), group.iter());
        while let Some(task) = left.next() {
            let (items, plan) = match self.decide(delivery, task, &view) {
                Ok(Decision::Write(items, plan)) => (items, plan),
                Ok(Decision::Duplicate) => {
                    recording.duplicates += 1;
                    continue;
                }
                Ok(Decision::Oversized(bytes)) => {
                    recording.oversized.push(Oversized { number: task.number, bytes });
                    continue;
                }
                Ok(Decision::Outdated) => {
                    alone.push(task);
                    continue;
                }
                Err(error) => {
                    recording.add(Recording::failed(error));
                    continue;
                }
            };
            let touches = plan.touches();
            if !touched.is_disjoint(&touches) || !batch.has_room_for(&items) {
                let written = self.write(std::mem::take(&mut batch).items).await;
                if !recording.count(&mut together, written, &mut alone) || Instant::now() >= deadline {
                    alone.push(task);
                    alone.extend(left.by_ref());
                    break;
                }
                touched.clear();
            }
            batch.add(items);
            touched.extend(touches);
            together.push(task);
            view.apply(task, *plan);
        }
        let written = self.write(batch.items).await;
        recording.count(&mut together, written, &mut alone);
        // In their order in the message.
        alone.sort_by_key(|task| task.number);
        recording.add(self.record_one_by_one(delivery, alone, deadline).await);
        recording
    }

    /// Records each by itself. Those that lose a race or are throttled are tried again in rounds, until the deadline: one that
    /// never succeeds holds up no other.
    async fn record_one_by_one(
        &self,
        delivery: &CallbackDelivery,
        mut left: Vec<&Task<'_>>,
        deadline: Instant,
    ) -> Recording {
        let mut recording = Recording::default();
        for attempt in 1_u32.. {
            let mut reason = StoreError::Contention;
            let mut again = Vec::new();
            for (place, task) in left.into_iter().enumerate() {
                if place > 0 && Instant::now() >= deadline {
                    again.push(task);
                    continue;
                }
                match self.try_one(delivery, task).await {
                    Ok(Some(one)) => recording.add(one),
                    Ok(None) => again.push(task),
                    Err(error) if error.is_retryable() => {
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
    async fn try_one(&self, delivery: &CallbackDelivery, task: &Task<'_>) -> Result<Option<Recording>, StoreError> {
        let group = std::slice::from_ref(task);
        let view = View::of(group, self.read(group, true).await?)?;
        match self.decide(delivery, task, &view)? {
            Decision::Duplicate => Ok(Some(Recording::duplicate())),
            Decision::Outdated => Ok(None),
            Decision::Oversized(bytes) => Ok(Some(Recording {
                oversized: vec![Oversized { number: task.number, bytes }],
                ..Recording::default()
            })),
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
    fn decide(&self, delivery: &CallbackDelivery, task: &Task<'_>, view: &View) -> Result<Decision, StoreError> {
        let Task { observation, key, guess, .. } = task;
        let read = view.rows.get(&task.receipt_key).map(receipt).transpose()?.or(task.receipt.clone());
        let counter = view.counters.get(guess).copied();
        if let Some(receipt) = &read {
            let device = view.known.devices.get(&DeviceId::from(receipt.subject.as_str()));
            let version = device.map(|device| device.version).or(counter);
            // What else the same message said of the device does not count as another message.
            let last = view.recorded.get(&receipt.subject).copied();
            let version = if version == last { Some(receipt.sequence) } else { version };
            if delivery.repeats(receipt, version) {
                return Ok(Decision::Duplicate);
            }
        }
        if !view.known.is_consistent(observation.identification.names()) {
            return Ok(Decision::Outdated);
        }
        let mut plan = plan(delivery, observation, key, &view.known, counter.unwrap_or(0));
        match self.items(delivery, key, read.as_ref(), &mut plan) {
            // Several embedded SIMs with all their profiles can change hands at once.
            Ok(items) if !Items::default().has_room_for(&items) => Ok(Decision::Oversized(items.bytes)),
            Ok(items) => Ok(Decision::Write(items, Box::new(plan))),
            Err(Unwritable::TooLarge(bytes)) => Ok(Decision::Oversized(bytes)),
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
