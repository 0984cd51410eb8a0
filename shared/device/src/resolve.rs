//! Which device a message means, and what becomes of the identifiers that it gives. The rules are in ARCHITECTURE.md,
//! with an example each.

use std::collections::{BTreeMap, BTreeSet};

use callback::Kind;
use jiff::Timestamp;

use crate::identification::{Claim, Identification};
use crate::identity::{DeviceId, Identifier, MAX_IDENTIFIERS, Strength, fit_together};
use crate::state::{Device, MAX_MERGED};

/// What is known of the identifiers of a message.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Who owns which of them.
    pub owners: BTreeMap<Identifier, DeviceId>,
    /// The owners, and the device whose id is derived from the first name, if there is one.
    pub devices: BTreeMap<DeviceId, Device>,
}

impl Known {
    /// Whether these identifiers and the devices agree. They were read one after the other, and another writer may have come
    /// between.
    #[must_use]
    pub fn is_consistent(&self, names: &[Identifier]) -> bool {
        let agrees =
            |(name, id): (&Identifier, &DeviceId)| self.devices.get(id).is_some_and(|device| has(device, name));
        names.iter().filter_map(|name| self.owners.get_key_value(name)).all(agrees)
    }

    fn owner(&self, name: &Identifier) -> Option<&Device> {
        self.owners.get(name).and_then(|id| self.devices.get(id))
    }
}

/// Which device is meant, and which names go where.
#[derive(Debug)]
pub(crate) struct Resolution<'a> {
    /// The device that the message is about; `None` for a new one.
    pub(crate) device: Option<&'a Device>,
    /// The identifiers that it has afterwards.
    pub(crate) names: BTreeSet<Identifier>,
    /// The identifiers that the message gives it.
    pub(crate) given: BTreeSet<Identifier>,
    /// Devices that turn out to be the same one.
    pub(crate) merged: Vec<&'a Device>,
    /// Devices that lose names and stay themselves.
    pub(crate) losers: Vec<(&'a Device, BTreeSet<Identifier>)>,
}

/// Decides which device is meant. Nothing is read or written.
pub(crate) fn resolve<'a>(
    identification: &'a Identification,
    received_at: Timestamp,
    known: &'a Known,
) -> Resolution<'a> {
    let view = View { identification, received_at, known };
    let owners = view.owners();
    let meant: Vec<&Device> = owners.iter().copied().filter(|owner| view.is_meant(owner)).collect();
    let first_owner =
        owners.iter().copied().find(|owner| view.identification.names().first().is_some_and(|one| has(owner, one)));

    let device = match (meant.first(), identification.claim()) {
        (Some(device), _) => Some(*device),
        (None, Claim::Nothing) => first_owner,
        // A late message about names that have all moved on since: what is left of it is its event.
        (None, _) => owners.first().copied().filter(|_| view.given(None).is_empty()),
    };
    if *identification.claim() == Claim::Nothing {
        let new = identification.names().first().filter(|_| device.is_none()).cloned();
        let names = device.map_or_else(|| new.into_iter().collect(), |device| device.identifiers.clone());
        return Resolution { device, names, given: BTreeSet::new(), merged: Vec::new(), losers: Vec::new() };
    }

    let mut given = view.given(device);
    if device.is_none() && given.is_empty() {
        // Something must name the device.
        given.extend(identification.names().first().cloned());
    }
    let mut names = view.names_after(device, &given);
    let mut merged = Vec::new();
    let room = |device: &Device| MAX_MERGED.saturating_sub(device.merged_from.len());
    let mut room_left = device.map_or(MAX_MERGED, room);
    for owner in meant.into_iter().skip(1) {
        let taken = identification.names().iter().filter(|one| has(owner, one)).all(|one| given.contains(one));
        let fits = fit_together(names.iter().chain(&owner.identifiers));
        if taken
            && fits
            && !(view.reach(owner) <= Strength::Line && is_another(&names, owner))
            && owner.merged_from.len() < room_left
        {
            names.extend(view.names_after(Some(owner), &given));
            room_left -= owner.merged_from.len() + 1;
            merged.push(owner);
        }
    }

    let mut losers = Vec::new();
    for owner in owners {
        let stays = device.is_some_and(|device| device.id == owner.id) || merged.iter().any(|one| one.id == owner.id);
        let mut lost: BTreeSet<_> = view.taken_from(owner, &given).cloned().collect();
        if stays || lost.is_empty() {
            continue;
        }
        let along = taken_along(owner, lost.intersection(&given), &given);
        if fit_together(names.iter().chain(&along)) {
            names.extend(along);
        }
        lost.extend(taken_along(owner, &lost, &given));
        let recycled = identification.recycles_lines() && view.reach(owner) <= Strength::Line;
        if lost != owner.identifiers || recycled {
            losers.push((owner, lost));
        } else if owner.merged_from.len() < room_left {
            room_left -= owner.merged_from.len() + 1;
            merged.push(owner);
        } else {
            // There is no room for its history: it keeps the identifiers by which that is found.
            names.retain(|name| !lost.contains(name));
            given.retain(|name| !lost.contains(name));
        }
    }
    Resolution { device, names, given, merged, losers }
}

