//! The envelope that all events have in common.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// SNS accepts 256 KiB per message, attributes included.
pub const MAX_MESSAGE_BYTES: usize = 250 * 1024;

/// SNS accepts 128 characters as a message group id.
const MAX_GROUP_ID_CHARS: usize = 128;

/// Characters other than the unreserved ones of RFC 3986 are percent-encoded.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The `subject` and the account in `source` where the platform states no account.
const UNSTATED: &str = "unstated";

/// A message for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The CloudEvent as JSON.
    pub body: String,
    /// Attributes for filter policies. None is empty: SNS rejects empty ones.
    pub attributes: Vec<(&'static str, String)>,
    /// FIFO topics deliver messages of one group in order. Equal for all events of one subject.
    pub group_id: String,
    /// FIFO topics drop a second message with the same id within five minutes: the event's id, and the run that
    /// publishes it again.
    pub deduplication_id: String,
}

/// A CloudEvent about one subject.
#[derive(Debug, Serialize)]
pub(crate) struct CloudEvent<D> {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: String,
    subject: String,
    time: Timestamp,
    datacontenttype: &'static str,
    /// An extension attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    pub(crate) data: D,
}

/// What distinguishes one event from another.
pub(crate) struct Context<'a> {
    /// Unique, and the same if the event is published again. At most 128 characters that SNS accepts as a deduplication
    /// id.
    pub(crate) id: String,
    pub(crate) account: Option<&'a str>,
    /// The words of the type between `com.verizon.thingspace.` and the version.
    pub(crate) r#type: String,
    pub(crate) subject: String,
    pub(crate) time: Timestamp,
    /// The run that publishes it again.
    pub(crate) replay: Option<&'a str>,
}

impl<D: Serialize> CloudEvent<D> {
    pub(crate) fn new(context: Context<'_>, data: D) -> Self {
        let account = context.account.unwrap_or(UNSTATED);
        Self {
            specversion: "1.0",
            id: context.id,
            source: format!("/accounts/{}", utf8_percent_encode(account, ESCAPED)),
            r#type: format!("com.verizon.thingspace.{}.v1", context.r#type),
            subject: if context.subject.is_empty() { UNSTATED.to_owned() } else { context.subject },
            time: context.time,
            datacontenttype: "application/json",
            replay: context.replay.map(str::to_owned),
            data,
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The message with this body and those of the attributes that have a value.
    pub(crate) fn into_message(self, body: String, attributes: &[(&'static str, Option<&str>)]) -> Message {
        let attributes = attributes.iter().filter_map(|(name, value)| Some((*name, value.filter(|v| !v.is_empty())?)));
        Message {
            body,
            attributes: attributes.map(|(name, value)| (name, value.to_owned())).collect(),
            group_id: utf8_percent_encode(&self.subject, ESCAPED)
                .to_string()
                .chars()
                .take(MAX_GROUP_ID_CHARS)
                .collect(),
            deduplication_id: match self.replay {
                Some(run) => format!("{}-{run}", self.id),
                None => self.id,
            },
        }
    }
}
