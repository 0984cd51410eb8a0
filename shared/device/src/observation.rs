//! What a callback service makes of a message: one observation for each device that it speaks of.

use callback::{Change, DeviceIdentifier, DeviceInfo, Kind, Map, Message, Outcome, Part, Value};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::digest::{Digest, canonical};
use crate::event::{Fault, RequestResult};
use crate::identity::{Identifier, MAX_IDENTIFIERS, identifiers};
use crate::state::Facet;

/// A callback service of the platform: its name, and what its messages say about devices.
#[derive(Debug, Clone, Copy)]
pub struct CallbackService {
    /// As the platform spells it, `ExternalProvisioningChanges`.
    pub name: &'static str,
    /// Other spellings of the platform's own.
    pub aliases: &'static [&'static str],
    /// For how long after a message without a request id an equal one is the same, sent again.
    pub resent_within: SignedDuration,
    /// What a message says. At least one observation comes of every message: nothing is dropped.
    pub interpret: fn(&Message) -> Vec<Observation>,
}

impl CallbackService {
    /// A service of this name, with the common rules: no other spellings, and equal messages without a request id are the
    /// same while the platform's documented resends last (15 minutes, and some more).
    #[must_use]
    pub const fn new(name: &'static str, interpret: fn(&Message) -> Vec<Observation>) -> Self {
        Self { name, aliases: &[], resent_within: DOCUMENTED_RESENDS, interpret }
    }
}

/// The documented resends are three, five minutes apart.
const DOCUMENTED_RESENDS: SignedDuration = SignedDuration::from_mins(20);

/// What a message says about one device, or, without identifiers, about an account.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What happened, as the platform spelled it (`SUSPEND`, `suspendResponse`).
    pub change: String,
    /// The account that the message states, if it does.
    pub account: Option<String>,
    /// Which device is meant.
    pub naming: Naming,
    /// The names that the message gives it, and those that its envelope lists, as sent.
    pub devices: Vec<DeviceIdentifier>,
    /// What it says about the device's state.
    pub updates: Vec<Update>,
    /// What became of a request, where the message is the answer to one.
    pub result: Option<RequestResult>,
    /// The part of the payload that is about this device.
    pub payload: Map<String, Value>,
    /// Members of it that nobody understood.
    pub unknown: Map<String, Value>,
}

impl Observation {
    /// What a part of a message says, with nothing made of it yet. Its change is the name of the member that says it, or
    /// else the service's.
    #[must_use]
    pub fn new(service: &str, part: Part) -> Self {
        Self {
            change: if part.name.is_empty() { service.to_owned() } else { part.name },
            account: part.account,
            naming: Naming::some(&part.devices),
            devices: if part.listed.is_empty() { part.devices } else { part.listed },
            updates: Vec::new(),
            result: None,
            payload: part.payload,
            unknown: part.unknown,
        }
    }

    /// The same as a report on one facet of the device, unless nothing is reported.
    #[must_use]
    pub fn reporting(mut self, facet: Facet, values: Value) -> Self {
        if !values.is_null() {
            self.updates.push(Update::Facet(facet, values));
        }
        self
    }

    /// The same as the answer to a request for this operation. What was not done has named a device, and changed no name.
    #[must_use]
    pub fn answering(mut self, operation: &str, outcome: &Outcome) -> Self {
        self.result = Some(RequestResult::new(operation, outcome));
        if matches!(outcome, Outcome::Failed { .. } | Outcome::Other(_)) { self.changing_no_name() } else { self }
    }

    /// The same, with names that only tell which device is meant: not that they belong together.
    #[must_use]
    pub fn changing_no_name(mut self) -> Self {
        self.naming.effect = Effect::None;
        self
    }
}

/// The observations of a service whose messages answer requests and report on one facet.
#[must_use]
pub fn answers(service: &str, message: &Message, facet: fn(&Part) -> Facet) -> Vec<Observation> {
    let observe = |part: Part| {
        let outcome = part.outcome.clone();
        let observation = report(service, part, facet);
        let operation = operation(&observation.change).to_owned();
        observation.answering(&operation, &outcome)
    };
    message.parts().into_iter().map(observe).collect()
}

/// The observations of a service whose messages answer nobody and report on one facet.
#[must_use]
pub fn notifications(service: &str, message: &Message, facet: fn(&Part) -> Facet) -> Vec<Observation> {
    message.parts().into_iter().map(|part| report(service, part, facet)).collect()
}

fn report(service: &str, part: Part, facet: fn(&Part) -> Facet) -> Observation {
    let (facet, values) = (facet(&part), part.values.clone());
    Observation::new(service, part).reporting(facet, values)
}

/// `suspend` of `suspendResponse`.
#[must_use]
pub fn operation(member: &str) -> &str {
    member.strip_suffix("Response").filter(|operation| !operation.is_empty()).unwrap_or(member)
}

/// How a message names a device.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    /// All identifiers given, the most telling first.
    pub(crate) proof: Vec<Identifier>,
    pub(crate) effect: Effect,
    /// Whether a line was activated, and may have got a recycled number.
    pub(crate) activation: bool,
}

/// What naming a device does to its identifiers.
#[derive(Debug, Clone, Default)]
pub(crate) enum Effect {
    /// Those given are added to those known.
    #[default]
    Add,
    /// These replace all that are known.
    Snapshot(Vec<Identifier>),
    /// The new ones replace those of their kinds, and the old ones.
    Swap { old: Vec<Identifier>, new: Vec<Identifier> },
    /// Those given are added, and the line's are given up.
    ReleaseLine,
    /// They only tell which device is meant. A device that is new gets those that nobody has.
    None,
}

