//! The two queues of callbacks that were received, but not recorded: `parked-callbacks`, for those that cannot be
//! recorded now, and `quarantined-callbacks`, for those that a person must decide about.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use queued_callback::{QueuedBody, QueuedCallback, Verification};

use crate::request::CallbackRequest;

/// A queue of callbacks.
#[derive(Debug, Clone)]
pub struct CallbackQueue {
    client: Client,
    url: String,
}

/// Why a callback is not in the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS is unreachable, refused or failed.
    #[error("cannot send to the queue: {0}")]
    Unavailable(String),
    /// A body of over 700 KiB that can hardly be compressed.
    #[error("the callback does not fit into one message")]
    TooLarge,
}

impl CallbackQueue {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Connects, so that the first callback does not wait for it.
    pub(crate) async fn warm_up(&self) -> Result<(), QueueError> {
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let request = request.attribute_names(QueueAttributeName::QueueArn);
        request.send().await.map(drop).map_err(|error| QueueError::Unavailable(aws::reason(&error)))
    }

    /// Adds a callback that a program takes from the queue again, so it must be whole.
    pub(crate) async fn park(&self, callback: &QueuedCallback) -> Result<(), QueueError> {
        self.send(callback.to_message().ok_or(QueueError::TooLarge)?).await
    }

    /// Adds a callback that a person decides about, in several messages if it is too large for one.
    pub(crate) async fn quarantine(&self, callback: &QueuedCallback) -> Result<(), QueueError> {
        for message in callback.to_messages() {
            self.send(message).await?;
        }
        Ok(())
    }

    /// Adds a message of another queue, unchanged.
    pub async fn send(&self, message: String) -> Result<(), QueueError> {
        let request = self.client.send_message().queue_url(&self.url).message_body(message);
        request.send().await.map(drop).map_err(|error| QueueError::Unavailable(aws::reason(&error)))
    }
}

/// A request as it is queued.
pub(crate) fn queued(
    service: &str,
    request: &CallbackRequest,
    verification: Verification,
    reason: String,
) -> QueuedCallback {
    QueuedCallback {
        service: service.to_owned(),
        received_at: request.received_at,
        reason,
        verification,
        content_type: request.content_type.clone(),
        source: request.source,
        piece: None,
        body: QueuedBody::new(request.body.clone()),
    }
}
