//! An HTTP request as it arrives from the gateway.

use std::net::IpAddr;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;

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
}
