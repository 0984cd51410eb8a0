//! A queue for callbacks that were rejected but may be genuine. A person decides about them.

use aws_sdk_sqs::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callback::Value;
use device::{CallbackDelivery, Observation};
use serde_json::json;

use crate::request::CallbackRequest;

/// An SQS message holds 1 MiB. Base64 makes four bytes of three, and the other members need the rest.
const MAX_BODY_BYTES: usize = 700 * 1024;

/// The queue. Its messages are JSON: `service`, `receivedAt`, `reason`, `contentType`, `source`, `bytes` (length of the
/// whole body) and `bodyBase64` (its first 700 KiB), including credentials: the queue is encrypted and readable by
/// operators only. Messages about one part have `piece` and `pieces` instead of `source`.
#[derive(Debug, Clone)]
pub struct Quarantine {
    client: Client,
    queue_url: String,
}

/// SQS is unreachable, refused or failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot send to the quarantine: {0}")]
pub struct QuarantineError(String);

impl Quarantine {
    /// A quarantine in this queue.
    #[must_use]
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into() }
    }

    /// Quarantines a rejected request.
    pub(crate) async fn add(
        &self,
        service: &str,
        request: &CallbackRequest,
        reason: &str,
    ) -> Result<(), QuarantineError> {
        let body = request.body.get(..MAX_BODY_BYTES).unwrap_or(&request.body);
        self.send(&json!({
            "service": service,
            "receivedAt": request.received_at,
            "reason": reason,
            "contentType": request.content_type,
            "source": request.source,
            "bytes": request.body.len(),
            "bodyBase64": STANDARD.encode(body),
        }))
        .await
    }

    /// Quarantines a part that is too large for the table. Its body is JSON without credentials: `requestId`, `devices`
    /// as sent, `result` of the request, and `payload`. A body that is too large for one SQS message is sent in pieces.
    pub(crate) async fn add_part(
        &self,
        delivery: &CallbackDelivery,
        observation: &Observation,
        bytes: usize,
    ) -> Result<(), QuarantineError> {
        let body = json!({
            "requestId": delivery.request_id,
            "devices": observation.devices,
            "result": observation.result,
            "payload": observation.payload,
        })
        .to_string();
        let pieces = body.as_bytes().chunks(MAX_BODY_BYTES);
        let count = pieces.len();
        for (number, piece) in pieces.enumerate() {
            self.send(&json!({
                "service": delivery.service,
                "receivedAt": delivery.received_at,
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
        request.send().await.map(drop).map_err(|error| QuarantineError(aws::reason(&error)))
    }
}
