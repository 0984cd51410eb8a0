//! How a message identifies a device, and what it claims about those identifiers. `resolve` decides what follows.

use callback::{Change, DeviceIdentifier, Kind};

use crate::identity::{Identifier, MAX_IDENTIFIERS, Strength, identifiers};

/// How a message identifies a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Identification {
    /// All identifiers given, in the order in which they determine the device.
    names: Vec<Identifier>,
    claim: Claim,
}

/// What a message claims about its identifiers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Claim {
    /// Nothing: it is a query or reports a failure.
    Nothing,
    /// They belong to the device. `activated` if a line was activated, whose number may have been another device's
    /// before.
    Some { activated: bool },
    /// These are all identifiers of the device.
    All { snapshot: Vec<Identifier>, line: Line, hardware: Hardware },
    /// The new ones replace the old ones.
    Changed { old: Vec<Identifier>, new: Vec<Identifier> },
    /// They belong to the device, and its line has ended.
    Deactivated,
}

/// What a snapshot says about the device's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Unchanged or unknown.
    Same,
    /// Activated.
    Activated,
    /// The number was changed.
    Changed,
    /// The line has ended.
    Deactivated,
}

impl Line {
    fn after(change: Option<&Change>) -> Self {
        match change {
            Some(Change::Activate) => Self::Activated,
            Some(Change::ChangeMdn) => Self::Changed,
            Some(Change::Deactivate) => Self::Deactivated,
            _ => Self::Same,
        }
    }
}

/// What a snapshot says about the device's hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hardware {
    /// Unchanged: something else was changed.
    Same,
    /// Replaced.
    Changed,
    /// Possibly replaced: the change is unknown.
    MayHaveChanged,
}

impl Hardware {
    fn after(change: Option<&Change>) -> Self {
        match change {
            Some(
                Change::Activate
                | Change::Suspend
                | Change::Restore
                | Change::Deactivate
                | Change::ChangeMdn
                | Change::ChangeIccid,
            ) => Self::Same,
            Some(
                Change::ChangeEsn
                | Change::ChangeImei
                | Change::ChangeImeiIccid
                | Change::ChangeDevice3gTo4g
                | Change::ChangeDevice4gTo3g
                | Change::DeviceDetection,
            ) => Self::Changed,
            Some(Change::Other(_)) | None => Self::MayHaveChanged,
        }
    }
}

