//! Bodies that were refused for what they are, kept in a queue for a person to look at.

use aws_sdk_sqs::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callback::Value;
use device::{CallbackDelivery, Observation};
use serde_json::json;

use crate::Received;
use crate::answer::Refusal;

/// A queue holds messages of 1 MiB. Base64 makes four bytes of three, and the rest is for the other members.
const MAX_KEPT_BYTES: usize = 700 * 1024;

/// The queue. Its messages are JSON: `service`, `receivedAt`, `reason`, `contentType`, `source`, `bytes` (of the whole
/// body) and `bodyBase64` (its first 700 KiB), credentials included: the queue is encrypted and read by operators alone. Those
/// of a part have `piece` and `pieces` instead of `source`.
#[derive(Debug, Clone)]
pub struct Quarantine {
    client: Client,
    queue_url: String,
}

/// The queue did not take it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QuarantineError(String);

impl Quarantine {
    /// A quarantine in this queue.
    #[must_use]
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into() }
    }

    /// Keeps a body that was refused.
    pub(crate) async fn keep(&self, service: &str, received: &Received, why: &Refusal) -> Result<(), QuarantineError> {
        let kept = received.body.get(..MAX_KEPT_BYTES).unwrap_or(&received.body);
        self.send(&json!({
            "service": service,
            "receivedAt": received.received_at,
            "reason": why.to_string(),
            "contentType": received.content_type,
            "source": received.source,
            "bytes": received.body.len(),
            "bodyBase64": STANDARD.encode(kept),
        }))
        .await
    }

    /// Keeps the part of a message that the table cannot hold. Its body is JSON: `requestId`, `devices` as sent, `result` of the
    /// request, and `payload`, all without credentials. A body that is too large for the queue comes in several pieces.
    pub(crate) async fn keep_part(
        &self,
        occasion: &CallbackDelivery,
        observation: &Observation,
        bytes: usize,
    ) -> Result<(), QuarantineError> {
        let body = json!({
            "requestId": occasion.request_id,
            "devices": observation.devices,
            "result": observation.result,
            "payload": observation.payload,
        })
        .to_string();
        let pieces = body.as_bytes().chunks(MAX_KEPT_BYTES);
        let count = pieces.len();
        for (number, piece) in pieces.enumerate() {
            self.send(&json!({
                "service": occasion.service,
                "receivedAt": occasion.received_at,
                "reason": format!("A part of {bytes} bytes does not fit into the table; the rest of the message is recorded."),
                "contentType": "application/json",
                "bytes": body.len(),
                "piece": number + 1,
                "pieces": count,
                "bodyBase64": STANDARD.encode(piece),
            }))
            .await?;
        }
        Ok(())
    }

    async fn send(&self, message: &Value) -> Result<(), QuarantineError> {
        let request = self.client.send_message().queue_url(&self.queue_url).message_body(message.to_string());
        let sent = request.send().await;
        sent.map(drop).map_err(|error| QuarantineError(aws::reason(&error)))
    }
}
