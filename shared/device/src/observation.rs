//! Observations: what a message says about each device, as a callback service interprets it.

use std::sync::Arc;

use callback::{DeviceIdentifier, DeviceInfo, Map, Message, Outcome, Part, Value, operation};

use crate::facet::Facet;
use crate::identification::Identification;
use crate::kind::EventKind;
use crate::result::RequestResult;

/// What a message says about one device or, without identifiers, about an account.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The change, as the platform spells it (`SUSPEND`, `suspendResponse`).
    pub change: String,
    /// The same in one vocabulary for all services and both transports.
    pub kind: EventKind,
    /// The account that the message states, or else the one whose credentials it carries.
    pub account: Option<String>,
    /// How the message identifies the device.
    pub identification: Identification,
    /// The device's identifiers in the message, as sent. If the message does not show which belong together, all that
    /// its envelope lists.
    pub devices: Vec<DeviceIdentifier>,
    /// Further identifiers in the message's envelope.
    pub listed: Vec<DeviceIdentifier>,
    /// The updates of the device's state.
    pub updates: Vec<Update>,
    /// The result of a request, if the message is the response to one.
    pub result: Option<RequestResult>,
    /// The part of the payload that is about this device.
    pub payload: Map<String, Value>,
    /// Members of the payload that were not understood.
    pub unknown: Map<String, Value>,
}

impl Observation {
    /// An uninterpreted observation of a part. Its change is the name of the member with the content, or else the name
    /// of the service.
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

    /// The same, with identifiers that are only used to find the device, and are not claimed to belong together.
    #[must_use]
    pub fn claiming_no_names(mut self) -> Self {
        self.identification = self.identification.claiming_nothing();
        self
    }

    /// The report on a facet of the device.
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

/// An update of a device's state.
#[derive(Debug, Clone)]
pub enum Update {
    /// The provisioning: complete, or only the stated members.
    Provisioning(Box<DeviceInfo>),
    /// A report on one facet. Null withdraws the former report.
    Facet(Facet, Arc<Value>),
    /// Whether the profile of an embedded SIM with this iccid is in use.
    ProfileInUse(String, bool),
}
