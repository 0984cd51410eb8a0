//! Recording what a message says: once, in one transaction per device that it speaks of.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::rows::{Key, Row, get_json, get_number, get_text, json, number, text};
use super::{Store, StoreError};
use crate::digest::Digest;
use crate::event::{RecordedEvent, Subject};
use crate::identity::DeviceId;
use crate::observation::{Observation, Occasion};
use crate::plan::{Known, Plan, account_event, plan};

/// How many devices of one message are recorded side by side.
const SIDE_BY_SIDE: usize = 32;

/// DynamoDB's rows hold 409,600 bytes; the rest is for the other attributes.
const MAX_ROW_BYTES: usize = 400_000;

/// What became of an observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It is in the table, as these events.
    Now(Vec<RecordedEvent>),
    /// It was in the table before.
    Before,
}

/// What came of one try to record.
enum Tried {
    Done(Recorded),
    /// Somebody else wrote in between: what was read does not fit together, or is no longer so.
    Outdated,
}

impl Store {
    /// Records the observations of one message, each in a transaction of its own. Each is recorded once, however often
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
        let work = observations.iter().enumerate().map(|(number, observation)| {
            let receipt = Digest::of(&["observation", &message, &number.to_string()]);
            async move { self.record_one(occasion, observation, &receipt, deadline).await }
        });
        stream::iter(work.collect::<Vec<_>>()).buffered(SIDE_BY_SIDE).try_collect().await
    }

    async fn record_one(
        &self,
        occasion: &Occasion<'_>,
        observation: &Observation,
        receipt: &Digest,
        deadline: Instant,
    ) -> Result<Recorded, StoreError> {
        for attempt in 1_u32.. {
            if let Tried::Done(recorded) = self.try_record(occasion, observation, receipt).await? {
                return Ok(recorded);
            }
            // Full jitter, so that writers of the same device do not meet again.
            let pause = Duration::from_millis(fastrand::u64(1..=20 * u64::from(attempt.min(10))));
            if Instant::now() + pause >= deadline {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        Err(StoreError::Contention)
    }

    /// Reads what the observation concerns, decides, and writes.
    async fn try_record(
        &self,
        occasion: &Occasion<'_>,
        observation: &Observation,
        receipt: &Digest,
    ) -> Result<Tried, StoreError> {
        let proof = observation.naming.proof();
        let account = Subject::Account(observation.account.clone().unwrap_or_default());
        let receipt_key = Key::receipt(receipt);
        let guess = match proof.first() {
            Some(strongest) => Key::device(&DeviceId::derived_from(strongest)),
            None => Key::state(&account),
        };
        let mut keys = vec![receipt_key.clone(), guess.clone()];
        keys.extend(proof.iter().map(Key::identifier));
        let rows = self.get_all(&keys).await?;

        let expires_at = rows.get(&receipt_key).map(|row| get_number::<i64>(row, "expiresAt")).transpose()?;
        if expires_at.is_some_and(|at| at > occasion.received_at.as_second()) {
            return Ok(Tried::Done(Recorded::Before));
        }
        if proof.is_empty() {
            let version = rows.get(&guess).map_or(Ok(0), |row| get_number(row, "version"))?;
            let event = account_event(occasion, observation, receipt, version);
            let plan = Plan { events: vec![event], gained: Vec::new(), released: Vec::new() };
            return self.write(occasion, receipt, plan).await;
        }

        let mut known = Known::default();
        let mut other_owners = Vec::new();
        for identifier in proof {
            if let Some(row) = rows.get(&Key::identifier(identifier)) {
                let owner = DeviceId::from(get_text(row, "device")?);
                let key = Key::device(&owner);
                if key != guess && !other_owners.contains(&key) {
                    other_owners.push(key);
                }
                known.owners.insert(identifier.clone(), owner);
            }
        }
        let others = self.get_all(&other_owners).await?;
        for row in rows.get(&guess).into_iter().chain(others.values()) {
            let device: crate::Device = get_json(row, "device")?;
            known.devices.insert(device.id.clone(), device);
        }
        if !known.is_consistent() {
            return Ok(Tried::Outdated);
        }
        self.write(occasion, receipt, plan(occasion, observation, receipt, &known)).await
    }

    async fn write(&self, occasion: &Occasion<'_>, receipt: &Digest, plan: Plan) -> Result<Tried, StoreError> {
        let mut items = vec![self.receipt_item(occasion, receipt)?];
        for recorded in &plan.events {
            items.push(self.state_item(recorded)?);
            items.push(self.event_item(recorded)?);
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
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Tried::Done(Recorded::Now(plan.events))),
            Err(error) => outcome(&error),
        }
    }

    /// Must not be there, or must have expired: DynamoDB deletes expired rows late.
    fn receipt_item(&self, occasion: &Occasion<'_>, receipt: &Digest) -> Result<TransactWriteItem, StoreError> {
        let mut row = Key::receipt(receipt).row();
        row.insert("expiresAt".to_owned(), number(occasion.remembered_until()));
        item(
            self.put(row)
                .condition_expression("attribute_not_exists(pk) OR expiresAt <= :now")
                .expression_attribute_values(":now", number(occasion.received_at.as_second())),
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
        if contents.len() > MAX_ROW_BYTES {
            return Err(StoreError::TooLarge { bytes: contents.len() });
        }
        let mut row = Key::event(&event.subject, event.sequence).row();
        row.insert("service".to_owned(), text(&event.service));
        row.insert("change".to_owned(), text(&event.change));
        row.insert("receivedAt".to_owned(), text(event.received_at.to_string()));
        row.insert("event".to_owned(), text(contents));
        if self.event_retention_days > 0 {
            let seconds = i64::from(self.event_retention_days) * 24 * 60 * 60;
            row.insert("expiresAt".to_owned(), number(event.received_at.as_second() + seconds));
        }
        item(self.put(row).condition_expression("attribute_not_exists(pk)"))
    }

    fn put(&self, row: Row) -> PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(row))
    }
}

fn item(put: PutBuilder) -> Result<TransactWriteItem, StoreError> {
    let put = put.build().map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// What a refused transaction means. The receipt is the first item.
fn outcome(error: &SdkError<TransactWriteItemsError>) -> Result<Tried, StoreError> {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => return Ok(Tried::Outdated),
        _ => return Err(StoreError::unavailable(error)),
    };
    let mut codes = reasons.iter().map(|reason| reason.code().unwrap_or("None"));
    let conditional = "ConditionalCheckFailed";
    match codes.next() {
        Some(first) if first == conditional => Ok(Tried::Done(Recorded::Before)),
        first => {
            let retried = |code: &str| code == conditional || code == "TransactionConflict";
            if first.into_iter().chain(codes).any(retried) {
                Ok(Tried::Outdated)
            } else {
                Err(StoreError::unavailable(error))
            }
        }
    }
}
