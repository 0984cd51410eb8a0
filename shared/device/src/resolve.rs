//! Decides which device a message means, and which identifiers move. ARCHITECTURE.md states the rules, with an example
//! each.

use std::collections::{BTreeMap, BTreeSet};

use callback::Kind;
use jiff::Timestamp;

use crate::identification::{Claim, Identification};
use crate::identity::{DeviceId, Identifier, MAX_IDENTIFIERS, Strength, fit_together};
use crate::state::{Device, MAX_MERGED};

/// The stored owners of the identifiers in a message.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The owner of each identifier that has one.
    pub owners: BTreeMap<Identifier, DeviceId>,
    /// The owners, and the device whose id is derived from the first identifier, if it exists.
    pub devices: BTreeMap<DeviceId, Device>,
}

impl Known {
    /// Whether these identifiers and the devices agree. They are read one after the other, so another writer may have
    /// changed them in between.
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

/// The device that a message means, and the identifiers that move.
#[derive(Debug)]
pub(crate) struct Resolution<'a> {
    /// The device that the message means; `None` for a new one.
    pub(crate) device: Option<&'a Device>,
    /// Its identifiers after the message.
    pub(crate) names: BTreeSet<Identifier>,
    /// The identifiers that the message assigns to it.
    pub(crate) given: BTreeSet<Identifier>,
    /// Devices that merge into it.
    pub(crate) merged: Vec<&'a Device>,
    /// Devices that lose identifiers but do not merge.
    pub(crate) losers: Vec<(&'a Device, BTreeSet<Identifier>)>,
}

/// Decides which device is meant, without I/O.
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
        // A late message whose identifiers have all moved since: it only becomes an event.
        (None, _) => owners.first().copied().filter(|_| view.given(None).is_empty()),
    };
    if *identification.claim() == Claim::Nothing {
        let new = identification.names().first().filter(|_| device.is_none()).cloned();
        let names = device.map_or_else(|| new.into_iter().collect(), |device| device.identifiers.clone());
        return Resolution { device, names, given: BTreeSet::new(), merged: Vec::new(), losers: Vec::new() };
    }

    let mut given = view.given(device);
    if device.is_none() && given.is_empty() {
        // A device needs at least one identifier.
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
            // There is no room for its history, so it keeps the identifiers that lead to it.
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

/// Whether a device that is found by a line only has other hardware or another SIM than these identifiers.
fn is_another(names: &BTreeSet<Identifier>, owner: &Device) -> bool {
    let other_sim = |one: &Identifier| one.strength() == Strength::Sim && names.iter().any(|name| name.rivals(one));
    (has_hardware(names) && has_hardware(&owner.identifiers)) || owner.identifiers.iter().any(other_sim)
}

/// The identifiers of a message together with the stored owners.
struct View<'a> {
    identification: &'a Identification,
    received_at: Timestamp,
    known: &'a Known,
}