fn has(device: &Device, name: &Identifier) -> bool {
    device.identifiers.contains(name)
}

fn has_hardware<'a>(names: impl IntoIterator<Item = &'a Identifier>) -> bool {
    names.into_iter().any(|one| one.strength() == Strength::Hardware)
}

/// Whether a device that is reached by a line alone is not this one: its hardware is named otherwise, or its SIM.
fn is_another(names: &BTreeSet<Identifier>, owner: &Device) -> bool {
    let other_sim = |one: &Identifier| one.strength() == Strength::Sim && names.iter().any(|name| name.rivals(one));
    (has_hardware(names) && has_hardware(&owner.identifiers)) || owner.identifiers.iter().any(other_sim)
}

/// A message's names before what is known of them.
struct View<'a> {
    identification: &'a Identification,
    received_at: Timestamp,
    known: &'a Known,
}

impl<'a> View<'a> {
    /// The devices that have any of the identifiers, in the order in which the identifiers tell which device is meant.
    fn owners(&self) -> Vec<&'a Device> {
        let mut owners: Vec<&Device> = Vec::new();
        for owner in self.identification.names().iter().filter_map(|name| self.known.owner(name)) {
            if owners.iter().all(|found| found.id != owner.id) {
                owners.push(owner);
            }
        }
        owners
    }

    /// The strongest of the identifiers by which a device was found.
    fn reach(&self, owner: &Device) -> Strength {
        let names = self.identification.names().iter().filter(|name| has(owner, name));
        names.map(Identifier::strength).max().unwrap_or(Strength::Unknown)
    }

    /// Whether an owner can be the device that the message is about.
    fn is_meant(&self, owner: &Device) -> bool {
        let by_line = self.reach(owner) <= Strength::Line;
        let mut hardware = self.identification.hardware().peekable();
        // Handsets are replaced and the number stays: a line does not show that two pieces of hardware are one.
        let other_hardware = by_line && hardware.peek().is_some() && has_hardware(&owner.identifiers);
        let given_hardware: Vec<&Identifier> = hardware.collect();
        // Of several values of a kind, one that is the device's own contradicts nothing.
        let confirmed = |own: &Identifier| given_hardware.contains(&own);
        let contradicted =
            owner.identifiers.iter().any(|own| !confirmed(own) && given_hardware.iter().any(|given| own.rivals(given)));
        let other_sim = by_line && self.names_other_sim(owner);
        // A new number was perhaps another device's: it shows nothing while other identifiers do.
        let new_number = |name: &Identifier| self.identification.is_new_number(name);
        let mut found_by = self.identification.names().iter().filter(|name| has(owner, name));
        let recycled = found_by.all(new_number) && !self.identification.names().iter().all(new_number);
        // A profile never leaves its hardware: that it is named with other hardware does not show that this was changed.
        let mut found_by = self.identification.names().iter().filter(|name| has(owner, name));
        let by_profile = is_embedded(&owner.identifiers) && found_by.all(|name| name.strength() == Strength::Sim);
        let changed = self.identification.changes_hardware() && !(contradicted && by_profile);
        !recycled && (changed || !(contradicted || other_hardware || other_sim))
    }

    /// Whether the message gives another SIM than an owner's, and does not say that it was changed: a number is moved to
    /// another SIM as it is to other hardware.
    fn names_other_sim(&self, owner: &Device) -> bool {
        let says_so = matches!(self.identification.claim(), Claim::All { .. } | Claim::Changed { .. });
        let rivals = |own: &Identifier| {
            own.strength() == Strength::Sim && self.identification.names().iter().any(|name| name.rivals(own))
        };
        !says_so && !is_embedded(&owner.identifiers) && owner.identifiers.iter().any(rivals)
    }

    /// The identifiers that the message gives to a device, or to a new one, without those that a newer message gave
    /// elsewhere.
    fn given(&self, device: Option<&Device>) -> BTreeSet<Identifier> {
        let names: Vec<&Identifier> = match self.identification.claim() {
            Claim::Nothing => Vec::new(),
            Claim::Some { .. } => self.identification.names().iter().collect(),
            Claim::All { snapshot, .. } => snapshot.iter().collect(),
            Claim::Changed { old, new } => {
                let own: Vec<&Identifier> = device.iter().flat_map(|device| &device.identifiers).collect();
                let old_names: Vec<&Identifier> = old.iter().collect();
                // A device that only has the new identifiers says nothing of the old ones.
                let is_addressed = old.iter().any(|one| own.contains(&one));
                let addressed = replaced(new, &old_names, if is_addressed { &own } else { &[] });
                let former = replaced(new, &own, &old_names);
                let stays = |one: &&Identifier| {
                    !(addressed.contains(&one.strength()) || own.contains(one) && former.contains(&one.strength()))
                };
                new.iter().chain(old.iter().filter(|one| !new.contains(one)).filter(stays)).collect()
            }
            Claim::Deactivated => {
                self.identification.names().iter().filter(|one| one.strength() != Strength::Line).collect()
            }
        };
        let had: Vec<&Identifier> = names.iter().copied().filter(|name| self.may_have(device, name, &names)).collect();
        let embedded = is_embedded(had.iter().copied().chain(device.iter().flat_map(|device| &device.identifiers)));
        // Of several values of a kind, nothing says which one is the device's.
        let one_of_several =
            |name: &Identifier| names.iter().any(|other| other.rivals(name)) && !(embedded && name.kind == Kind::Iccid);
        had.into_iter().filter(|name| !one_of_several(name)).cloned().collect()
    }

    /// Whether no newer message speaks against giving a device this name.
    fn may_have(&self, device: Option<&Device>, name: &Identifier, names: &[&Identifier]) -> bool {
        if device.is_some_and(|device| has(device, name)) {
            return true;
        }
        let is_taken = self.known.owner(name).is_some_and(|owner| self.is_named_since(owner, name));
        let to = device.and_then(|device| device.confirmed_at(&name.kind));
        let strength = name.strength();
        // What is newer of one name of the hardware, the SIM or the line holds for its others, unless they are named together.
        let named_together = |device: &Device| {
            let mut others = names.iter().filter(|other| other.strength() == strength);
            others.any(|other| has(device, other))
        };
        let is_late = device.is_some_and(|device| self.is_newer(device, strength) && !named_together(device));
        !is_taken && to.is_none_or(|at| at <= self.received_at) && !is_late
    }

    /// Whether a newer message has named the hardware, the SIM or the line of which an owner has this name.
    fn is_named_since(&self, owner: &Device, name: &Identifier) -> bool {
        let mut others = owner.identifiers.iter().filter(|one| *one == name || go_together(one, name, owner));
        others.any(|one| owner.named_at.get(&one.kind).is_some_and(|at| *at > self.received_at))
    }

    /// Whether what a device has of this strength is from a newer message.
    fn is_newer(&self, device: &Device, strength: Strength) -> bool {
        let is_profile = |one: &Identifier| one.kind == Kind::Iccid && is_embedded(&device.identifiers);
        let of_strength =
            |one: &Identifier| one.strength() == strength || (strength == Strength::Hardware && is_profile(one));
        let mut own = device.identifiers.iter().filter(|one| of_strength(one));
        own.any(|one| device.confirmed_at(&one.kind).is_some_and(|at| at > self.received_at))
    }

    /// The identifiers that a device loses to the one that these are given to.
    fn taken_from<'b>(
        &'b self,
        owner: &'b Device,
        given: &'b BTreeSet<Identifier>,
    ) -> impl Iterator<Item = &'b Identifier> {
        // A line that was deactivated is no device's any more.
        let gone = |name: &Identifier| {
            self.identification.is_former_number(name)
                && owner.named_at.get(&name.kind).is_none_or(|at| *at <= self.received_at)
        };
        let named = |name: &&Identifier| self.identification.names().contains(name);
        owner.identifiers.iter().filter(named).filter(move |name| given.contains(name) || gone(name))
    }

    /// The identifiers of a device after the message: those given, and those of its own that stay.
    fn names_after(&self, device: Option<&Device>, given: &BTreeSet<Identifier>) -> BTreeSet<Identifier> {
        let Some(device) = device else { return given.clone() };
        let own = &device.identifiers;
        let is_rival = |one: &Identifier| given.iter().any(|name| name.rivals(one));
        let is_profile = |one: &Identifier| one.kind == Kind::Iccid && is_embedded(own);
        // Another number, SIM or hardware takes the other identifiers of the former one with it, and the profiles of
        // its SIM.
        let rivals = own.iter().filter(|one| !is_profile(one) && is_rival(one));
        let mut gone: BTreeSet<Strength> = rivals.map(Identifier::strength).collect();
        match self.identification.claim() {
            Claim::Nothing | Claim::Some { .. } => {}
            // What a snapshot does not list stays where it confirms what it would be listed with, and hardware where something
            // else was changed.
            Claim::All { snapshot, .. } => gone.extend(Strength::ALL.into_iter().filter(|strength| {
                let is_confirmed = snapshot.iter().any(|name| name.strength() == *strength && own.contains(name));
                !is_confirmed && (*strength != Strength::Hardware || self.identification.changes_hardware())
            })),
            Claim::Changed { old, new } => {
                gone.extend(replaced(new, &own.iter().collect::<Vec<_>>(), &old.iter().collect::<Vec<_>>()));
            }
            Claim::Deactivated => gone.extend([Strength::Line]),
        }
        gone.retain(|strength| !self.is_newer(device, *strength));
        let is_of_known_hardware = |one: &Identifier| one.strength() == Strength::Hardware && own.contains(one);
        let same_embedded_sim = given.iter().any(|name| name.kind == Kind::Eid && own.contains(name));
        let profiles_stay = same_embedded_sim
            || (!gone.contains(&Strength::Hardware)
                && (is_embedded(own) || (is_embedded(given) && given.iter().any(is_of_known_hardware))));
        if is_embedded(own) && gone.contains(&Strength::Hardware) && !same_embedded_sim {
            gone.insert(Strength::Sim);
        }
        let stays = |one: &Identifier| {
            (profiles_stay && one.kind == Kind::Iccid) || !(gone.contains(&one.strength()) || is_rival(one))
        };
        let mut kept: Vec<_> = own.iter().filter(|one| !given.contains(one) && stays(one)).cloned().collect();
        kept.sort_by_key(|one| std::cmp::Reverse(one.strength()));
        kept.truncate(MAX_IDENTIFIERS.saturating_sub(given.len()));
        let names: BTreeSet<_> = given.iter().cloned().chain(kept).collect();
        // Something must name the device, if only what named it so far.
        if names.is_empty() { own.clone() } else { names }
    }
}

