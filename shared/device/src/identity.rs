//! Identifiers of devices: their canonical form, and how reliably they identify a device.

use std::collections::BTreeSet;
use std::fmt;

use callback::{DeviceIdentifier, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Maximum number of identifiers in one message and of one device. Real ones have up to nine. The limit keeps a
/// transaction below DynamoDB's 100 items even if each identifier comes from another device.
pub const MAX_IDENTIFIERS: usize = 20;

/// The project's own id of a device: opaque and immutable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id of a device that is first seen under this identifier. Derived, so that identifier and device can be read
    /// in one round trip.
    #[must_use]
    pub fn derived_from(identifier: &Identifier) -> Self {
        Self(Digest::of(&["device", identifier.kind.as_str(), &identifier.value]).short())
    }

    /// Another id for the same identifier, if the derived one is in use by a device that has other identifiers now.
    /// Equal messages at different times lead to different ids.
    pub(crate) fn beside(&self, key: &Digest, received_at: Timestamp) -> Self {
        Self(format!("{self}-{}", Digest::of(&[&key.full(), &received_at.to_string()]).short()))
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

/// An identifier of a device in canonical form: see [`Kind::canonical`].
///
/// Check digits are not verified: the platform documents none, and its own samples fail them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// The kind.
    pub kind: Kind,
    /// The value.
    pub value: String,
}

impl Identifier {
    /// The identifier of this kind and value, in any notation. `None` for a value that cannot identify a single device:
    /// an empty, too long or placeholder value such as fifteen zeros.
    #[must_use]
    pub fn new(kind: &str, value: &str) -> Option<Self> {
        let kind = Kind::from(kind);
        let value = kind.canonical(value)?;
        Some(Self { kind, value })
    }

    /// How reliably it identifies a device.
    pub(crate) fn strength(&self) -> Strength {
        Strength::of(&self.kind)
    }

    /// Whether a device has at most one of these at a time, and this is a different one.
    pub(crate) fn rivals(&self, other: &Self) -> bool {
        self.kind == other.kind && self.value != other.value
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.value)
    }
}

/// What an identifier belongs to. Hardware takes precedence over SIM, and SIM over line; an unknown kind is the
/// weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    Unknown,
    Line,
    Sim,
    Hardware,
}

impl Strength {
    /// All, weakest first.
    pub(crate) const ALL: [Self; 4] = [Self::Unknown, Self::Line, Self::Sim, Self::Hardware];

    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Imei | Kind::Meid | Kind::Esn | Kind::Eid => Self::Hardware,
            Kind::Iccid | Kind::Imsi => Self::Sim,
            Kind::Mdn | Kind::Msisdn | Kind::Min => Self::Line,
            Kind::Other(_) => Self::Unknown,
        }
    }
}

/// The distinct identifiers of a message, strongest first. Unknown kinds are only used if no known kind is listed,
/// since they may not be unique.
pub(crate) fn identifiers<'a>(sent: impl IntoIterator<Item = &'a DeviceIdentifier>) -> Vec<Identifier> {
    let all: BTreeSet<Identifier> = sent.into_iter().filter_map(|one| Identifier::new(&one.kind, &one.value)).collect();
    let known = all.iter().any(|one| one.strength() > Strength::Unknown);
    let mut chosen: Vec<Identifier> =
        all.into_iter().filter(|one| !known || one.strength() > Strength::Unknown).collect();
    chosen.sort_by(|a, b| b.strength().cmp(&a.strength()).then_with(|| a.cmp(b)));
    chosen.truncate(MAX_IDENTIFIERS);
    chosen
}

/// Whether these can be the identifiers of one device: no kind twice, except the profiles of an embedded SIM, which has
/// an eid.
pub(crate) fn fit_together<'a>(names: impl IntoIterator<Item = &'a Identifier>) -> bool {
    let names: BTreeSet<&Identifier> = names.into_iter().collect();
    let embedded = names.iter().any(|one| one.kind == Kind::Eid);
    let rivals = names.iter().zip(names.iter().skip(1)).any(|(one, next)| {
        // They are sorted by kind, so rivals are adjacent.
        one.rivals(next) && !(embedded && one.kind == Kind::Iccid)
    });
    !rivals && names.len() <= MAX_IDENTIFIERS
}
