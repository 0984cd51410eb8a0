//! Decides what an observation changes, from the devices that were read. The store executes the plan.

use std::collections::BTreeSet;

use callback::truncate;

use crate::bound::MAX_TEXT_BYTES;
use crate::changes::changes;
use crate::digest::Digest;
use crate::event::{Event, EventReport, FieldChange, RecordedEvent, Subject};
use crate::facet::{Facet, OperationResult, Report};
use crate::identity::{DeviceId, Identifier, Strength};
use crate::kind::EventKind;
use crate::observation::{Observation, Update};
use crate::pointer::pointer_to;
use crate::resolve::{Known, Resolution, resolve};
use crate::service::CallbackDelivery;
use crate::state::Device;

/// The `change` of an event of our own: the device lost identifiers to another one, or merged into it.
pub const IDENTIFIERS_MOVED: &str = "IdentifiersMoved";

/// The writes of one transaction.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum Plan {
    /// For a message that names a device: an event for each device that changes, that of the device meant first, and
    /// the identifiers that change owner.
    Devices(Vec<RecordedEvent>, Vec<Move>),
    /// For a message that names no device.
    Account(RecordedEvent),
}

/// An identifier that changes owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The identifier.
    pub identifier: Identifier,
    /// Its former owner and its new one.
    pub change: OwnerChange,
}

impl Move {
    /// The former owner.
    #[must_use]
    pub fn from(&self) -> Option<&DeviceId> {
        match &self.change {
            OwnerChange::Assigned(_) => None,
            OwnerChange::Transferred(from, _) | OwnerChange::Released(from) => Some(from),
        }
    }

    /// The new owner.
    #[must_use]
    pub fn to(&self) -> Option<&DeviceId> {
        match &self.change {
            OwnerChange::Assigned(to) | OwnerChange::Transferred(_, to) => Some(to),
            OwnerChange::Released(_) => None,
        }
    }
}

/// The former and the new owner of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerChange {
    /// From no device to this one.
    Assigned(DeviceId),
    /// From the first device to the second.
    Transferred(DeviceId, DeviceId),
    /// From this device to none.
    Released(DeviceId),
}

impl Plan {
    /// The events to be recorded.
    #[must_use]
    pub fn events(&self) -> &[RecordedEvent] {
        match self {
            Self::Devices(events, _) => events,
            Self::Account(event) => std::slice::from_ref(event),
        }
    }

    /// The identifiers that change owner.
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        match self {
            Self::Devices(_, moves) => moves,
            Self::Account(_) => &[],
        }
    }

    /// The devices and identifiers that it changes. Plans that change the same ones cannot share a transaction.
    #[must_use]
    pub fn touches(&self) -> BTreeSet<String> {
        let subjects = self.events().iter().map(|recorded| recorded.event.subject.to_string());
        subjects.chain(self.moves().iter().map(|moved| moved.identifier.to_string())).collect()
    }
}

/// Decides what an observation changes.
///
/// - `key`: the observation's idempotency key.
/// - `known`: every device that owns one of the observation's identifiers.
/// - `version`: the number of events that the account has so far. Only used where the observation identifies no device;
///   a device carries its own version.
#[must_use]
pub fn plan(delivery: &CallbackDelivery, observation: &Observation, key: &Digest, known: &Known, version: u64) -> Plan {
    let account = observation.account.as_deref().map(|account| truncate(account, MAX_TEXT_BYTES));
    let writer = Writer { delivery, key, account: account.as_deref() };
    if observation.identification.names().is_empty() {
        let event = writer.event(Some(observation), Subject::Account(account.clone()), version + 1, Vec::new());
        return Plan::Account(RecordedEvent { event, account, device: None });
    }
    let resolution = resolve(&observation.identification, delivery.received_at, known);
    let id = writer.id(observation, &resolution, known);
    let moves = moves(&resolution, &id);
    let mut device = resolution.device.cloned().unwrap_or_else(|| Device::new(id.clone(), delivery.received_at));
    writer.name(&mut device, observation, &resolution);
    let former = former_device_of_line(&resolution, &device, observation);
    if let Some(former) = former {
        device.provisioning = former.provisioning.clone();
        device.facets.suspension.clone_from(&former.facets.suspension);
        device.facets.resume.clone_from(&former.facets.resume);
    }
    for merged in &resolution.merged {
        device.absorb((*merged).clone());
    }
    writer.apply(&mut device, observation);
    let mut events = vec![writer.recorded(Some(observation), resolution.device, device)];

    for before in &resolution.merged {
        let mut loser = (*before).clone();
        loser.identifiers.clear();
        loser.merged_into = Some(id.clone());
        events.push(writer.recorded(None, Some(before), loser));
    }
    for (before, lost) in &resolution.losers {
        let mut loser = (*before).clone();
        for name in lost {
            loser.identifiers.remove(name);
            let known = loser.named_at.entry(name.kind.clone()).or_insert(delivery.received_at);
            *known = delivery.received_at.max(*known);
        }
        let has_line = loser.identifiers.iter().any(|one| one.strength() == Strength::Line);
        if former.is_some_and(|former| former.id == loser.id) && !has_line {
            loser.provisioning = loser.provisioning.without_line();
            (loser.facets.suspension, loser.facets.resume) = (None, None);
        }
        loser.iccid_in_use = loser.iccid_in_use.filter(|iccid| lost.iter().all(|name| name.value != *iccid));
        events.push(writer.recorded(None, Some(before), loser));
    }
    Plan::Devices(events, moves)
}

