//! Events: what happened, to which device or account, once and forever.

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
    /// An account, for messages that name no device; null where none is stated.
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

/// Something that happened. Immutable once recorded.
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
    /// What happened, as the platform spelled it, or [`crate::IDENTIFIERS_MOVED`].
    pub change: String,
    /// The same in one vocabulary for all services and both transports.
    #[serde(default)]
    pub kind: EventKind,
    /// The platform's request id, if the message had one.
    pub request_id: Option<String>,
    /// When the message reached the edge.
    pub received_at: Timestamp,
    /// The result of a request, if the message was the response to one.
    pub result: Option<RequestResult>,
    /// What was reported on a facet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<EventReport>,
    /// The fields that it changed. A value of over 2 KiB is `{"leftOutBytes": …}`; it is whole in the payload.
    pub changes: Vec<FieldChange>,
    /// The identifiers that the message gave the device, as sent; where it does not say which are whose, all that its
    /// envelope lists.
    pub devices: Vec<DeviceIdentifier>,
    /// Further identifiers that the message's envelope lists.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub listed: Vec<DeviceIdentifier>,
    /// The message's payload as far as it is about the subject, whole, without credentials.
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

    /// What was reported on a facet, whole, as the platform sent it.
    #[must_use]
    pub fn reported(&self) -> Option<&Value> {
        let path = match self.report.as_ref()? {
            EventReport::InPayload(pointer) => pointer.strip_prefix('/')?,
            EventReport::Values(values) => return Some(values),
        };
        // The payload is a map: the pointer's first step is taken by hand.
        let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        self.payload.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
    }
}

/// What an event reports on a facet.
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
    /// The device's names, as the answer gave them.
    pub identifiers: Vec<DeviceIdentifier>,
    /// The callback service that the answer came to.
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
    /// Its name in the device as JSON; members of objects after a dot (`customFields.CustomField1`).
    pub field: String,
    /// Its value before; null if there was none.
    pub before: Value,
    /// Its value after.
    pub after: Value,
}

/// An event together with the device after it: what the table's stream carries and the topics publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// What happened.
    pub event: Event,
    /// The account of the subject, where it is known.
    pub account: Option<String>,
    /// The device after it; none for an event of an account.
    pub device: Option<Device>,
}
