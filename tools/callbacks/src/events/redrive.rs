//! `callbacks events redrive`: publish the events in the publisher's dead-letter queue that can be published now.

use std::collections::HashSet;

use aws_sdk_sqs::Client;
use clap::Args;
use serde_json::{Value, json};

use super::dead_letter::{Batch, DeadLetter};
use super::publisher::{MAX_RECORDS, Outcome, PublisherFunction, row_key};
use super::stream::records_of;
use crate::deployment::{Deployment, Target};
use crate::error::CommandError;
use crate::progress::counted;

/// Maximum number of messages in one round, and their size in bytes. They are sorted in memory, since the queue does not
/// keep their order.
const MAX_ROUND: usize = 1000;
const MAX_ROUND_BYTES: usize = 64 * 1024 * 1024;

/// How long received messages are invisible to others, in seconds.
const VISIBILITY_TIMEOUT: i32 = 600;

/// Options of `redrive`.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    #[command(flatten)]
    target: Target,
    /// Print the events and the reasons without publishing
    #[arg(long)]
    dry_run: bool,
    /// Delete the messages whose records the stream no longer has, after you have published the events of their time
    /// with `callbacks events republish`
    #[arg(long, conflicts_with = "dry_run")]
    drop_expired: bool,
}

/// The dead-letter queue.
struct Queue {
    client: Client,
    url: String,
    /// The ids of the messages that were received in this run: each of them is tried once.
    seen: HashSet<String>,
    /// The receipt handles of those that are still in the queue.
    remaining: HashSet<String>,
    deleted: u64,
}

/// A message of the queue.
struct Message {
    receipt_handle: String,
    letter: DeadLetter,
}

/// A message and its records.
struct Unit {
    receipt_handle: String,
    records: Vec<Value>,
}

pub(crate) async fn redrive(options: Redrive) -> Result<bool, CommandError> {
    let deployment = options.target.find().await?;
    let url = deployment.output("PublisherDeadLetterQueueUrl")?.to_owned();
    let client = deployment.queues();
    let mut queue = Queue { client, url, seen: HashSet::new(), remaining: HashSet::new(), deleted: 0 };
    let result = redrive_all(&options, &deployment, &mut queue).await;
    // Also after an error, so that the messages can be redriven again at once.
    queue.release().await;
    let remaining = queue.remaining.len() as u64;
    println!("{} published or dropped, {remaining} left", counted(queue.deleted, "message"));
    result.map(|()| queue.remaining.is_empty())
}

async fn redrive_all(options: &Redrive, deployment: &Deployment, queue: &mut Queue) -> Result<(), CommandError> {
    let publisher = PublisherFunction::of(deployment)?;
    loop {
        let mut messages = queue.receive().await?;
        if messages.is_empty() {
            return Ok(());
        }
        messages.sort_by_key(|message| message.letter.position());
        let mut units = Vec::new();
        for Message { receipt_handle, letter } in messages {
            match letter {
                DeadLetter::Poison { reason, record } if options.dry_run => println!("{}: {reason}", row_key(&record)),
                DeadLetter::Poison { record, .. } => units.push(Unit { receipt_handle, records: vec![record] }),
                DeadLetter::Pointer { batch } => match records_of(&deployment.streams(), &batch).await? {
                    Some(records) if options.dry_run => {
                        let events = counted(records.len() as u64, "event");
                        println!("{events} in the stream not published within a day");
                    }
                    Some(records) => units.push(Unit { receipt_handle, records }),
                    None if options.drop_expired => queue.delete(&receipt_handle).await?,
                    None => println!("{}", advice(deployment, &batch)),
                },
            }
        }
        publish(&publisher, queue, units).await?;
    }
}

/// What to do about records that the stream no longer has.
fn advice(deployment: &Deployment, batch: &Batch) -> String {
    let (options, period) = (&deployment.options, batch.period());
    format!(
        "events that were not published within a day, and are no longer in the stream. Publish the events of their time, \
         then delete this message:\n  callbacks events republish {options} {period}\n  callbacks events redrive {options} \
         --drop-expired"
    )
}

/// Publishes units in their order, and deletes those whose records were all published.
async fn publish(publisher: &PublisherFunction, queue: &mut Queue, units: Vec<Unit>) -> Result<(), CommandError> {
    let mut units = units.into_iter().peekable();
    while units.peek().is_some() {
        // Messages are deleted soon after they were published.
        let (mut group, mut records) = (Vec::new(), Vec::new());
        while let Some(unit) =
            units.next_if(|unit| records.is_empty() || records.len() + unit.records.len() <= MAX_RECORDS)
        {
            group.push((unit.receipt_handle, unit.records.len()));
            records.extend(unit.records);
        }
        let progress = publisher.publish(&records, &json!("redrive")).await?;
        let mut outcomes = records.iter().zip(progress.outcomes.iter().map(Some).chain(std::iter::repeat(None)));
        for (receipt_handle, count) in group {
            let mut complete = true;
            for (record, outcome) in outcomes.by_ref().take(count) {
                complete &= outcome == Some(&Outcome::Published);
                if let Some(Outcome::Rejected(reason)) = outcome {
                    println!("{}: {reason}", row_key(record));
                }
            }
            if complete {
                queue.delete(&receipt_handle).await?;
            }
        }
        if let Some(reason) = progress.stopped {
            return Err(CommandError::Unreachable(format!("no more events can be published at the moment: {reason}")));
        }
    }
    Ok(())
}

impl Queue {
    /// Messages that were not received before. None if the queue has no more.
    async fn receive(&mut self) -> Result<Vec<Message>, CommandError> {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while messages.len() < MAX_ROUND && bytes < MAX_ROUND_BYTES {
            let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
            let request = request.visibility_timeout(VISIBILITY_TIMEOUT).wait_time_seconds(1);
            let output = request.send().await.map_err(|error| unreachable(aws::reason(&error)))?;
            let received = output.messages();
            let before = self.seen.len();
            for message in received {
                let (id, body) = (message.message_id().unwrap_or_default(), message.body().unwrap_or_default());
                let receipt_handle = message.receipt_handle().unwrap_or_default().to_owned();
                if !self.seen.insert(id.to_owned()) {
                    continue;
                }
                bytes += body.len();
                self.remaining.insert(receipt_handle.clone());
                match serde_json::from_str(body) {
                    Ok(letter) => messages.push(Message { receipt_handle, letter }),
                    Err(_) => println!("message {id}: not of the publisher"),
                }
            }
            if self.seen.len() == before {
                break;
            }
        }
        Ok(messages)
    }

    async fn delete(&mut self, receipt_handle: &str) -> Result<(), CommandError> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt_handle);
        request.send().await.map_err(|error| unreachable(aws::reason(&error)))?;
        self.remaining.remove(receipt_handle);
        self.deleted += 1;
        Ok(())
    }

    /// Makes the remaining messages visible again. Best effort: they become visible anyway.
    async fn release(&self) {
        for receipt_handle in &self.remaining {
            let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt_handle);
            let _ = request.visibility_timeout(0).send().await;
        }
    }
}

fn unreachable(reason: String) -> CommandError {
    CommandError::Unreachable(format!("the dead-letter queue failed: {reason}"))
}