impl Identification {
    /// The message lists some identifiers of the device.
    #[must_use]
    pub fn some<'a>(sent: impl IntoIterator<Item = &'a DeviceIdentifier>) -> Self {
        Self { names: identifiers(sent), claim: Claim::Some { activated: false } }
    }

    /// The message lists all identifiers of the device after this change. `addressed` are the identifiers in the
    /// envelope: they may be old ones, and only help to find the device.
    #[must_use]
    pub fn all(addressed: &[DeviceIdentifier], all: &[DeviceIdentifier], change: Option<&Change>) -> Self {
        let mut names = identifiers(addressed.iter().chain(all));
        // Identifiers that are not looked up must not be claimed.
        let snapshot: Vec<_> = identifiers(all).into_iter().filter(|one| names.contains(one)).collect();
        let line = Line::after(change);
        if snapshot.is_empty() {
            let claim = match line {
                Line::Deactivated => Claim::Deactivated,
                Line::Same | Line::Activated | Line::Changed => Claim::Some { activated: line == Line::Activated },
            };
            return Self { names, claim };
        }
        let hardware = Hardware::after(change);
        if hardware == Hardware::Changed {
            // SIM and line determine which device has the new hardware.
            names.sort_by_key(|one| one.strength() == Strength::Hardware);
        }
        Self { names, claim: Claim::All { snapshot, line, hardware } }
    }

    /// A line was activated: the message lists the identifiers in the request and those of the new line.
    #[must_use]
    pub fn activated(requested: &[DeviceIdentifier], given: &[DeviceIdentifier]) -> Self {
        Self { names: identifiers(requested.iter().chain(given)), claim: Claim::Some { activated: true } }
    }

    /// A line was deactivated: the device no longer has a number.
    #[must_use]
    pub fn deactivated(sent: &[DeviceIdentifier]) -> Self {
        Self { names: identifiers(sent), claim: Claim::Deactivated }
    }

    /// Identifiers were changed. The old ones determine the device; the new ones may have been another device's.
    #[must_use]
    pub fn changed(old: &[DeviceIdentifier], new: &[DeviceIdentifier]) -> Self {
        let (old, mut new) = (identifiers(old), identifiers(new));
        let mut names = old.clone();
        names.extend(new.iter().filter(|one| !old.contains(one)).cloned());
        names.truncate(MAX_IDENTIFIERS);
        new.retain(|one| names.contains(one));
        // If the answer lists the old value too, or several values, the new one is assigned; if it is ambiguous, none.
        let listed = new.clone();
        new.retain(|one| !(old.contains(one) && listed.iter().any(|other| other.rivals(one))));
        let candidates = new.clone();
        new.retain(|one| !candidates.iter().any(|other| other.rivals(one)) || one.kind == Kind::Iccid);
        let claim = if new.is_empty() { Claim::Some { activated: false } } else { Claim::Changed { old, new } };
        Self { names, claim }
    }

    /// The same identifiers, used only to find the device. They are not claimed to belong together.
    #[must_use]
    pub fn claiming_nothing(self) -> Self {
        Self { claim: Claim::Nothing, ..self }
    }

    /// All identifiers given, in the order in which they determine the device. Empty if no device is named.
    #[must_use]
    pub fn names(&self) -> &[Identifier] {
        &self.names
    }

    pub(crate) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Whether a line was activated on a device that other identifiers determine.
    pub(crate) fn recycles_lines(&self) -> bool {
        let activated =
            matches!(self.claim, Claim::Some { activated: true } | Claim::All { line: Line::Activated, .. });
        activated && self.names.iter().any(|one| one.strength() > Strength::Line)
    }

    /// Whether this is a number that the message newly assigns: it may have been another device's before.
    pub(crate) fn is_new_number(&self, name: &Identifier) -> bool {
        name.strength() <= Strength::Line
            && match &self.claim {
                Claim::Some { activated } => *activated,
                Claim::All { line: Line::Activated, .. } => true,
                Claim::All { line: Line::Changed, snapshot, .. } => snapshot.contains(name),
                Claim::Changed { old, new } => new.contains(name) && !old.contains(name),
                Claim::Nothing | Claim::All { .. } | Claim::Deactivated => false,
            }
    }

    /// Whether this is a number that the message releases.
    pub(crate) fn is_former_number(&self, name: &Identifier) -> bool {
        name.strength() == Strength::Line
            && self.names.contains(name)
            && match &self.claim {
                Claim::Deactivated => true,
                Claim::All { line: Line::Deactivated, snapshot, .. } => !snapshot.contains(name),
                _ => false,
            }
    }

    /// Whether the message states that the device's hardware was or may have been replaced.
    pub(crate) fn changes_hardware(&self) -> bool {
        match &self.claim {
            Claim::All { hardware, .. } => *hardware != Hardware::Same,
            Claim::Changed { new, .. } => new.iter().any(|one| one.strength() == Strength::Hardware),
            Claim::Nothing | Claim::Some { .. } | Claim::Deactivated => false,
        }
    }

    /// Whether the message replaces the device's identifiers, rather than adding to them.
    pub(crate) fn confirms_identifiers(&self) -> bool {
        matches!(self.claim, Claim::All { .. } | Claim::Changed { .. } | Claim::Deactivated)
    }

    /// The current hardware of the device according to the message.
    pub(crate) fn hardware(&self) -> impl Iterator<Item = &Identifier> {
        let current = match &self.claim {
            Claim::All { snapshot: names, .. } => names,
            Claim::Changed { new: names, .. } if self.changes_hardware() => names,
            Claim::Nothing | Claim::Some { .. } | Claim::Changed { .. } | Claim::Deactivated => &self.names,
        };
        current.iter().filter(|one| one.strength() == Strength::Hardware)
    }

    /// The SIM profile that is in use according to the message: the only one listed, unless the message is a query.
    pub(crate) fn iccid_in_use(&self) -> Option<&Identifier> {
        let names = match &self.claim {
            Claim::All { snapshot: names, .. } | Claim::Changed { new: names, .. } => names,
            Claim::Some { activated: true } => &self.names,
            Claim::Nothing | Claim::Some { .. } | Claim::Deactivated => return None,
        };
        let mut iccids = names.iter().filter(|one| one.kind == Kind::Iccid);
        iccids.next().filter(|_| iccids.next().is_none())
    }
}
