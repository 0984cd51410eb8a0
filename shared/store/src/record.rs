//! Records the parts of a message: idempotently, each in one transaction, which several parts may share. A part that
//! cannot be recorded does not keep the others from being recorded.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use device::{CallbackDelivery, DeviceId, Observation, Plan, plan};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::error::StoreError;
use crate::items::{Items, ItemsError};
use crate::limits::MAX_BATCH_GET_KEYS;
use crate::parts::{GroupState, Part, Waiting, groups};
use crate::recording::Recording;
use crate::rows::Key;
use crate::table::{Rows, Store};

/// How many requests of one message are in flight at a time. More would only be throttled by a new table.
const MAX_IN_FLIGHT: usize = 8;

/// What to do about a part.
enum Decision {
    /// Nothing: it was recorded before.
    Duplicate,
    /// Read again: the rows are stale, since another writer came between two reads.
    Stale,
    /// Write these items of the plan.
    Write(Items, Box<Plan>),
    /// Nothing: no row or transaction can hold it. Its size as JSON, in bytes.
    Oversized(usize),
}

/// The rows that were read for a whole message: receipts, and identifiers with their owners.
#[derive(Default)]
struct MessageRows {
    rows: Rows,
    /// False if some could not be read.
    complete: bool,
}

/// Parts that are recorded in transactions of their own.
struct OneByOne<'p, 'a> {
    delivery: &'p CallbackDelivery,
    parts: Vec<&'p Part<'a>>,
    /// The rows of earlier parts that failed.
    failed: Waiting,
    message: &'p MessageRows,
    deadline: Instant,
}

impl Store {
    /// Records observations of one message, each with its position in the message, idempotently: each once, however
    /// often and however concurrently the message is delivered. Retries throttled requests and lost races with backoff.
    /// Returns at the deadline at the latest and abandons the requests in flight. What was recorded by then stays, and
    /// is a duplicate when the message is delivered again.
    pub async fn record<'a>(
        &self,
        delivery: &CallbackDelivery,
        observations: impl IntoIterator<Item = (usize, &'a Observation)>,
        deadline: Instant,
    ) -> Recording {
        let parts = observations.into_iter();
        let parts = parts.map(|(number, observation)| Part::new(number, observation, delivery)).collect();
        let mut recording = Recording::default();
        let (parts, message) = self.without_duplicates(delivery, parts, deadline, &mut recording).await;
        let groups = groups(parts, &message.rows);
        let message = &message;
        let recordings = groups.iter().map(|group| async move {
            let mut recording = Recording::default();
            let group_recorded = self.record_group(delivery, group, message, deadline, &mut recording);
            if self.before(deadline, group_recorded).await.is_none() {
                recording.abandon(group);
            }
            recording
        });
        let mut recordings = stream::iter(recordings.collect::<Vec<_>>()).buffered(MAX_IN_FLIGHT);
        while let Some(recorded) = recordings.next().await {
            recording.add(recorded);
        }
        recording
    }