impl Known {
    /// Applies a plan.
    pub fn apply(&mut self, plan: Plan) {
        let Plan::Devices(events, moves) = plan else { return };
        for device in events.into_iter().filter_map(|recorded| recorded.device) {
            self.devices.insert(device.id.clone(), device);
        }
        for moved in moves {
            match moved.to() {
                Some(owner) => self.owners.insert(moved.identifier.clone(), owner.clone()),
                None => self.owners.remove(&moved.identifier),
            };
        }
    }
}

/// The former device of a SIM that appears in other hardware. Its provisioning moves with the SIM.
fn former_device_of_line<'a>(
    resolution: &Resolution<'a>,
    device: &Device,
    observation: &Observation,
) -> Option<&'a Device> {
    // The provisioning of known hardware belonged to its former SIM.
    let is_replaced = |one: &Identifier| one.strength() == Strength::Sim && !resolution.names.contains(one);
    let other_sim = resolution.device.is_some_and(|before| before.identifiers.iter().any(is_replaced));
    let has_newer = |loser: &Device| {
        let (of_loser, own) = (loser.provisioning.provisioned_at, device.provisioning.provisioned_at);
        of_loser > own || (other_sim && of_loser.is_some())
    };
    let lost_sim = |lost: &BTreeSet<Identifier>| lost.iter().any(|one| one.strength() == Strength::Sim);
    let losers = resolution.losers.iter().filter(|(loser, lost)| has_newer(loser) && lost_sim(lost));
    let newest = losers.max_by_key(|(loser, _)| loser.provisioning.provisioned_at);
    newest.filter(|_| !observation.identification.recycles_lines()).map(|(loser, _)| *loser)
}

/// The changes of ownership when the device with this id receives its identifiers.
fn moves(resolution: &Resolution<'_>, device: &DeviceId) -> Vec<Move> {
    let own = resolution.device.map(|device| &device.identifiers);
    let losers = resolution.losers.iter().map(|(loser, _)| *loser);
    let others: Vec<&Device> = resolution.merged.iter().copied().chain(losers).collect();
    let owner = |name: &Identifier| others.iter().find(|one| one.identifiers.contains(name));
    let gained = resolution.names.iter().filter(|name| own.is_none_or(|own| !own.contains(name))).map(|name| {
        let change = match owner(name) {
            None => OwnerChange::Assigned(device.clone()),
            Some(owner) => OwnerChange::Transferred(owner.id.clone(), device.clone()),
        };
        Move { identifier: name.clone(), change }
    });
    let given_up = own.into_iter().flatten().map(|name| (name, device));
    let left_behind = resolution.merged.iter().flat_map(|one| one.identifiers.iter().map(|name| (name, &one.id)));
    let taken = resolution.losers.iter().flat_map(|(one, lost)| lost.iter().map(|name| (name, &one.id)));
    let released = given_up.chain(left_behind).chain(taken).filter(|(name, _)| !resolution.names.contains(name));
    let released =
        released.map(|(name, from)| Move { identifier: name.clone(), change: OwnerChange::Released(from.clone()) });
    gained.chain(released).collect()
}

/// Writes events of one observation.
struct Writer<'a> {
    delivery: &'a CallbackDelivery,
    key: &'a Digest,
    /// The account of the message.
    account: Option<&'a str>,
}