impl<'a> View<'a> {
    /// The devices that have any of the identifiers, in the order in which the identifiers determine the device.
    fn owners(&self) -> Vec<&'a Device> {
        let mut owners: Vec<&Device> = Vec::new();
        for owner in self.identification.names().iter().filter_map(|name| self.known.owner(name)) {
            if owners.iter().all(|found| found.id != owner.id) {
                owners.push(owner);
            }
        }
        owners
    }

    /// The strength of the strongest identifier that led to an owner.
    fn reach(&self, owner: &Device) -> Strength {
        let names = self.identification.names().iter().filter(|name| has(owner, name));
        names.map(Identifier::strength).max().unwrap_or(Strength::Unknown)
    }

    /// Whether an owner can be the device that the message means.
    fn is_meant(&self, owner: &Device) -> bool {
        let by_line = self.reach(owner) <= Strength::Line;
        let mut hardware = self.identification.hardware().peekable();
        // A number remains when a handset is replaced, so a line does not prove that two pieces of hardware are one
        // device.
        let other_hardware = by_line && hardware.peek().is_some() && has_hardware(&owner.identifiers);
        let given_hardware: Vec<&Identifier> = hardware.collect();
        // If one of several values of a kind is the owner's, the others do not contradict it.
        let confirmed = |own: &Identifier| given_hardware.contains(&own);
        let contradicted =
            owner.identifiers.iter().any(|own| !confirmed(own) && given_hardware.iter().any(|given| own.rivals(given)));
        let other_sim = by_line && self.names_other_sim(owner);
        // A new number may have been another device's, so it identifies none if other identifiers do.
        let new_number = |name: &Identifier| self.identification.is_new_number(name);
        let mut found_by = self.identification.names().iter().filter(|name| has(owner, name));
        let recycled = found_by.all(new_number) && !self.identification.names().iter().all(new_number);
        // A profile never leaves its hardware, so a profile with other hardware does not prove a hardware change.
        let mut found_by = self.identification.names().iter().filter(|name| has(owner, name));
        let by_profile = is_embedded(&owner.identifiers) && found_by.all(|name| name.strength() == Strength::Sim);
        let changed = self.identification.changes_hardware() && !(contradicted && by_profile);
        !recycled && (changed || !(contradicted || other_hardware || other_sim))
    }

    /// Whether the message lists another SIM than the owner's without stating a change: numbers move to other SIMs as
    /// well as to other hardware.
    fn names_other_sim(&self, owner: &Device) -> bool {
        let says_so = matches!(self.identification.claim(), Claim::All { .. } | Claim::Changed { .. });
        let rivals = |own: &Identifier| {
            own.strength() == Strength::Sim && self.identification.names().iter().any(|name| name.rivals(own))
        };
        !says_so && !is_embedded(&owner.identifiers) && owner.identifiers.iter().any(rivals)
    }

    /// The identifiers that the message assigns to a device, or to a new one, except those that a newer message
    /// assigned elsewhere.
    fn given(&self, device: Option<&Device>) -> BTreeSet<Identifier> {
        let names: Vec<&Identifier> = match self.identification.claim() {
            Claim::Nothing => Vec::new(),
            Claim::Some { .. } => self.identification.names().iter().collect(),
            Claim::All { snapshot, .. } => snapshot.iter().collect(),
            Claim::Changed { old, new } => {
                let own: Vec<&Identifier> = device.iter().flat_map(|device| &device.identifiers).collect();
                let old_names: Vec<&Identifier> = old.iter().collect();
                // A device that only has the new identifiers shows nothing about the old ones.
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
        // Of several values of a kind, it is not known which one is the device's.
        let one_of_several =
            |name: &Identifier| names.iter().any(|other| other.rivals(name)) && !(embedded && name.kind == Kind::Iccid);
        had.into_iter().filter(|name| !one_of_several(name)).cloned().collect()
    }

    /// Whether no newer message contradicts assigning this identifier to a device.
    fn may_have(&self, device: Option<&Device>, name: &Identifier, names: &[&Identifier]) -> bool {
        if device.is_some_and(|device| has(device, name)) {
            return true;
        }
        let is_taken = self.known.owner(name).is_some_and(|owner| self.is_named_since(owner, name));
        let to = device.and_then(|device| device.confirmed_at(&name.kind));
        let strength = name.strength();
        // A newer message about one identifier of the hardware, the SIM or the line applies to its others too, unless
        // they are listed together.
        let named_together = |device: &Device| {
            let mut others = names.iter().filter(|other| other.strength() == strength);
            others.any(|other| has(device, other))
        };
        let is_late = device.is_some_and(|device| self.is_newer(device, strength) && !named_together(device));
        !is_taken && to.is_none_or(|at| at <= self.received_at) && !is_late
    }

    /// Whether a newer message has listed the hardware, the SIM or the line of the owner that this identifier belongs
    /// to.
    fn is_named_since(&self, owner: &Device, name: &Identifier) -> bool {
        let mut others = owner.identifiers.iter().filter(|one| *one == name || go_together(one, name, owner));
        others.any(|one| owner.named_at.get(&one.kind).is_some_and(|at| *at > self.received_at))
    }

    /// Whether a newer message assigned the device's identifiers of this strength.
    fn is_newer(&self, device: &Device, strength: Strength) -> bool {
        let is_profile = |one: &Identifier| one.kind == Kind::Iccid && is_embedded(&device.identifiers);
        let of_strength =
            |one: &Identifier| one.strength() == strength || (strength == Strength::Hardware && is_profile(one));
        let mut own = device.identifiers.iter().filter(|one| of_strength(one));
        own.any(|one| device.confirmed_at(&one.kind).is_some_and(|at| at > self.received_at))
    }

    /// The identifiers that an owner loses to the device that these are assigned to.
    fn taken_from<'b>(
        &'b self,
        owner: &'b Device,
        given: &'b BTreeSet<Identifier>,
    ) -> impl Iterator<Item = &'b Identifier> {
        // A deactivated line has no owner.
        let gone = |name: &Identifier| {
            self.identification.is_former_number(name)
                && owner.named_at.get(&name.kind).is_none_or(|at| *at <= self.received_at)
        };
        let named = |name: &&Identifier| self.identification.names().contains(name);
        owner.identifiers.iter().filter(named).filter(move |name| given.contains(name) || gone(name))
    }

    /// The identifiers of a device after the message: those assigned, and those of its own that remain.
    fn names_after(&self, device: Option<&Device>, given: &BTreeSet<Identifier>) -> BTreeSet<Identifier> {
        let Some(device) = device else { return given.clone() };
        let own = &device.identifiers;
        let is_rival = |one: &Identifier| given.iter().any(|name| name.rivals(one));
        let is_profile = |one: &Identifier| one.kind == Kind::Iccid && is_embedded(own);
        // A replaced number, SIM or hardware takes its other identifiers with it, and hardware the profiles of its SIM.
        let rivals = own.iter().filter(|one| !is_profile(one) && is_rival(one));
        let mut gone: BTreeSet<Strength> = rivals.map(Identifier::strength).collect();
        match self.identification.claim() {
            Claim::Nothing | Claim::Some { .. } => {}
            // An identifier that a snapshot does not list remains if the snapshot lists another one of the same SIM or
            // line. Hardware remains if the change was about something else.
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
        // A device needs at least one identifier.
        if names.is_empty() { own.clone() } else { names }
    }
}

