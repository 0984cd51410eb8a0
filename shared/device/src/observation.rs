//! What a callback service makes of a message: one observation for each device that it speaks of.

use callback::{Change, DeviceIdentifier, DeviceInfo, Map, Message, Value};
use jiff::Timestamp;
use serde_json::json;

use crate::digest::{Digest, canonical};
use crate::identity::{Identifier, identifiers};

/// A callback service of the platform: its name, as registered, and what its messages say about devices.
#[derive(Debug, Clone, Copy)]
pub struct CallbackService {
    /// As the platform spells it, `ExternalProvisioningChanges`.
    pub name: &'static str,
    /// What a message says. At least one observation comes of every message: nothing is dropped.
    pub interpret: fn(&Message) -> Vec<Observation>,
}

/// What a message says about one device, or, without identifiers, about an account.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What happened, as the platform spelled it (`SUSPEND`).
    pub change: String,
    /// The account that the message states, if it does.
    pub account: Option<String>,
    /// Which device is meant.
    pub naming: Naming,
    /// What it says about the device's state.
    pub update: Update,
    /// Members of the payload that nobody understood.
    pub unknown: Map<String, Value>,
}

/// How a message names a device.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    proof: Vec<Identifier>,
    snapshot: Option<Vec<Identifier>>,
    activation: bool,
}

impl Naming {
    /// The message gives some of the device's names: they are added to those known.
    #[must_use]
    pub fn some<'a>(sent: impl IntoIterator<Item = &'a DeviceIdentifier>) -> Self {
        Self { proof: identifiers(sent), snapshot: None, activation: false }
    }

    /// The message gives all of the device's names, which replace those known. `addressed` are those by which its
    /// envelope addresses the device: they may be old ones, and only help to find it.
    #[must_use]
    pub fn all(addressed: &[DeviceIdentifier], all: &[DeviceIdentifier], change: Option<&Change>) -> Self {
        let activation = change == Some(&Change::Activate);
        let snapshot = identifiers(all);
        let snapshot = (!snapshot.is_empty()).then_some(snapshot);
        Self { proof: identifiers(addressed.iter().chain(all)), snapshot, activation }
    }

    /// All identifiers given, strongest first.
    pub(crate) fn proof(&self) -> &[Identifier] {
        &self.proof
    }

    /// The identifiers that replace those known.
    pub(crate) fn snapshot(&self) -> Option<&[Identifier]> {
        self.snapshot.as_deref()
    }

    /// Whether a line was activated, and may have got a recycled number.
    pub(crate) fn activation(&self) -> bool {
        self.activation
    }
}

/// What a message says about a device's state.
#[derive(Debug, Clone)]
pub enum Update {
    /// A snapshot of its provisioning.
    Provisioning(Box<DeviceInfo>),
    /// Nothing that is understood.
    Nothing,
}

/// The delivery of a message: what its observations have in common.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    /// The callback service that it came to.
    pub service: &'static str,
    /// The message itself.
    pub message: &'a Message,
    /// When it reached the edge. Messages carry no time of their own, so this is their order.
    pub received_at: Timestamp,
}

/// How long a message with a request id is remembered: the platform archives and can resend it for 30 days.
const REQUEST_DAYS: i64 = 30;

/// How long a message without a request id is remembered: the documented resends end after 15 minutes. Later, equal
/// content is a new message: the same device can be suspended in the same way again.
const NO_REQUEST_MINUTES: i64 = 20;

impl Occasion<'_> {
    /// What the message is known by when it comes again: its service, request id, devices and payload, but neither
    /// credentials nor `callbackCount`. The account is part of the payload, where it is stated at all.
    pub(crate) fn digest(&self) -> Digest {
        let payload = Value::Object(self.message.payload.clone());
        let devices = json!(self.message.devices);
        let request_id = self.message.request_id.as_deref();
        Digest::of(&[
            "message",
            self.service,
            &Value::from(request_id).to_string(),
            &canonical(&devices),
            &canonical(&payload),
        ])
    }

    /// Until when (seconds since 1970) the message is remembered.
    pub(crate) fn remembered_until(&self) -> i64 {
        let seconds = match self.message.request_id {
            Some(_) => REQUEST_DAYS * 24 * 60 * 60,
            None => NO_REQUEST_MINUTES * 60,
        };
        self.received_at.as_second() + seconds
    }
}
