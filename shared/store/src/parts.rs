//! The parts of a message that are to be recorded, in groups, and what was read for a group.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use device::{CallbackDelivery, Device, DeviceId, Digest, Identifier, Known, Observation, Plan, Receipt, Subject};

use crate::error::StoreError;
use crate::rows::{Key, get_json, get_number, get_text, receipt};
use crate::table::Rows;

/// How many parts are read and written together. At about six rows each, a group stays below DynamoDB's limits.
const MAX_GROUP_PARTS: usize = 12;

/// An observation, and the keys of the rows that decide what it changes.
pub(crate) struct Part<'a> {
    pub(crate) number: usize,
    pub(crate) observation: &'a Observation,
    /// The idempotency key.
    pub(crate) key: Digest,
    pub(crate) receipt_key: Key,
    /// The row of the device whose id is derived from the strongest identifier, or of the account. Nearly always the
    /// right one, so it is read before the owners of the identifiers are known.
    pub(crate) expected: Key,
}

impl<'a> Part<'a> {
    pub(crate) fn new(number: usize, observation: &'a Observation, delivery: &CallbackDelivery) -> Self {
        let key = delivery.key(number);
        let expected = match observation.identification.names().first() {
            Some(first) => Key::device(&DeviceId::derived_from(first)),
            None => Key::state(&Subject::Account(observation.account.clone())),
        };
        Self { number, observation, receipt_key: Key::receipt(&key), key, expected }
    }

    pub(crate) fn identifiers(&self) -> &'a [Identifier] {
        self.observation.identification.names()
    }

    pub(crate) fn identifier_keys(&self) -> impl Iterator<Item = Key> {
        self.identifiers().iter().map(Key::identifier)
    }

    /// The identifiers that have an owner in these rows.
    pub(crate) fn owners(&self, rows: &Rows) -> Result<Vec<(&'a Identifier, DeviceId)>, StoreError> {
        let owner = |identifier: &'a Identifier| {
            let row = rows.get(&Key::identifier(identifier))?;
            Some(get_text(row, "device").map(|id| (identifier, DeviceId::from(id))))
        };
        self.identifiers().iter().filter_map(owner).collect()
    }

    /// The keys of the rows that it shares with other parts about the same device, as far as these rows show.
    pub(crate) fn keys(&self, rows: &Rows) -> Vec<Key> {
        let owners = self.owners(rows).unwrap_or_default();
        let owners = owners.iter().map(|(_, owner)| Key::device(owner));
        std::iter::once(self.expected.clone()).chain(self.identifier_keys()).chain(owners).collect()
    }

    /// The receipt in these rows: of a duplicate, or of an equal message that was another one.
    pub(crate) fn receipt(&self, rows: &Rows) -> Result<Option<Receipt>, StoreError> {
        rows.get(&self.receipt_key).map(receipt).transpose()
    }
}

/// What was read for a group, kept up to date with the plans made since.
pub(crate) struct GroupState {
    pub(crate) rows: Rows,
    pub(crate) known: Known,
    /// The versions of accounts, by key.
    pub(crate) accounts: HashMap<Key, u64>,
    /// The last event of each device or account that an equal message recorded.
    pub(crate) recorded: HashMap<String, u64>,
}

impl GroupState {
    pub(crate) fn of(group: &[Part<'_>], rows: Rows) -> Result<Self, StoreError> {
        let (mut known, mut accounts) = (Known::default(), HashMap::new());
        let mut recorded: HashMap<String, u64> = HashMap::new();
        let mut devices = BTreeSet::new();
        for part in group {
            if part.identifiers().is_empty() {
                if let Some(row) = rows.get(&part.expected) {
                    accounts.insert(part.expected.clone(), get_number(row, "version")?);
                }
            } else {
                devices.insert(part.expected.clone());
            }
            for (identifier, owner) in part.owners(&rows)? {
                devices.insert(Key::device(&owner));
                known.owners.insert(identifier.clone(), owner);
            }
            if let Some(Receipt { subject, sequence, .. }) = part.receipt(&rows)? {
                let last = recorded.entry(subject).or_default();
                *last = sequence.max(*last);
            }
        }
        for row in devices.iter().filter_map(|key| rows.get(key)) {
            let device: Device = get_json(row, "device")?;
            known.devices.insert(device.id.clone(), device);
        }
        Ok(Self { rows, known, accounts, recorded })
    }

    pub(crate) fn apply(&mut self, part: &Part<'_>, plan: Plan) {
        match plan {
            Plan::Account(recorded) => {
                self.accounts.insert(part.expected.clone(), recorded.event.sequence);
            }
            plan @ Plan::Devices(..) => self.known.apply(plan),
        }
    }
}

/// The rows of parts that are not recorded yet. Later parts about the same devices have to wait for them, since parts
/// about one device are recorded in their order.
#[derive(Default)]
pub(crate) struct Waiting(BTreeSet<Key>);

impl Waiting {
    pub(crate) fn add(&mut self, part: &Part<'_>, rows: &Rows) {
        self.0.extend(part.keys(rows));
    }

    pub(crate) fn concerns(&self, part: &Part<'_>, rows: &Rows) -> bool {
        !self.0.is_empty() && part.keys(rows).iter().any(|key| self.0.contains(key))
    }
}

/// Groups of parts. Parts that share an identifier, a device or an account would lose races to each other, so they stay
/// in one group, in their order; independent ones fill up the groups.
pub(crate) fn groups<'a>(parts: Vec<Part<'a>>, rows: &Rows) -> Vec<Vec<Part<'a>>> {
    // Union-find: sets of parts that share a row, each named by its first part. `parents` leads to it from every part.
    let mut parents: Vec<usize> = Vec::with_capacity(parts.len());
    let mut set_of: HashMap<Key, usize> = HashMap::new();
    for (number, part) in parts.iter().enumerate() {
        parents.push(number);
        let keys = part.keys(rows);
        let sets: BTreeSet<usize> =
            keys.iter().filter_map(|key| set_of.get(key)).map(|set| first(&parents, *set)).collect();
        let joined = sets.first().copied().unwrap_or(number);
        for set in sets.into_iter().chain([number]) {
            if let Some(parent) = parents.get_mut(set) {
                *parent = joined;
            }
        }
        set_of.extend(keys.into_iter().map(|key| (key, joined)));
    }
    let mut sets: BTreeMap<usize, Vec<Part<'a>>> = BTreeMap::new();
    for (number, part) in parts.into_iter().enumerate() {
        sets.entry(first(&parents, number)).or_default().push(part);
    }
    let mut groups: Vec<Vec<Part<'a>>> = Vec::new();
    for set in sets.into_values() {
        match groups.last_mut() {
            Some(group) if group.len() + set.len() <= MAX_GROUP_PARTS => group.extend(set),
            _ => groups.push(set),
        }
    }
    groups
}

/// The first part of the set that a part is in.
fn first(parents: &[usize], mut part: usize) -> usize {
    while let Some(parent) = parents.get(part).copied().filter(|parent| *parent != part) {
        part = parent;
    }
    part
}
