//! Receives and deletes the messages of the quarantine.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use queued_callback::{FormatError, QueuedCallback};

use crate::error::CommandError;
use crate::terminal::Interrupt;

/// The number of simultaneous receives.
const RECEIVERS: usize = 4;

/// The number of rounds without a new message after which the queue has no more. A receive may return nothing although
/// there are messages.
const MAX_EMPTY_ROUNDS: usize = 2;

/// The number of simultaneous changes of the visibility.
const MAX_CHANGES: usize = 16;

/// The quarantine.
pub(super) struct Queue {
    client: Client,
    url: String,
    /// How long received messages are hidden, in seconds.
    timeout: i32,
    /// The newest receipt handles of the messages that were received, and are still in the queue, by id.
    received: HashMap<String, String>,
    /// Ctrl-C.
    pub(super) interrupt: Interrupt,
}

/// A message.
pub(super) struct Message {
    pub(super) id: String,
    /// The callback, or the text of a message in another format.
    pub(super) content: Result<QueuedCallback, (FormatError, String)>,
}

impl Message {
    pub(super) fn is_piece(&self) -> bool {
        self.content.as_ref().is_ok_and(|callback| callback.piece.is_some())
    }
}

impl Queue {
    pub(super) fn new(client: Client, url: &str, timeout: i32) -> Self {
        Self { client, url: url.to_owned(), timeout, received: HashMap::new(), interrupt: Interrupt::listen() }
    }

    /// Receives messages until there are enough, or all. Those that an earlier call has received are not among them.
    pub(super) async fn receive(
        &mut self,
        are_enough: impl Fn(&[Message]) -> bool,
    ) -> Result<Vec<Message>, CommandError> {
        let (mut messages, mut empty_rounds) = (Vec::new(), 0);
        while empty_rounds < MAX_EMPTY_ROUNDS && !are_enough(&messages) {
            self.interrupt.check()?;
            let before = messages.len();
            let rounds = join_all((0..RECEIVERS).map(|_| self.receive_next())).await;
            // Those of the successful receives must be released if another one fails.
            let (received, failures): (Vec<_>, Vec<_>) = rounds.into_iter().partition(Result::is_ok);
            for message in received.into_iter().flatten().flatten() {
                let id = message.message_id.unwrap_or_default();
                let is_new = self.received.insert(id.clone(), message.receipt_handle.unwrap_or_default()).is_none();
                if is_new {
                    let body = message.body.unwrap_or_default();
                    let content = QueuedCallback::from_message(&body).map_err(|error| (error, body));
                    messages.push(Message { id, content });
                }
            }
            if let Some(Err(error)) = failures.into_iter().next() {
                return Err(error);
            }
            empty_rounds = if messages.len() == before { empty_rounds + 1 } else { 0 };
        }
        Ok(messages)
    }

    async fn receive_next(&self) -> Result<Vec<aws_sdk_sqs::types::Message>, CommandError> {
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let request = request.visibility_timeout(self.timeout).wait_time_seconds(1);
        let output = request.send().await.map_err(|error| unreachable(aws::reason(&error)))?;
        Ok(output.messages.unwrap_or_default())
    }

    /// Deletes received messages.
    pub(super) async fn delete(&mut self, ids: &[String]) -> Result<(), CommandError> {
        for id in ids {
            let Some(receipt_handle) = self.received.get(id) else { continue };
            let request = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt_handle);
            request.send().await.map_err(|error| unreachable(aws::reason(&error)))?;
            self.received.remove(id);
        }
        Ok(())
    }

    /// Sends a message to another queue.
    pub(super) async fn send(&self, url: &str, message: String) -> Result<(), CommandError> {
        let request = self.client.send_message().queue_url(url).message_body(message);
        request.send().await.map(drop).map_err(|error| unreachable(aws::reason(&error)))
    }

    /// Whether another queue has no message. Exact for `callbacks local` only.
    pub(super) async fn is_empty(&self, url: &str) -> Result<bool, CommandError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.client.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let output = request.send().await.map_err(|error| unreachable(aws::reason(&error)))?;
        Ok(output.attributes().and_then(|attributes| attributes.get(&name)).is_some_and(|count| count == "0"))
    }

    /// Makes the remaining messages visible again. Best effort: they become visible anyway.
    pub(super) async fn release(&self) {
        let release = async |receipt_handle: &String| {
            let request = self.client.change_message_visibility().queue_url(&self.url);
            let _ = request.receipt_handle(receipt_handle).visibility_timeout(0).send().await;
        };
        stream::iter(self.received.values()).for_each_concurrent(MAX_CHANGES, release).await;
    }
}

fn unreachable(reason: String) -> CommandError {
    CommandError::Unreachable(format!("a queue of callbacks failed: {reason}"))
}