/// The identifiers that an owner loses together with the lost ones: hardware, a SIM and a line each move with all their
/// identifiers. An identifier that contradicts the assigned ones does not belong to the same piece, and remains.
fn taken_along<'a>(
    owner: &Device,
    lost: impl IntoIterator<Item = &'a Identifier>,
    given: &BTreeSet<Identifier>,
) -> BTreeSet<Identifier> {
    let lost: Vec<&Identifier> = lost.into_iter().collect();
    let eid = owner.identifiers.iter().find(|one| one.kind == Kind::Eid);
    let contradicts = |one: &Identifier| {
        // Profiles never leave their embedded SIM: they go or stay with the eid.
        let decisive = eid.filter(|_| one.kind == Kind::Iccid).unwrap_or(one);
        given.iter().any(|name| name.rivals(decisive))
    };
    let goes = |one: &Identifier| {
        !lost.contains(&one) && !contradicts(one) && lost.iter().any(|name| go_together(one, name, owner))
    };
    owner.identifiers.iter().filter(|one| goes(one)).cloned().collect()
}

/// Whether two identifiers of an owner move together: both belong to its hardware, including the profiles of an
/// embedded SIM, or to its SIM, or to its line.
fn go_together(one: &Identifier, other: &Identifier, owner: &Device) -> bool {
    let of_hardware = |name: &Identifier| {
        name.strength() == Strength::Hardware || (name.kind == Kind::Iccid && is_embedded(&owner.identifiers))
    };
    match other.strength() {
        Strength::Unknown => false,
        Strength::Hardware => of_hardware(one),
        // A profile is often listed without its hardware.
        Strength::Sim => one.strength() == Strength::Sim && !of_hardware(one),
        Strength::Line => one.strength() == Strength::Line,
    }
}

fn is_embedded<'a>(names: impl IntoIterator<Item = &'a Identifier>) -> bool {
    names.into_iter().any(|one| one.kind == Kind::Eid)
}

/// Which of the former identifiers are replaced by new ones: those of the hardware, the SIM, or the line. A former
/// identifier may only address the device: if it is an imei and the new one is an iccid, the SIM was changed. But
/// hardware without a SIM never receives one. `others` are further identifiers of the device.
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
        // The other profiles remain beside the new one.
        replaced.remove(&Strength::Sim);
    }
    replaced
}

/// Whether these identifiers include hardware, and none that can have a SIM.
fn lacks_sim<'a>(names: impl IntoIterator<Item = &'a Identifier>) -> bool {
    let mut hardware = names.into_iter().filter(|one| one.strength() == Strength::Hardware).peekable();
    hardware.peek().is_some() && hardware.all(|one| matches!(one.kind, Kind::Esn | Kind::Meid))
}