/// What an owner loses beside the identifiers that it loses: hardware, a SIM and a line each go with all their identifiers.
/// But a name that contradicts those given shows that they are not of one piece, and stays.
fn taken_along<'a>(
    owner: &Device,
    lost: impl IntoIterator<Item = &'a Identifier>,
    given: &BTreeSet<Identifier>,
) -> BTreeSet<Identifier> {
    let lost: Vec<&Identifier> = lost.into_iter().collect();
    // Profiles never leave their embedded SIM, even if the hardware also has another SIM.
    let with_eid =
        owner.identifiers.iter().any(|one| one.kind == Kind::Eid && !given.iter().any(|name| name.rivals(one)));
    let contradicts =
        |one: &Identifier| given.iter().any(|name| name.rivals(one)) && !(with_eid && one.kind == Kind::Iccid);
    let goes = |one: &Identifier| {
        !lost.contains(&one) && !contradicts(one) && lost.iter().any(|name| go_together(one, name, owner))
    };
    owner.identifiers.iter().filter(|one| goes(one)).cloned().collect()
}

/// Whether one name of an owner goes where the other goes: both are of its hardware, with the profiles of an embedded SIM, or
/// both of its SIM or its line.
fn go_together(one: &Identifier, other: &Identifier, owner: &Device) -> bool {
    let of_hardware = |name: &Identifier| {
        name.strength() == Strength::Hardware || (name.kind == Kind::Iccid && is_embedded(&owner.identifiers))
    };
    match other.strength() {
        Strength::Unknown => false,
        Strength::Hardware => of_hardware(one),
        // A profile is named alone as often as with its hardware.
        Strength::Sim => one.strength() == Strength::Sim && !of_hardware(one),
        Strength::Line => one.strength() == Strength::Line,
    }
}

