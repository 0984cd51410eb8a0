//! What a message does to the devices concerned: decided here, without I/O, and carried out by the store.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::event::{Event, FieldChange, RecordedEvent, Subject};
use crate::identity::{DeviceId, Identifier, MAX_IDENTIFIERS, resolve};
use crate::observation::{Effect, Naming, Observation, Occasion, is_line};
use crate::state::{Device, changes};

/// The change of an event that is not the platform's: the device lost identifiers to another one.
pub const IDENTIFIERS_MOVED: &str = "IdentifiersMoved";

/// What the table says about the identifiers of a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Who owns which of them.
    pub(crate) owners: BTreeMap<Identifier, DeviceId>,
    /// The owners, and any device whose id would be derived from them.
    pub(crate) devices: BTreeMap<DeviceId, Device>,
}

impl Known {
    /// Whether identifiers and devices agree. They were read one after the other, and somebody may have written between.
    pub(crate) fn is_consistent(&self) -> bool {
        let holds = |device: &Device, identifier| device.identifiers.contains(identifier);
        self.owners.iter().all(|(identifier, id)| self.devices.get(id).is_some_and(|device| holds(device, identifier)))
    }
}

/// What is to be written in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// One event for each device that changes, the one that the message is about first.
    pub(crate) events: Vec<RecordedEvent>,
    /// Identifiers that get an owner, with the one they had.
    pub(crate) gained: Vec<(Identifier, Option<DeviceId>)>,
    /// Identifiers that the device gives up.
    pub(crate) released: Vec<Identifier>,
}

impl Plan {
    /// The devices and identifiers that it is about: plans about the same ones exclude each other.
    pub(crate) fn touches(&self) -> BTreeSet<String> {
        let subjects = self.events.iter().map(|recorded| recorded.event.subject.to_string());
        let gained = self.gained.iter().map(|(identifier, _)| identifier.to_string());
        subjects.chain(gained).chain(self.released.iter().map(ToString::to_string)).collect()
    }
}

/// Decides what an observation of a device does. `receipt` is the digest that the observation is known by.
pub(crate) fn plan(occasion: &Occasion<'_>, observation: &Observation, receipt: &Digest, known: &Known) -> Plan {
    let received_at = occasion.received_at;
    let naming = &observation.naming;
    let owner = resolve(&naming.proof, &known.owners, naming.activation).and_then(|id| known.devices.get(id));
    let before = owner.cloned();
    let mut device = before.clone().unwrap_or_else(|| Device::new(new_id(naming, receipt, known), received_at));

    let held = held(&device, naming, known, occasion);
    let gained: Vec<_> = held
        .difference(&device.identifiers)
        .map(|identifier| (identifier.clone(), known.owners.get(identifier).cloned()))
        .collect();
    let released = device.identifiers.difference(&held).cloned().collect();
    if naming.effect.settles() {
        device.identified_at = device.identified_at.max(received_at);
    }
    device.identifiers = held;

    let mut losers: BTreeMap<DeviceId, Device> = BTreeMap::new();
    for (identifier, loser) in gained.iter().filter_map(|(identifier, loser)| Some((identifier, loser.as_ref()?))) {
        if let Some(found) = known.devices.get(loser) {
            losers.entry(loser.clone()).or_insert_with(|| found.clone()).identifiers.remove(identifier);
        }
    }
    let mut lost = Vec::new();
    for (id, mut loser) in losers {
        loser.identified_at = loser.identified_at.max(received_at);
        // An activation's recycled number is all that the old device had: the two are not the same.
        if loser.identifiers.is_empty() && !naming.activation {
            loser.merged_into = Some(device.id.clone());
            device.merged_from.extend(loser.merged_from.iter().cloned());
            device.merged_from.push(id.clone());
        }
        lost.push((known.devices.get(&id), loser));
    }

    device.apply(observation, occasion.message.request_id.as_deref(), received_at);
    let mut events = vec![recorded(occasion, Some(observation), receipt, before.as_ref(), device)];
    events.extend(lost.into_iter().map(|(before, loser)| recorded(occasion, None, receipt, before, loser)));
    Plan { events, gained, released }
}

/// The event of a message that names no device.
pub(crate) fn account_event(
    occasion: &Occasion<'_>,
    observation: &Observation,
    receipt: &Digest,
    version: u64,
) -> RecordedEvent {
    let account = observation.account.clone().unwrap_or_default();
    let subject = Subject::Account(account);
    let event = event(occasion, Some(observation), receipt, subject, version + 1, Vec::new());
    RecordedEvent { event, account: observation.account.clone(), device: None }
}

