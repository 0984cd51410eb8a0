//! Events: what happened, to which device or account, once and for ever.

use std::fmt;

use callback::{DeviceIdentifier, Map, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identity::DeviceId;
use crate::state::Device;

/// What an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// A device.
    Device(DeviceId),
    /// An account, for messages that name no device. Empty where none is stated.
    Account(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => id.fmt(f),
            Self::Account(name) => f.write_str(name),
        }
    }
}

/// Something that happened. Never changed once recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Unique; the same when the same message is read again.
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
    /// The platform's request id, if the message had one.
    pub request_id: Option<String>,
    /// When the message reached the edge.
    pub received_at: Timestamp,
    /// What became of a request, where the message was the answer to one.
    pub result: Option<RequestResult>,
    /// What is different after it.
    pub changes: Vec<FieldChange>,
    /// The devices that the message's envelope named, as sent.
    pub devices: Vec<DeviceIdentifier>,
    /// The message's payload as far as it is about the subject, whole, without credentials.
    pub payload: Map<String, Value>,
    /// The members of the payload that nobody understood.
    pub unknown: Map<String, Value>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestResult {
    /// What was asked for, as the answer names it (`suspend`), or the callback service.
    pub operation: String,
    /// `succeeded`, `failed`, `other` (see `status`) or `unstated`.
    pub outcome: String,
    /// The status as sent, where it is another one (`warning`).
    pub status: Option<String>,
    /// Why it failed, where it did.
    pub fault: Option<Fault>,
}

/// Why a request failed, in the platform's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `<ServiceName>.<error code>`: the error code is what to go by.
    pub code: Option<String>,
    /// For people.
    pub text: Option<String>,
}

/// What became of a request for one device, so far.
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
    /// The newest answer.
    #[serde(flatten)]
    pub result: RequestResult,
    /// When it came in.
    pub received_at: Timestamp,
    /// The event that recorded it.
    pub sequence: u64,
}

/// What became of a request for one device, so far: the newest answer, and those before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestOutcomes {
    /// The newest answer.
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
