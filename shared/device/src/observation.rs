//! What a callback service makes of a message: one observation for each device that it speaks of.

use std::sync::Arc;

use callback::{DeviceIdentifier, DeviceInfo, Map, Message, Outcome, Part, Value, operation};

use crate::facet::Facet;
use crate::identification::Identification;
use crate::kind::EventKind;
use crate::result::RequestResult;

/// What a message says about one device, or, without identifiers, about an account.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What happened, as the platform spelled it (`SUSPEND`, `suspendResponse`).
    pub change: String,
    /// The same in one vocabulary for all services and both transports.
    pub kind: EventKind,
    /// The account that the message states, if it does.
    pub account: Option<String>,
    /// Which device is meant.
    pub identification: Identification,
    /// The identifiers that the message gives it, as sent; where it does not say which are whose, all that its envelope
    /// lists.
    pub devices: Vec<DeviceIdentifier>,
    /// Further identifiers that the message's envelope lists.
    pub listed: Vec<DeviceIdentifier>,
    /// What it says about the device's state.
    pub updates: Vec<Update>,
    /// The result of a request, if the message is the response to one.
    pub result: Option<RequestResult>,
    /// The part of the payload that is about this device.
    pub payload: Map<String, Value>,
    /// Members of it that were not understood.
    pub unknown: Map<String, Value>,
}

impl Observation {
    /// What a part of a message says, with nothing made of it yet. Its change is the name of the member that says it,
    /// or else the service's.
    #[must_use]
    pub fn new(service: &str, part: Part) -> Self {
        let identification = Identification::some(&part.devices);
        let failed = matches!(part.outcome, Outcome::Failed { .. });
        let (devices, mut listed) =
            if part.devices.is_empty() { (part.listed, Vec::new()) } else { (part.devices, part.listed) };
        listed.retain(|one| !devices.contains(one));
        Self {
            change: if part.name.is_empty() { service.to_owned() } else { part.name },
            kind: EventKind::Other,
            account: part.account,
            // A failed request claims no identifiers.
            identification: if failed { identification.claiming_nothing() } else { identification },
            devices,
            listed,
            updates: Vec::new(),
            result: None,
            payload: part.payload,
            unknown: part.unknown,
        }
    }

    /// The same, of this kind.
    #[must_use]
    pub fn of_kind(mut self, kind: EventKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same as a report on one facet of the device, unless nothing is reported.
    #[must_use]
    pub fn reporting(mut self, facet: Facet, values: impl Into<Arc<Value>>) -> Self {
        let values = values.into();
        if !values.is_null() {
            self.updates.push(Update::Facet(facet, values));
        }
        self
    }

    /// The same as the response to a request, whose operation is the change without `Response`. A failed request claims
    /// no identifiers.
    #[must_use]
    pub fn responding(mut self, outcome: &Outcome) -> Self {
        self.result = Some(RequestResult::new(operation(&self.change), outcome));
        if matches!(outcome, Outcome::Failed { .. }) {
            self.kind = EventKind::RequestFailed;
        }
        if matches!(outcome, Outcome::Failed { .. } | Outcome::Other(_)) { self.claiming_no_names() } else { self }
    }

    /// The same, with names that only tell which device is meant: not that they belong together.
    #[must_use]
    pub fn claiming_no_names(mut self) -> Self {
        self.identification = self.identification.claiming_nothing();
        self
    }

    /// What it reports on a facet of the device.
    pub(crate) fn reported(&self) -> Option<&Value> {
        self.updates.iter().find_map(|update| match update {
            Update::Facet(_, values) if !values.is_null() => Some(values.as_ref()),
            _ => None,
        })
    }
}

/// The observations of a service whose messages answer requests and report on one facet.
#[must_use]
pub fn observe_responses(service: &str, message: Message, facet: fn(&Part) -> Facet) -> Vec<Observation> {
    let observe = |part: Part| {
        let outcome = part.outcome.clone();
        report(service, part, facet).responding(&outcome)
    };
    message.into_parts().into_iter().map(observe).collect()
}

/// The observations of the parts of a message that answers no request and reports on one facet.
#[must_use]
pub fn observe_notifications(service: &str, parts: Vec<Part>, facet: fn(&Part) -> Facet) -> Vec<Observation> {
    parts.into_iter().map(|part| report(service, part, facet)).collect()
}

fn report(service: &str, part: Part, facet: fn(&Part) -> Facet) -> Observation {
    let (facet, values) = (facet(&part), Arc::clone(&part.values));
    Observation::new(service, part).of_kind(facet.kind()).reporting(facet, values)
}

/// What a message says about a device's state.
#[derive(Debug, Clone)]
pub enum Update {
    /// Its provisioning: all of it, or what is stated.
    Provisioning(Box<DeviceInfo>),
    /// A report on one facet. Null takes back what was said.
    Facet(Facet, Arc<Value>),
    /// That the profile of an embedded SIM with this iccid is in use, or no longer.
    ProfileInUse(String, bool),
}