/// The identifiers that the device has afterwards. None is taken from a device that a newer message settled.
fn held(device: &Device, naming: &Naming, known: &Known, occasion: &Occasion<'_>) -> BTreeSet<Identifier> {
    // A late message may add what nobody has; it settles nothing.
    let late = occasion.received_at < device.identified_at;
    if late && naming.effect.settles() {
        return device.identifiers.clone();
    }
    let free = |identifier: &&Identifier| {
        let owner = known.owners.get(*identifier).and_then(|owner| known.devices.get(owner));
        owner.is_none_or(|owner| owner.id == device.id || (!late && owner.identified_at <= occasion.received_at))
    };
    let proof = naming.proof.iter().filter(free);
    let mut held: BTreeSet<Identifier> = match &naming.effect {
        Effect::Add => proof.cloned().collect(),
        Effect::Snapshot(all) => all.iter().filter(free).cloned().collect(),
        Effect::Swap { new, .. } => new.iter().filter(free).cloned().collect(),
        Effect::ReleaseLine => proof.filter(|one| !is_line(&one.kind)).cloned().collect(),
        Effect::None if device.identifiers.is_empty() => {
            proof.filter(|one| !known.owners.contains_key(*one)).cloned().collect()
        }
        Effect::None => BTreeSet::new(),
    };
    let kept = device.identifiers.iter().chain(match &naming.effect {
        // Names by which the message addresses the device stay, or come, unless they are what was swapped.
        Effect::Swap { old, .. } => old.as_slice(),
        _ => &[],
    });
    let stays = |one: &&Identifier| match &naming.effect {
        Effect::Add | Effect::None => true,
        Effect::Snapshot(_) => false,
        Effect::Swap { old, new } => {
            let same_kind = new.iter().any(|new| new.kind == one.kind);
            // By ESN addressed and an ICCID given, the ESN is what was changed; by ICCID and IMEI and an IMEI given, it is not
            // the ICCID.
            let alike = |new: &Identifier| new.strength() == one.strength() || old.len() == 1;
            let changed =
                old.contains(one) && !is_line(&one.kind) && new.iter().any(|new| !is_line(&new.kind) && alike(new));
            !same_kind && !changed && free(one)
        }
        Effect::ReleaseLine => !is_line(&one.kind),
    };
    let mut kept: Vec<_> = kept.filter(stays).filter(|one| !held.contains(one)).cloned().collect();
    kept.sort_by_key(|one| std::cmp::Reverse(one.strength()));
    let room = MAX_IDENTIFIERS.saturating_sub(held.len());
    held.extend(kept.into_iter().take(room));
    // Something must name the device, if only what named it so far.
    match (held.is_empty(), device.identifiers.is_empty()) {
        (false, _) => held,
        (true, false) => device.identifiers.clone(),
        (true, true) => naming.proof.iter().filter(free).cloned().collect(),
    }
}

fn new_id(naming: &Naming, receipt: &Digest, known: &Known) -> DeviceId {
    let derived = naming.proof.first().map_or_else(|| DeviceId::from(receipt.short().as_str()), DeviceId::derived_from);
    if known.devices.contains_key(&derived) { derived.beside(receipt) } else { derived }
}

/// The event after which a device is as given. Without an observation, the device only lost identifiers to another.
fn recorded(
    occasion: &Occasion<'_>,
    observation: Option<&Observation>,
    receipt: &Digest,
    before: Option<&Device>,
    mut device: Device,
) -> RecordedEvent {
    device.version += 1;
    device.updated_at = device.updated_at.max(occasion.received_at);
    let changes = changes(before, &device);
    let subject = Subject::Device(device.id.clone());
    let event = event(occasion, observation, receipt, subject, device.version, changes);
    let account = device.provisioning.account.clone().or_else(|| observation?.account.clone());
    RecordedEvent { event, account, device: Some(device) }
}

fn event(
    occasion: &Occasion<'_>,
    observation: Option<&Observation>,
    receipt: &Digest,
    subject: Subject,
    sequence: u64,
    changes: Vec<FieldChange>,
) -> Event {
    Event {
        // An equal message that is not the same one has the same receipt, later.
        id: Digest::of(&["event", &receipt.full(), &subject.to_string(), &sequence.to_string()]).short(),
        subject,
        sequence,
        service: occasion.service.name.to_owned(),
        change: observation.map_or(IDENTIFIERS_MOVED, |observation| &observation.change).to_owned(),
        request_id: occasion.message.request_id.clone(),
        received_at: occasion.received_at,
        result: observation.and_then(|observation| observation.result.clone()),
        changes,
        devices: observation.map(|observation| observation.devices.clone()).unwrap_or_default(),
        payload: observation.map(|observation| observation.payload.clone()).unwrap_or_default(),
        unknown: observation.map(|observation| observation.unknown.clone()).unwrap_or_default(),
    }
}
