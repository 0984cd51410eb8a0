//! An HTTP request as it arrives from the gateway.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use queued_callback::QueuedCallback;

/// A request to a callback URL.
#[derive(Debug, Clone)]
pub struct CallbackRequest {
    /// Callbacks are sent with POST only.
    pub method: Method,
    /// The sender's address, if known.
    pub source: Option<IpAddr>,
    /// The `Content-Type` header, unchanged.
    pub content_type: Option<String>,
    /// The body, after decoding the gateway's base64.
    pub body: Bytes,
    /// When the gateway received it.
    pub received_at: Timestamp,
    /// How long the sender has waited already, because the function had to start.
    pub waited: Duration,
}

impl CallbackRequest {
    /// The request of a callback that was queued.
    pub(crate) fn of_queued(callback: &QueuedCallback) -> Self {
        Self {
            method: Method::POST,
            source: callback.source,
            content_type: callback.content_type.clone(),
            body: callback.body().clone(),
            received_at: callback.received_at,
            waited: Duration::ZERO,
        }
    }
}
