//! Names of devices, and which device a set of names means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use callback::{DeviceIdentifier, Kind};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The most identifiers that one message can give, and that one device can hold. Real ones have up to nine; the bound
/// keeps a transaction below DynamoDB's 100 items in the worst case, where each comes from another device.
pub const MAX_IDENTIFIERS: usize = 20;

/// Longer kinds and values are no identifiers: the longest real one has 32 digits.
const MAX_LENGTH: usize = 64;

/// Our own name of a device: opaque, and never changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id of a device that is first seen under this identifier. Derived, so that identifier and device can be
    /// asked for in one round trip.
    pub(crate) fn derived_from(identifier: &Identifier) -> Self {
        Self(Digest::of(&["device", identifier.kind.as_str(), &identifier.value]).short())
    }

    /// Another id for the same identifier, for when the hardware has moved on and the derived one is taken.
    pub(crate) fn beside(&self, receipt: &Digest) -> Self {
        Self(format!("{self}-{}", receipt.short()))
    }
}

impl From<&str> for DeviceId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of a device in the form that compares: kind in lower case, value trimmed and in upper case.
///
/// Check digits are not looked at: the platform documents none, and its own samples fail them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// What kind of name it is.
    pub kind: Kind,
    /// The name.
    pub value: String,
}

impl Identifier {
    /// The identifier of this kind and value, unless the value is empty or either is too long to be one.
    #[must_use]
    pub fn new(kind: &str, value: &str) -> Option<Self> {
        let (kind, value) = (Kind::from(kind), value.trim().to_ascii_uppercase());
        let plausible = |text: &str| !text.is_empty() && text.len() <= MAX_LENGTH;
        (plausible(kind.as_str()) && plausible(&value)).then_some(Self { kind, value })
    }

    /// How well it proves which device is meant.
    pub(crate) fn strength(&self) -> Strength {
        match self.kind {
            Kind::Imei | Kind::Meid | Kind::Esn | Kind::Eid => Strength::Hardware,
            Kind::Iccid | Kind::Imsi => Strength::Sim,
            Kind::Mdn | Kind::Msisdn | Kind::Min => Strength::Line,
            Kind::Other(_) => Strength::Unknown,
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.value)
    }
}

/// Hardware beats SIM beats line. A kind that nobody has seen proves least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    Unknown,
    Line,
    Sim,
    Hardware,
}

/// A message's identifiers, strongest first and each once. Kinds that nobody has seen count only where no known one is
/// given: they may not be unique to a device.
pub(crate) fn identifiers<'a>(sent: impl IntoIterator<Item = &'a DeviceIdentifier>) -> Vec<Identifier> {
    let all: BTreeSet<Identifier> = sent.into_iter().filter_map(|one| Identifier::new(&one.kind, &one.value)).collect();
    let known = all.iter().any(|one| one.strength() > Strength::Unknown);
    let mut chosen: Vec<Identifier> =
        all.into_iter().filter(|one| !known || one.strength() > Strength::Unknown).collect();
    chosen.sort_by(|a, b| b.strength().cmp(&a.strength()).then_with(|| a.cmp(b)));
    chosen.truncate(MAX_IDENTIFIERS);
    chosen
}

/// The device that the identifiers mean: the owner of the strongest one that has an owner. `None` means a new device.
///
/// For an activation, a line proves nothing when hardware or SIM is given too: its number may have been recycled.
pub(crate) fn resolve<'a>(
    strongest_first: &[Identifier],
    owners: &'a BTreeMap<Identifier, DeviceId>,
    activation: bool,
) -> Option<&'a DeviceId> {
    let stronger_given = strongest_first.first().is_some_and(|one| one.strength() > Strength::Line);
    strongest_first
        .iter()
        .filter(|one| !(activation && stronger_given && one.strength() == Strength::Line))
        .find_map(|one| owners.get(one))
}
