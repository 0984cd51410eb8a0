//! A callback in a queue, as JSON: the format of the messages of `parked-callbacks` and of `quarantined-callbacks`, so
//! that a callback can be moved from one to the other.
//!
//! Pure: sending and receiving is elsewhere.

mod body;
mod join;

use std::net::IpAddr;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use body::QueuedBody;

/// SQS accepts 1 MiB per message. The rest is room for what SQS adds.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024 - 1024;

/// A piece of a body that does not fit into one message. In base64, this and the other members fit even if they cannot
/// be compressed.
const PIECE_BYTES: usize = 700 * 1024;

/// Maximum number of pieces. Two hold any body that the listener parses (1 MiB); the rest of a larger one is not kept.
const MAX_PIECES: usize = 2;

/// A callback that was received, but not recorded. `Debug` output does not contain the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedCallback {
    /// The callback service that received it, as in the callback URL.
    pub service: String,
    /// When the gateway received it.
    pub received_at: Timestamp,
    /// Why it was not recorded, for a person to read.
    pub reason: String,
    /// Whether the sender is the platform.
    pub verification: Verification,
    /// The `Content-Type` header, unchanged.
    pub content_type: Option<String>,
    /// The sender's address, if known.
    pub source: Option<IpAddr>,
    /// The piece that this message holds of a body that does not fit into one message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<Piece>,
    /// The body as received, including credentials: the queues are encrypted, and readable by operators only.
    #[serde(flatten)]
    pub body: QueuedBody,
}

/// Whether the credentials of a callback were verified when it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verification {
    /// They were not, or they were wrong. They must be verified before the callback is recorded.
    Unverified,
    /// They were right. They may have been replaced since.
    Verified {
        /// The positions of the parts of the message that are still to be recorded; null for all of them.
        parts: Option<Vec<usize>>,
        /// The account whose credentials the callback carries. `None` if they are those of the whole stack.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
}

/// The position of a piece of a body: 1 of 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// From 1 on.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

/// A message of a queue is not a callback in this format. Does not quote it.
#[derive(Debug, thiserror::Error)]
#[error("this is not a queued callback: {0}")]
pub struct FormatError(String);

impl QueuedCallback {
    /// Parses a message of a queue.
    ///
    /// # Errors
    ///
    /// The message has another format.
    pub fn from_message(message: &str) -> Result<Self, FormatError> {
        serde_json::from_str(message).map_err(|error| {
            // The parser's own text may quote the message.
            FormatError(format!("{:?} error in line {}, column {}", error.classify(), error.line(), error.column()))
        })
    }

    /// The whole callback in one message. `None` if SQS would not accept it: this takes a body of 700 KiB that hardly
    /// can be compressed.
    #[must_use]
    pub fn to_message(&self) -> Option<String> {
        serde_json::to_string(self).ok().filter(|message| message.len() <= MAX_MESSAGE_BYTES)
    }

    /// The callback in as few messages as possible. Of a body of over 1,400 KiB, only the beginning is kept.
    #[must_use]
    pub fn to_messages(&self) -> Vec<String> {
        // Compressing a body that the listener does not even parse could take longer than the sender waits.
        let whole = if self.body.content().len() <= PIECE_BYTES * MAX_PIECES { self.to_message() } else { None };
        whole.map_or_else(|| self.pieces().filter_map(|piece| piece.to_message()).collect(), |message| vec![message])
    }

    fn pieces(&self) -> impl Iterator<Item = Self> {
        let content = self.body.content();
        let of = content.len().div_ceil(PIECE_BYTES).min(MAX_PIECES);
        (0..of).map(move |number| {
            let piece = content.slice(number * PIECE_BYTES..content.len().min((number + 1) * PIECE_BYTES));
            Self {
                piece: Some(Piece { number: number + 1, of }),
                body: QueuedBody::part_of(content.len(), piece),
                ..self.clone()
            }
        })
    }

    /// Whether the whole body is in this message.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.body.content().len() == self.body.length()
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.body.content()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn queued(body: impl Into<Bytes>) -> QueuedCallback {
        QueuedCallback {
            service: "DeviceUsage".to_owned(),
            received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            reason: "The message cannot be recorded now.".to_owned(),
            verification: Verification::Verified {
                parts: Some(vec![0, 7]),
                account: Some("0000123456-00001".to_owned()),
            },
            content_type: Some("application/json".to_owned()),
            source: Some("137.117.33.109".parse().unwrap()),
            piece: None,
            body: QueuedBody::new(body),
        }
    }

    /// Bytes that cannot be compressed.
    pub(crate) fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        });
        next.take(length).collect()
    }

    #[test]
    fn a_message_states_everything_that_was_received_and_compresses_the_body() {
        let message = queued(r#"{"requestId":"r"}"#.repeat(1000)).to_message().unwrap();
        let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&message).unwrap();
        assert!(members.remove("bodyGzipBase64").unwrap().as_str().unwrap().len() < 300);
        insta::assert_snapshot!(
            serde_json::Value::from(members),
            @r#"{"bytes":17000,"contentType":"application/json","reason":"The message cannot be recorded now.","receivedAt":"2026-01-02T03:04:05Z","service":"DeviceUsage","source":"137.117.33.109","verification":{"verified":{"account":"0000123456-00001","parts":[0,7]}}}"#
        );
    }

    #[test]
    fn a_body_that_does_not_fit_into_one_message_is_kept_in_two() {
        let body = noise(1024 * 1024);
        let callback = queued(body.clone());
        assert!(callback.to_message().is_none());
        let pieces: Vec<_> =
            callback.to_messages().iter().map(|message| QueuedCallback::from_message(message).unwrap()).collect();
        let positions: Vec<_> = pieces.iter().map(|piece| piece.piece.unwrap()).collect();
        assert_eq!(positions, [Piece { number: 1, of: 2 }, Piece { number: 2, of: 2 }]);
        assert!(pieces.iter().all(|piece| !piece.is_complete() && piece.body.length() == body.len()));
        assert_eq!([pieces[0].body().as_ref(), pieces[1].body().as_ref()].concat(), body);
    }

    #[test]
    fn only_the_beginning_of_a_huge_body_is_kept() {
        let messages = queued(vec![b' '; 5_000_000]).to_messages();
        assert_eq!(messages.len(), MAX_PIECES);
        let first = QueuedCallback::from_message(&messages[0]).unwrap();
        assert_eq!((first.body.length(), first.body().len()), (5_000_000, PIECE_BYTES));
    }

    #[test]
    fn an_error_does_not_quote_the_message() {
        for message in ["hunter2", r#"{"service":"hunter2"}"#, r#"{"bodyGzipBase64":"hunter2"}"#] {
            let error = QueuedCallback::from_message(message).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_body_that_expands_without_end_is_refused() {
        let mut bomb = queued(vec![b' '; 9_000_000]);
        bomb.piece = None;
        assert!(QueuedCallback::from_message(&serde_json::to_string(&bomb).unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn every_callback_is_read_back_as_it_was(body: Vec<u8>, content_type: Option<String>, service: String) {
            let callback = QueuedCallback { content_type, service, ..queued(body) };
            prop_assert_eq!(&QueuedCallback::from_message(&callback.to_message().unwrap()).unwrap(), &callback);
        }
    }
}
