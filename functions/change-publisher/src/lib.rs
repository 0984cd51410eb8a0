//! From the table's stream to SNS: every recorded event, at least once, in order per device.
//!
//! The event row is the outbox. It was written in the transaction that changed the device, so every recorded event is
//! in the stream. A poison record, which can never be published, goes to the dead-letter queue, and the records behind
//! it are published. While SNS is unreachable, throttles or denies access, the first unpublished record stops all
//! records behind it, since they may be about the same device: they wait in the stream.

mod batch;
mod dead_letter;
mod invocation;
mod record;
mod refusal;
mod settings;

use std::time::{Duration, Instant};

use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_sns::Client;

use batch::Batch;
pub use dead_letter::DeadLetters;
pub use invocation::{Cause, Invocation, ItemFailure, Rejection, Response};
use record::{publication, row_key, sequence_number};
use refusal::Refusal;
pub use settings::{Settings, Topics};

/// No request is sent later in an invocation. Together with the timeout of a request, this ends before the function's own
/// timeout, after which Lambda would not know what was published.
const MAX_PUBLISHING: Duration = Duration::from_secs(30);

/// Publishes stream records.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The client of SNS.
    pub sns: Client,
    /// The topics.
    pub topics: Topics,
    /// The queue for poison records.
    pub dead_letters: DeadLetters,
}

/// No record was published. To Lambda this equals a partial batch response that names the first record, but it also
/// counts as an error of the function, which raises the alarm.
#[derive(Debug, thiserror::Error)]
#[error("no event was published: {0}")]
pub struct Unavailable(String);

/// The first record that was neither published nor rejected, and why.
struct Stop {
    record: usize,
    reason: String,
}

impl Publisher {
    /// Publishes the events of these records in their order. The response names the first record that was not published
    /// (a partial batch response); Lambda sends it and all later ones again.
    ///
    /// # Errors
    ///
    /// The records are from the stream, and the first one could not be published.
    pub async fn publish(&self, invocation: Invocation) -> Result<Response, Unavailable> {
        let Invocation { records, cause } = invocation;
        let mut run =
            Run { publisher: self, records: &records, cause: &cause, started: Instant::now(), rejected: Vec::new() };
        let stop = run.publish_in_order().await.err();
        let mut response = Response { rejected: run.rejected, ..Response::default() };
        let Some(Stop { record, reason }) = stop else { return Ok(response) };
        let (of, stopped_at) = (records.len(), records.get(record).map(row_key));
        tracing::error!(message = "Not all events were published.", published = record, of, stopped_at, reason);
        if record == 0 && cause == Cause::Stream {
            return Err(Unavailable(reason));
        }
        let item_identifier = records.get(record).map(sequence_number).unwrap_or_default();
        response.batch_item_failures.push(ItemFailure { item_identifier });
        response.reason = Some(reason);
        Ok(response)
    }
}

/// One invocation.
struct Run<'a> {
    publisher: &'a Publisher,
    records: &'a [EventRecord],
    cause: &'a Cause,
    started: Instant,
    rejected: Vec<Rejection>,
}

impl Run<'_> {
    async fn publish_in_order(&mut self) -> Result<(), Stop> {
        let mut batch = Batch::default();
        for (number, record) in self.records.iter().enumerate() {
            let publication = publication(record, &self.publisher.topics, self.cause);
            // The records before a poison record are published first. If one of them stops the invocation, Lambda sends
            // the poison record again.
            if publication.as_ref().map_or(true, |next| !batch.has_room_for(next)) {
                self.send(std::mem::take(&mut batch)).await?;
            }
            match publication {
                Ok(publication) => batch.add(number, publication),
                Err(reason) => self.reject(number, reason).await?,
            }
        }
        self.send(batch).await
    }

    /// Publishes a batch, except its poison records.
    async fn send(&mut self, batch: Batch) -> Result<(), Stop> {
        let records = batch.records();
        let Some(first) = records.first().copied() else { return Ok(()) };
        self.in_time(first)?;
        let refusals = match batch.request(&self.publisher.sns).send().await {
            Ok(published) => published.failed().iter().map(Refusal::of_entry).collect(),
            Err(error) => match Refusal::of_request(&error) {
                // Each message is sent alone, which shows which ones SNS never accepts.
                Refusal::Poison(_) if records.len() > 1 => {
                    for single in batch.into_singles() {
                        Box::pin(self.send(single)).await?;
                    }
                    return Ok(());
                }
                refusal => vec![(0, refusal)],
            },
        };
        for (position, refusal) in in_order(refusals) {
            let record = records.get(position).copied().unwrap_or(first);
            match refusal {
                Refusal::Poison(reason) => self.reject(record, reason).await?,
                Refusal::Outage(reason) => return Err(Stop { record, reason }),
            }
        }
        Ok(())
    }

    /// Sends a poison record to the dead-letter queue, or reports it if a command sent it.
    async fn reject(&mut self, number: usize, reason: String) -> Result<(), Stop> {
        let Some(record) = self.records.get(number) else { return Ok(()) };
        if *self.cause == Cause::Stream {
            self.in_time(number)?;
            let sent = self.publisher.dead_letters.send(record, &reason).await;
            sent.map_err(|reason| Stop { record: number, reason })?;
            tracing::error!(
                message = "An event can never be published. It is in the dead-letter queue.",
                event = row_key(record)
            );
        } else {
            self.rejected.push(Rejection { item_identifier: sequence_number(record), reason });
        }
        Ok(())
    }

    fn in_time(&self, record: usize) -> Result<(), Stop> {
        if self.started.elapsed() > MAX_PUBLISHING {
            return Err(Stop { record, reason: "the time of an invocation is over".to_owned() });
        }
        Ok(())
    }
}

fn in_order(mut refusals: Vec<(usize, Refusal)>) -> Vec<(usize, Refusal)> {
    refusals.sort_by_key(|(position, _)| *position);
    refusals
}