impl Effect {
    /// Whether it says what the device is called from now on, and not only what it is called too.
    pub(crate) fn settles(&self) -> bool {
        matches!(self, Self::Snapshot(_) | Self::Swap { .. } | Self::ReleaseLine)
    }
}

impl Naming {
    /// The message gives some of the device's names: they are added to those known.
    #[must_use]
    pub fn some<'a>(sent: impl IntoIterator<Item = &'a DeviceIdentifier>) -> Self {
        Self { proof: identifiers(sent), ..Self::default() }
    }

    /// The message gives all of the device's names, which replace those known. `addressed` are those by which its
    /// envelope addresses the device: they may be old ones, and only help to find it.
    #[must_use]
    pub fn all(addressed: &[DeviceIdentifier], all: &[DeviceIdentifier], change: Option<&Change>) -> Self {
        let proof = identifiers(addressed.iter().chain(all));
        // What is not looked up must not be claimed.
        let snapshot: Vec<_> = identifiers(all).into_iter().filter(|one| proof.contains(one)).collect();
        Self {
            proof,
            effect: if snapshot.is_empty() { Effect::Add } else { Effect::Snapshot(snapshot) },
            activation: change == Some(&Change::Activate),
        }
    }

    /// A line was activated: the message gives the names that the request had, and those that the line got.
    #[must_use]
    pub fn activated(requested: &[DeviceIdentifier], given: &[DeviceIdentifier]) -> Self {
        Self { proof: identifiers(requested.iter().chain(given)), effect: Effect::Add, activation: true }
    }

    /// A line was deactivated: the device has no number any more.
    #[must_use]
    pub fn deactivated(sent: &[DeviceIdentifier]) -> Self {
        Self { proof: identifiers(sent), effect: Effect::ReleaseLine, activation: false }
    }

    /// Names were changed. The old ones tell which device it is; the new ones may have been another's.
    #[must_use]
    pub fn changed(old: &[DeviceIdentifier], new: &[DeviceIdentifier]) -> Self {
        let (old, mut new) = (identifiers(old), identifiers(new));
        let mut proof = old.clone();
        proof.extend(new.iter().filter(|one| !old.contains(one)).cloned());
        proof.truncate(MAX_IDENTIFIERS);
        new.retain(|one| proof.contains(one));
        Self { proof, effect: Effect::Swap { old, new }, activation: false }
    }
}

/// Whether identifiers of this kind name a line.
pub(crate) fn is_line(kind: &Kind) -> bool {
    matches!(kind, Kind::Mdn | Kind::Msisdn | Kind::Min)
}

/// What a message says about a device's state.
#[derive(Debug, Clone)]
pub enum Update {
    /// Its provisioning: all of it, or what is stated.
    Provisioning(Box<DeviceInfo>),
    /// A report on one facet. Null takes back what was said.
    Facet(Facet, Value),
}

/// The delivery of a message: what its observations have in common.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    /// The callback service that it came to.
    pub service: &'a CallbackService,
    /// The message itself.
    pub message: &'a Message,
    /// When it reached the edge. Messages carry no time of their own, so this is their order.
    pub received_at: Timestamp,
}

/// The platform archives a message and can resend it for 30 days.
const ARCHIVED: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Occasion<'_> {
    /// What the message is known by when it comes again: its service, request id, devices and payload, but neither
    /// credentials nor `callbackCount`. The account is part of the payload, where it is stated at all.
    pub(crate) fn digest(&self) -> Digest {
        let payload = Value::Object(self.message.payload.clone());
        let devices = json!(self.message.devices);
        let request_id = self.message.request_id.as_deref();
        Digest::of(&[
            "message",
            self.service.name,
            &Value::from(request_id).to_string(),
            &canonical(&devices),
            &canonical(&payload),
        ])
    }

    /// An equal message that came in after this time is the same one, sent before.
    ///
    /// With a request id, for as long as the platform can resend. Without one, content is all there is to go by: an equal
    /// message is the same while the platform resends, and a new one later. If `callbackCount` says that this is a
    /// resend, the documented schedule counts, else what the service says.
    pub(crate) fn same_since(&self) -> Timestamp {
        let resend = self.message.attempt.count.is_some_and(|count| count > 1);
        let window = match self.message.request_id {
            Some(_) => ARCHIVED,
            None if resend => DOCUMENTED_RESENDS,
            None => self.service.resent_within,
        };
        self.received_at.saturating_sub(window).unwrap_or(Timestamp::MIN)
    }

    /// When the receipt may be forgotten, in seconds since 1970.
    pub(crate) fn receipt_expires_at(&self) -> i64 {
        let kept = if self.message.request_id.is_some() { ARCHIVED } else { DOCUMENTED_RESENDS };
        self.received_at.as_second() + kept.as_secs()
    }
}

impl RequestResult {
    pub(crate) fn new(operation: &str, outcome: &Outcome) -> Self {
        let (outcome, status, fault) = match outcome {
            Outcome::Succeeded => ("succeeded", None, None),
            Outcome::Failed { code, text } => ("failed", None, Some(Fault { code: code.clone(), text: text.clone() })),
            Outcome::Other(status) => ("other", Some(status.clone()), None),
            Outcome::Unstated => ("unstated", None, None),
        };
        Self { operation: operation.to_owned(), outcome: outcome.to_owned(), status, fault }
    }
}
