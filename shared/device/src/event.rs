//! Events: the immutable history of devices and accounts.

use std::fmt;

use callback::{DeviceIdentifier, Map, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bound::{left_out, size};
use crate::identity::DeviceId;
use crate::kind::EventKind;
use crate::result::RequestResult;
use crate::state::Device;

/// What an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// A device.
    Device(DeviceId),
    /// An account, for messages that name no device; null if none is stated.
    Account(Option<String>),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => id.fmt(f),
            Self::Account(name) => f.write_str(name.as_deref().unwrap_or_default()),
        }
    }
}

/// A change of a device, or a message about an account. Immutable once recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Unique, and derived: the same when the same message is processed again.
    pub id: String,
    /// The device or account.
    #[serde(flatten)]
    pub subject: Subject,
    /// The subject's version after it: 1, 2, 3, without gaps.
    pub sequence: u64,
    /// The callback service, as the platform spells it.
    pub service: String,
    /// The change, as the platform spells it, or [`crate::IDENTIFIERS_MOVED`].
    pub change: String,
    /// The same in one vocabulary for all services and both transports.
    #[serde(default)]
    pub kind: EventKind,
    /// The platform's request id, if the message had one.
    pub request_id: Option<String>,
    /// When the gateway received the message.
    pub received_at: Timestamp,
    /// The result of a request, if the message was the response to one.
    pub result: Option<RequestResult>,
    /// What was reported on a facet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<EventReport>,
    /// The changed fields. A value of over 2 KiB is replaced by `{"leftOutBytes": …}`; the payload contains it.
    pub changes: Vec<FieldChange>,
    /// The device's identifiers in the message, as sent. If the message does not show which belong together, all that
    /// its envelope lists.
    pub devices: Vec<DeviceIdentifier>,
    /// Further identifiers in the message's envelope.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub listed: Vec<DeviceIdentifier>,
    /// The part of the message's payload that concerns the subject, complete, without credentials.
    pub payload: Map<String, Value>,
    /// The members of the payload that were not understood.
    pub unknown: Map<String, Value>,
}

impl Event {
    /// Omits what the payload repeats: unknown members and report values are in it too.
    pub fn omit_copies(&mut self) {
        self.unknown.values_mut().for_each(|value| *value = left_out(size(value)));
        self.report = self.report.take().filter(|report| matches!(report, EventReport::InPayload(_)));
    }

    /// The complete report on a facet, as sent.
    #[must_use]
    pub fn reported(&self) -> Option<&Value> {
        let path = match self.report.as_ref()? {
            EventReport::InPayload(pointer) => pointer.strip_prefix('/')?,
            EventReport::Values(values) => return Some(values),
        };
        // The payload is a map and no `Value`, so the first step of the pointer is resolved here.
        let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        self.payload.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
    }
}

/// The report of an event on a facet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventReport {
    /// The event's payload contains it, at this JSON pointer (RFC 6901).
    #[serde(rename = "at")]
    InPayload(String),
    /// It is derived from the payload.
    Values(Value),
}

/// The newest response to a request for one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOutcome {
    /// The device or account.
    #[serde(flatten)]
    pub subject: Subject,
    /// The device's identifiers in the response, as sent.
    pub identifiers: Vec<DeviceIdentifier>,
    /// The callback service that received the response.
    pub service: String,
    /// The newest response.
    #[serde(flatten)]
    pub result: RequestResult,
    /// When it was received.
    pub received_at: Timestamp,
    /// The event that recorded it.
    pub sequence: u64,
}

/// The responses to a request for one device: the newest one, and those before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestOutcomes {
    /// The newest response.
    #[serde(flatten)]
    pub newest: RequestOutcome,
    /// Those before it, oldest first: a warning, or one for each profile of a device.
    pub earlier: Vec<RequestOutcome>,
}

/// A field of a device that an event changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name in the JSON of the device, with a dot before members of objects (`customFields.CustomField1`).
    pub field: String,
    /// Its value before; null if there was none.
    pub before: Value,
    /// Its value after.
    pub after: Value,
}

/// An event with the device after it, as in the table's stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// The event.
    pub event: Event,
    /// The account of the subject, if known.
    pub account: Option<String>,
    /// The device after it; none for an event of an account.
    pub device: Option<Device>,
}