    /// Drops the parts that are duplicates: when the platform resends a message for many devices that was not answered
    /// in time, that is most of them. Reads receipts and identifiers of all parts; for a message of one part, the
    /// receipt is read with the device.
    async fn without_duplicates<'a>(
        &self,
        delivery: &CallbackDelivery,
        parts: Vec<Part<'a>>,
        deadline: Instant,
        recording: &mut Recording,
    ) -> (Vec<Part<'a>>, MessageRows) {
        if parts.len() <= 1 {
            return (parts, MessageRows::default());
        }
        let keys = parts.iter().flat_map(|part| part.identifier_keys().chain([part.receipt_key.clone()]));
        let keys: Vec<Key> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        let reads = keys.chunks(MAX_BATCH_GET_KEYS).map(|keys| self.get_all(keys));
        let reads = stream::iter(reads.collect::<Vec<_>>()).buffered(MAX_IN_FLIGHT).collect();
        let reads: Vec<Result<Rows, StoreError>> = self.before(deadline, reads).await.unwrap_or_default();
        let complete = !reads.is_empty() && reads.iter().all(Result::is_ok);
        let rows: Rows = reads.into_iter().flatten().flatten().collect();
        let is_duplicate = |part: &Part<'_>| {
            let receipt = part.receipt(&rows).ok().flatten().filter(|_| delivery.has_unique_request_id());
            receipt.is_some_and(|receipt| delivery.repeats(&receipt, None))
        };
        let (duplicates, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_duplicate);
        recording.duplicates += duplicates.len();
        (others, MessageRows { rows, complete })
    }

    /// Records a group in as few transactions as possible. Two events of one device need two, since the stream keeps no
    /// order within one. Parts of a transaction that fails are retried one by one.
    async fn record_group(
        &self,
        delivery: &CallbackDelivery,
        group: &[Part<'_>],
        message: &MessageRows,
        deadline: Instant,
        recording: &mut Recording,
    ) {
        let one_by_one = |parts, failed| OneByOne { delivery, parts, failed, message, deadline };
        if group.len() == 1 {
            return self.record_one_by_one(one_by_one(group.iter().collect(), Waiting::default()), recording).await;
        }
        let known = message.complete.then_some(&message.rows);
        let mut state = match self.read(group, known).await.and_then(|rows| GroupState::of(group, rows)) {
            Ok(state) => state,
            Err(error) if error.is_retryable() => {
                return self.record_one_by_one(one_by_one(group.iter().collect(), Waiting::default()), recording).await;
            }
            Err(error) => return recording.add(Recording::failed(group, error)),
        };
        let (mut transaction, mut in_transaction, mut touched) = (Items::default(), Vec::new(), BTreeSet::new());
        let (mut retries, mut parts, mut waiting) = (Vec::new(), group.iter(), Waiting::default());
        while let Some(part) = parts.next() {
            if waiting.concerns(part, &message.rows) {
                retries.push(part);
                continue;
            }
            let (items, plan) = match self.decide(delivery, part, &state) {
                Ok(Decision::Write(items, plan)) => (items, plan),
                Ok(Decision::Duplicate) => {
                    recording.add(Recording::duplicate(part));
                    continue;
                }
                Ok(Decision::Oversized(bytes)) => {
                    recording.add(Recording::oversized(part, bytes));
                    continue;
                }
                Ok(Decision::Stale) => {
                    waiting.add(part, &message.rows);
                    retries.push(part);
                    continue;
                }
                Err(error) => {
                    recording.add(Recording::failed([part], error));
                    continue;
                }
            };
            let touches = plan.touches();
            if !touched.is_disjoint(&touches) || !transaction.has_room_for(&items) {
                let written = self.write(std::mem::take(&mut transaction).items).await;
                if !recording.count(&mut in_transaction, written, &mut retries) || self.runtime.now() >= deadline {
                    retries.push(part);
                    retries.extend(parts.by_ref());
                    break;
                }
                touched.clear();
            }
            transaction.add(items);
            touched.extend(touches);
            in_transaction.push(part);
            state.apply(part, *plan);
        }
        let written = self.write(transaction.items).await;
        recording.count(&mut in_transaction, written, &mut retries);
        // In the order of the message.
        retries.sort_by_key(|part| part.number);
        let mut failed = Waiting::default();
        let pending = group.iter().filter(|part| recording.pending.contains(&part.number));
        pending.for_each(|part| failed.add(part, &message.rows));
        self.record_one_by_one(one_by_one(retries, failed), recording).await;
    }

    /// Records each part in a transaction of its own. Those that lose a race or are throttled are retried in rounds,
    /// with backoff, until the deadline. One that never succeeds delays no other, except those about the same devices,
    /// which are recorded in their order. Parts about the same devices as `failed` ones are not attempted.
    async fn record_one_by_one(&self, work: OneByOne<'_, '_>, recording: &mut Recording) {
        let OneByOne { delivery, mut parts, mut failed, message, deadline } = work;
        for attempt in 1_u32.. {
            let mut last_error = StoreError::DeadlineExceeded;
            let (mut retries, mut waiting) = (Vec::new(), Waiting::default());
            for (position, part) in parts.into_iter().enumerate() {
                if failed.concerns(part, &message.rows) {
                    failed.add(part, &message.rows);
                    recording.pending.push(part.number);
                    continue;
                }
                if waiting.concerns(part, &message.rows) || (position > 0 && self.runtime.now() >= deadline) {
                    waiting.add(part, &message.rows);
                    retries.push(part);
                    continue;
                }
                match self.attempt(delivery, part).await {
                    Ok(Some(recorded)) => {
                        recording.add(recorded);
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) if error.is_retryable() => last_error = error,
                    Err(error) => {
                        failed.add(part, &message.rows);
                        recording.add(Recording::failed([part], error));
                        continue;
                    }
                }
                waiting.add(part, &message.rows);
                retries.push(part);
            }
            if retries.is_empty() {
                break;
            }
            let retry_at = self.runtime.now() + self.runtime.backoff(attempt);
            if retry_at >= deadline {
                recording.add(Recording::failed(retries, last_error));
                break;
            }
            self.runtime.sleep_until(retry_at).await;
            parts = retries;
        }
    }

    /// One attempt: reads, decides and writes. `None` if another writer won the race.
    async fn attempt(&self, delivery: &CallbackDelivery, part: &Part<'_>) -> Result<Option<Recording>, StoreError> {
        let group = std::slice::from_ref(part);
        let state = GroupState::of(group, self.read(group, None).await?)?;
        match self.decide(delivery, part, &state)? {
            Decision::Duplicate => Ok(Some(Recording::duplicate(part))),
            Decision::Stale => Ok(None),
            Decision::Oversized(bytes) => Ok(Some(Recording::oversized(part, bytes))),
            Decision::Write(items, _) => Ok(self.write(items.items).await?.then(|| Recording::recorded(part))),
        }
    }

    /// The rows that decide what a group changes, and its receipts. One round trip if every device has the expected id,
    /// or if the identifiers and receipts are `known` already; else two.
    async fn read(&self, group: &[Part<'_>], known: Option<&Rows>) -> Result<Rows, StoreError> {
        let mut keys: BTreeSet<Key> = group.iter().map(|part| part.expected.clone()).collect();
        let small = group.iter().flat_map(|part| part.identifier_keys().chain([part.receipt_key.clone()]));
        let mut rows = Rows::new();
        match known {
            Some(known) => {
                rows.extend(
                    small.filter_map(|key| known.get_key_value(&key)).map(|(key, row)| (key.clone(), row.clone())),
                );
                keys.extend(owner_keys(group, &rows)?);
            }
            None => keys.extend(small),
        }
        rows.extend(self.get_all(&keys).await?);
        let others = owner_keys(group, &rows)?.into_iter().filter(|key| !keys.contains(key)).collect::<BTreeSet<_>>();
        rows.extend(self.get_all(&others).await?);
        Ok(rows)
    }

    /// Decides on the rows that were read, without I/O.
    fn decide(&self, delivery: &CallbackDelivery, part: &Part<'_>, state: &GroupState) -> Result<Decision, StoreError> {
        let receipt = part.receipt(&state.rows)?;
        let account_version = state.accounts.get(&part.expected).copied();
        if let Some(receipt) = &receipt {
            let device = state.known.devices.get(&DeviceId::from(receipt.subject.as_str()));
            let version = device.map(|device| device.version).or(account_version);
            // Other events that the same message recorded for the device are no other message.
            let last = state.recorded.get(&receipt.subject).copied();
            let version = if version == last { Some(receipt.sequence) } else { version };
            if delivery.repeats(receipt, version) {
                return Ok(Decision::Duplicate);
            }
        }
        if !state.known.is_consistent(part.identifiers()) {
            return Ok(Decision::Stale);
        }
        let mut plan = plan(delivery, part.observation, &part.key, &state.known, account_version.unwrap_or(0));
        match self.items(delivery, &part.key, receipt.as_ref(), &mut plan) {
            // Several eSIMs can change hands at once, each with all its profiles.
            Ok(items) if !Items::default().has_room_for(&items) => Ok(Decision::Oversized(items.bytes)),
            Ok(items) => Ok(Decision::Write(items, Box::new(plan))),
            Err(ItemsError::TooLarge(bytes)) => Ok(Decision::Oversized(bytes)),
            Err(ItemsError::Store(error)) => Err(error),
        }
    }

    /// Writes all items or none. False if a condition failed, since a row has changed or the receipt exists, or if the
    /// transaction was throttled.
    async fn write(&self, items: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        if items.is_empty() {
            return Ok(true);
        }
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_retryable(&error) => Ok(false),
            Err(error) => Err(StoreError::unavailable(&error)),
        }
    }
}

/// The keys of the devices that own the identifiers of a group, as far as these rows show.
fn owner_keys(group: &[Part<'_>], rows: &Rows) -> Result<Vec<Key>, StoreError> {
    let mut keys = Vec::new();
    for part in group {
        keys.extend(part.owners(rows)?.iter().map(|(_, owner)| Key::device(owner)));
    }
    Ok(keys)
}

/// Cancellation reasons worth a retry: a conditional write failed, another transaction is in flight, or the table is
/// throttled.
const RETRYABLE: [&str; 4] =
    ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// Whether a transaction was cancelled for a reason worth a retry.
fn is_retryable(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
            codes.any(|code| RETRYABLE.contains(&code))
        }
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => true,
        _ => false,
    }
}
