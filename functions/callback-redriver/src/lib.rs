//! From the queue of parked callbacks back to the table, at least once, each at its own time of receipt.
//!
//! A callback that cannot be recorded yet stays in the queue and becomes visible again after a backoff. After the
//! queue's maximum number of receives, SQS itself moves it to the quarantine. A callback that a later attempt cannot
//! record either, since it is malformed or carries wrong credentials, is quarantined at once.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use aws_sdk_sqs::Client;
use futures_util::future::join_all;
use listener::{Listener, QueueError, Refusal};
use queued_callback::{FormatError, QueuedCallback};
use tokio::time::{Instant, timeout};

/// Limit of all attempts of a batch. The function's timeout is 60 s; the rest is for the calls of SQS.
const BATCH_TIMEOUT: Duration = Duration::from_secs(45);

/// Limit of an attempt: a message for 2,000 devices takes seconds, and minutes with a new table that throttles. Each
/// attempt continues where the one before ended.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// Limit of sending a callback to the quarantine.
const QUARANTINE_TIMEOUT: Duration = Duration::from_secs(5);

/// Backoff after the first attempt. It doubles with each one.
const MIN_BACKOFF: Duration = Duration::from_secs(5);

/// Maximum backoff.
const MAX_BACKOFF: Duration = Duration::from_secs(15 * 60);

/// The function.
#[derive(Debug)]
pub struct Redriver {
    /// Records the callbacks.
    pub listener: Arc<Listener>,
    /// The client of SQS.
    pub sqs: Client,
    /// The queue of parked callbacks.
    pub queue_url: String,
}

/// Why a message of the queue is quarantined.
enum Rejected {
    Format(FormatError),
    Refused(Box<QueuedCallback>, Refusal),
}

/// The result of an attempt.
enum Attempt {
    Recorded,
    Rejected(Rejected),
    /// A later attempt may succeed.
    Postponed(Refusal),
}

impl Redriver {
    /// Records the callbacks of a batch in the order of their receipt. The response names those that stay in the queue
    /// (a partial batch response).
    pub async fn redrive(&self, messages: Vec<SqsMessage>) -> SqsBatchResponse {
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let mut messages: Vec<_> = messages.into_iter().map(|message| (parsed(&message), message)).collect();
        messages.sort_by_key(|(callback, _)| callback.as_ref().ok().map(|callback| callback.received_at));
        let (mut remaining, mut table_unavailable) = (Vec::new(), false);
        for (callback, message) in messages {
            // The table would not take the other callbacks either.
            if table_unavailable || Instant::now() >= deadline {
                remaining.push(message);
                continue;
            }
            match self.attempt(callback, deadline).await {
                Attempt::Recorded => {}
                Attempt::Rejected(rejected) => {
                    if let Err(error) = self.quarantine(rejected, &message).await {
                        tracing::error!(message = "Cannot quarantine a parked callback.", %error);
                        remaining.push(message);
                    }
                }
                Attempt::Postponed(reason) => {
                    let cause = std::error::Error::source(&reason).map(ToString::to_string);
                    let receives = receives(&message);
                    tracing::warn!(message = "A parked callback cannot be recorded yet.", receives, %reason, cause);
                    table_unavailable = reason.affects_all_callbacks();
                    remaining.push(message);
                }
            }
        }
        join_all(remaining.iter().map(|message| self.postpone(message))).await;
        let mut response = SqsBatchResponse::default();
        for message in remaining {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
        response
    }

    async fn attempt(&self, callback: Result<QueuedCallback, FormatError>, deadline: Instant) -> Attempt {
        let callback = match callback {
            Ok(callback) => callback,
            Err(error) => return Attempt::Rejected(Rejected::Format(error)),
        };
        let Some(service) = registry::service(&callback.service) else {
            return Attempt::Rejected(Rejected::Refused(Box::new(callback), Refusal::UnknownService));
        };
        let deadline = deadline.min(Instant::now() + ATTEMPT_TIMEOUT);
        match Box::pin(self.listener.redrive(&service, &callback, deadline)).await {
            Ok(recording) => {
                let (service, recorded) = (service.counted_as, recording.recorded);
                self.listener.metrics.count(service, "CallbacksRedriven", 1);
                tracing::info!(
                    message = "Parked callback recorded.",
                    service,
                    recorded,
                    duplicates = recording.duplicates
                );
                Attempt::Recorded
            }
            Err(refusal) if refusal.is_temporary() => Attempt::Postponed(refusal),
            Err(refusal) => Attempt::Rejected(Rejected::Refused(Box::new(callback), refusal)),
        }
    }

    async fn quarantine(&self, rejected: Rejected, message: &SqsMessage) -> Result<(), QueueError> {
        let body = message.body.clone().unwrap_or_default();
        let (service, body) = match rejected {
            Rejected::Format(error) => {
                tracing::error!(message = "A message of the queue of parked callbacks is malformed.", %error);
                ("unknown", body)
            }
            Rejected::Refused(mut callback, refusal) => {
                tracing::warn!(message = "A parked callback is rejected.", %refusal);
                callback.reason = refusal.to_string();
                let service = registry::service(&callback.service).map_or("unknown", |service| service.counted_as);
                (service, callback.to_message().unwrap_or(body))
            }
        };
        let sent = timeout(QUARANTINE_TIMEOUT, self.listener.quarantine.send(body)).await;
        sent.unwrap_or_else(|_| Err(QueueError::Unavailable("timed out".to_owned())))?;
        self.listener.metrics.count(service, "CallbacksQuarantined", 1);
        Ok(())
    }

    /// Makes a message visible again after a backoff. If that fails, it is visible after the queue's visibility timeout.
    async fn postpone(&self, message: &SqsMessage) {
        let seconds = backoff(receives(message)).as_secs();
        let request = self.sqs.change_message_visibility().queue_url(&self.queue_url);
        let request = request.set_receipt_handle(message.receipt_handle.clone());
        let request = request.visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX));
        if let Err(error) = request.send().await {
            let error = aws::reason(&error);
            tracing::warn!(message = "Cannot set the backoff of a parked callback.", %error);
        }
    }
}

fn parsed(message: &SqsMessage) -> Result<QueuedCallback, FormatError> {
    QueuedCallback::from_message(message.body.as_deref().unwrap_or_default())
}

/// How often SQS has delivered a message, this time included.
fn receives(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Exponential backoff with jitter: the upper half of the range is random.
fn backoff(receives: u32) -> Duration {
    let longest = MIN_BACKOFF.saturating_mul(1 << receives.saturating_sub(1).min(10)).min(MAX_BACKOFF);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_a_quarter_of_an_hour() {
        let within = |receives, seconds: u64| {
            let backoff = backoff(receives).as_secs_f64();
            let longest = Duration::from_secs(seconds).as_secs_f64();
            backoff >= longest / 2.0 && backoff <= longest
        };
        assert!(within(0, 5) && within(1, 5) && within(2, 10) && within(3, 20));
        assert!(within(9, 900) && within(1000, 900));
    }
}
