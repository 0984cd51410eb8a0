//! Finds the identifiers in a payload, and decides how many devices they identify.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::{Map, Value};

use crate::identifier::DeviceIdentifier;
use crate::open_enum::Kind;
use crate::value;

/// The number of digits of a mobile identification number. A member `min` with fewer is a minimum.
const MIN_BYTES: usize = 10;

/// The number of devices that a list of identifiers names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceCount {
    /// At most one: no kind has two values, or all belong to one piece of hardware.
    AtMostOne,
    /// One for each identifier: all are of one kind.
    OnePerIdentifier,
    /// Several, and the message does not show which identifiers belong together.
    Ambiguous,
}

impl DeviceCount {
    /// Counts devices. Values are compared in one notation, and invalid ones are ignored.
    pub(crate) fn of<'a>(named: impl IntoIterator<Item = &'a DeviceIdentifier>) -> Self {
        let mut first: HashMap<Kind, String> = HashMap::new();
        let (mut several, mut hardware, mut several_hardware) = (false, false, false);
        for identifier in named {
            let Some((kind, value)) = identifier.canonical() else { continue };
            let is_hardware = matches!(kind, Kind::Imei | Kind::Meid | Kind::Esn | Kind::Eid);
            hardware |= is_hardware;
            match first.entry(kind) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(known) if *known.get() != value => {
                    several = true;
                    several_hardware |= is_hardware;
                }
                Entry::Occupied(_) => {}
            }
        }
        let bound = hardware && !several_hardware;
        match (several && !bound, first.len()) {
            (false, _) => Self::AtMostOne,
            (true, 1) => Self::OnePerIdentifier,
            (true, _) => Self::Ambiguous,
        }
    }
}

/// The identifiers of each device in a list of [`DeviceCount::OnePerIdentifier`], without invalid ones.
pub(crate) fn apart(named: Vec<DeviceIdentifier>) -> Vec<Vec<DeviceIdentifier>> {
    let mut devices: Vec<Vec<DeviceIdentifier>> = Vec::new();
    let mut places = HashMap::new();
    for identifier in named {
        let Some(name) = identifier.canonical() else { continue };
        let place = *places.entry(name).or_insert(devices.len());
        match devices.get_mut(place) {
            Some(device) => device.push(identifier),
            None => devices.push(vec![identifier]),
        }
    }
    devices
}

/// All identifiers in a tree, in their order: pairs of a kind and a value, with further members only if the kind is
/// known.
#[must_use]
pub fn identifiers_in(value: &Value) -> Vec<DeviceIdentifier> {
    let mut found = Vec::new();
    collect_pairs(value, &mut found);
    found
}

/// The identifiers of what a value is about: pairs of kind and value, or else members that are named like a kind
/// (`mdn`).
pub(crate) fn names_in(value: &Value) -> Vec<DeviceIdentifier> {
    let mut found = identifiers_in(value);
    if found.is_empty() {
        collect_flat(value, &mut found);
    }
    found
}

/// The same for the members of an object, see [`names_in`].
pub(crate) fn names_within(members: &Map<String, Value>) -> Vec<DeviceIdentifier> {
    let pairs: Vec<_> = members.values().flat_map(identifiers_in).collect();
    if !pairs.is_empty() {
        return pairs;
    }
    let own: Vec<_> = members.iter().filter_map(|(name, value)| flat(name, value)).collect();
    if own.is_empty() { members.values().flat_map(names_in).collect() } else { own }
}

/// The identifier that an object is: with no further members, unless its kind is known.
pub(crate) fn identifier(value: &Value) -> Option<DeviceIdentifier> {
    let members = value.as_object()?;
    let known = |identifier: &DeviceIdentifier| !matches!(identifier.kind(), Kind::Other(_));
    DeviceIdentifier::among(members).filter(|found| known(found) || !DeviceIdentifier::has_more(members))
}

/// The identifiers in an object itself or in a list in it.
pub(crate) fn names_of(members: &Map<String, Value>) -> Vec<DeviceIdentifier> {
    let listed = members.values().flat_map(value::each).filter_map(identifier);
    listed.chain(members.iter().filter_map(|(name, value)| flat(name, value))).collect()
}

/// Whether identifiers are in or beside one list, rather than each in an object of its own.
pub(crate) fn are_listed(named: &[DeviceIdentifier], members: &Map<String, Value>) -> bool {
    names_of(members).len() >= named.len()
        || members.values().flat_map(value::each).filter_map(Value::as_object).any(|inner| are_listed(named, inner))
}

fn collect_pairs(value: &Value, found: &mut Vec<DeviceIdentifier>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_pairs(item, found)),
        Value::Object(members) => {
            found.extend(identifier(value));
            members.values().for_each(|value| collect_pairs(value, found));
        }
        _ => {}
    }
}

/// The outermost members that are named like a kind.
fn collect_flat(value: &Value, found: &mut Vec<DeviceIdentifier>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_flat(item, found)),
        Value::Object(members) => {
            let before = found.len();
            found.extend(members.iter().filter_map(|(name, value)| flat(name, value)));
            if found.len() == before {
                members.values().for_each(|value| collect_flat(value, found));
            }
        }
        _ => {}
    }
}

/// The identifier that a member or attribute is, if its name is a known kind.
pub(crate) fn flat(name: &str, value: &Value) -> Option<DeviceIdentifier> {
    let name = name.strip_prefix('@').unwrap_or(name);
    let kind = Kind::from(name);
    if matches!(kind, Kind::Other(_)) {
        return None;
    }
    let text = value::text(value)?;
    let canonical = kind.canonical(&text)?;
    let is_name = kind != Kind::Min || canonical.len() >= MIN_BYTES;
    is_name.then(|| DeviceIdentifier { kind: name.to_owned(), value: text.into_owned() })
}