fn is_embedded<'a>(names: impl IntoIterator<Item = &'a Identifier>) -> bool {
    names.into_iter().any(|one| one.kind == Kind::Eid)
}

/// Which of the former identifiers are replaced by new ones: those of the hardware, the SIM, or the line. They may only have
/// addressed the device: by imei addressed and an iccid given, the SIM was changed. But hardware without a SIM is not
/// given one, nor a SIM such hardware. `others` are further identifiers of the device.
fn replaced(new: &[Identifier], former: &[&Identifier], others: &[&Identifier]) -> BTreeSet<Strength> {
    let all = || former.iter().chain(others).copied();
    let rivals = new.iter().filter(|new| former.iter().any(|one| one.rivals(new))).map(Identifier::strength);
    let mut replaced: BTreeSet<Strength> = rivals.collect();
    let gives = |strength| new.iter().any(|one| one.strength() == strength);
    let keeps = |strength| new.iter().any(|one| one.strength() == strength && former.contains(&one));
    replaced.extend([Strength::Sim, Strength::Hardware].into_iter().filter(|one| gives(*one) && !keeps(*one)));
    if gives(Strength::Sim) && !gives(Strength::Hardware) && lacks_sim(all()) {
        replaced.insert(Strength::Hardware);
    }
    if replaced.contains(&Strength::Hardware) && (lacks_sim(new) || is_embedded(all())) {
        replaced.insert(Strength::Sim);
    } else if is_embedded(all()) {
        // Its profiles stay beside the new one.
        replaced.remove(&Strength::Sim);
    }
    replaced
}

/// Whether these name hardware, and none that could have a SIM.
fn lacks_sim<'a>(names: impl IntoIterator<Item = &'a Identifier>) -> bool {
    let mut hardware = names.into_iter().filter(|one| one.strength() == Strength::Hardware).peekable();
    hardware.peek().is_some() && hardware.all(|one| matches!(one.kind, Kind::Esn | Kind::Meid))
}