impl Writer<'_> {
    /// The id of the device meant, or of a new one.
    fn id(&self, observation: &Observation, resolution: &Resolution<'_>, known: &Known) -> DeviceId {
        if let Some(device) = resolution.device {
            return device.id.clone();
        }
        let first = observation.identification.names().first();
        let derived = first.map_or_else(|| DeviceId::from(self.key.short().as_str()), DeviceId::derived_from);
        let taken = known.devices.contains_key(&derived);
        if taken { derived.beside(self.key, self.delivery.received_at) } else { derived }
    }

    /// Assigns the identifiers, and records the time of each change.
    fn name(&self, device: &mut Device, observation: &Observation, resolution: &Resolution<'_>) {
        let at = self.delivery.received_at;
        let released = device.identifiers.difference(&resolution.names).map(|name| name.kind.clone());
        let kinds: Vec<_> = released.chain(resolution.given.iter().map(|name| name.kind.clone())).collect();
        for kind in kinds {
            let known = device.named_at.entry(kind).or_insert(at);
            *known = at.max(*known);
        }
        device.identifiers.clone_from(&resolution.names);
        let is_late = device.identified_at.is_some_and(|known| known > at);
        if is_late {
            return;
        }
        if observation.identification.confirms_identifiers() {
            device.identified_at = Some(at);
        }
        let in_use = observation.identification.iccid_in_use().filter(|iccid| device.identifiers.contains(iccid));
        let in_use = in_use.map(|iccid| iccid.value.clone()).or(device.iccid_in_use.take());
        device.iccid_in_use = in_use.filter(|iccid| device.is_profile(iccid));
    }

    /// The device after a message. An older message never overwrites what a newer one has set.
    fn apply(&self, device: &mut Device, observation: &Observation) {
        let at = self.delivery.received_at;
        let request_id = self.delivery.request_id.as_deref().map(|id| truncate(id, MAX_TEXT_BYTES));
        for update in &observation.updates {
            match update {
                Update::Provisioning(info) if device.provisioning.provisioned_at.is_none_or(|known| known <= at) => {
                    device.provisioning.update(info);
                    device.provisioning.provisioned_at = Some(at);
                }
                Update::Provisioning(_) => {}
                // A suspension that was reported before a newer state is over.
                Update::Facet(Facet::Suspension(_) | Facet::Resume, _)
                    if device.provisioning.ends_suspension_of(at) => {}
                Update::ProfileInUse(iccid, true) if device.is_profile(iccid) => {
                    device.iccid_in_use = Some(iccid.clone());
                }
                Update::ProfileInUse(iccid, in_use) => {
                    device.iccid_in_use = device.iccid_in_use.take().filter(|known| *in_use || known != iccid);
                }
                Update::Facet(facet, values) => {
                    device.facets.take(facet, Report::new(at, request_id.as_deref(), values));
                }
            }
        }
        if let Some(result) = &observation.result {
            let result = result.clone();
            device.facets.take_result(OperationResult { at, request_id, result });
        }
    }

    /// The event that leads to this device. Without an observation, the device only lost identifiers.
    fn recorded(
        &self,
        observation: Option<&Observation>,
        before: Option<&Device>,
        mut device: Device,
    ) -> RecordedEvent {
        device.version += 1;
        device.updated_at = device.updated_at.max(self.delivery.received_at);
        device.fit();
        let changes = changes(before, &device);
        let event = self.event(observation, Subject::Device(device.id.clone()), device.version, changes);
        // An event is of the account of its message, but a device that only lost identifiers may be of another.
        let (of_message, of_device) = (self.account, device.provisioning.account.as_deref());
        let account = if observation.is_some() { of_message.or(of_device) } else { of_device.or(of_message) };
        let account = account.map(str::to_owned);
        RecordedEvent { event, account, device: Some(device) }
    }

    fn event(
        &self,
        observation: Option<&Observation>,
        subject: Subject,
        sequence: u64,
        changes: Vec<FieldChange>,
    ) -> Event {
        Event {
            // An equal later message has the same key, so the time is part of the id.
            id: Digest::of(&["event", &self.key.full(), &subject.to_string(), &sequence.to_string()]).short(),
            subject,
            sequence,
            service: self.delivery.service.clone(),
            change: truncate(observation.map_or(IDENTIFIERS_MOVED, |observation| &observation.change), MAX_TEXT_BYTES),
            kind: observation.map_or(EventKind::IdentifiersMoved, |observation| observation.kind),
            request_id: self.delivery.request_id.clone(),
            received_at: self.delivery.received_at,
            result: observation.and_then(|observation| observation.result.clone()),
            report: observation.and_then(|one| {
                let values = one.reported()?;
                let pointer = pointer_to(&one.payload, values).map(EventReport::InPayload);
                Some(pointer.unwrap_or_else(|| EventReport::Values(values.clone())))
            }),
            changes,
            devices: observation.map(|observation| observation.devices.clone()).unwrap_or_default(),
            listed: observation.map(|observation| observation.listed.clone()).unwrap_or_default(),
            payload: observation.map(|observation| observation.payload.clone()).unwrap_or_default(),
            unknown: observation.map(|observation| observation.unknown.clone()).unwrap_or_default(),
        }
    }
}
