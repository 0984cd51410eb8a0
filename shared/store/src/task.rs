//! What is to be recorded, in groups, and what was read for a group.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use device::{CallbackDelivery, Device, DeviceId, Digest, Known, Observation, Plan, Receipt, Subject};

use crate::StoreError;
use crate::batch::Rows;
use crate::rows::{Key, get_json, get_number, get_text, receipt};

/// How many observations are read and written together: their rows, some six each, stay below the bounds.
const GROUP: usize = 12;

/// An observation, and where the table says what it needs to know.
pub(crate) struct Task<'a> {
    pub(crate) number: usize,
    pub(crate) observation: &'a Observation,
    pub(crate) key: Digest,
    pub(crate) receipt_key: Key,
    /// The device whose id is derived from the first name, or the account's counter.
    pub(crate) guess: Key,
    /// The receipt of the same key that was read before, of another message.
    pub(crate) receipt: Option<Receipt>,
}

impl<'a> Task<'a> {
    pub(crate) fn new(number: usize, observation: &'a Observation, delivery: &CallbackDelivery) -> Self {
        let key = delivery.key(number);
        let guess = match observation.identification.names().first() {
            Some(first) => Key::device(&DeviceId::derived_from(first)),
            None => Key::state(&Subject::Account(observation.account.clone())),
        };
        Self { number, observation, receipt_key: Key::receipt(&key), key, guess, receipt: None }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        std::iter::once(self.guess.clone()).chain(self.names())
    }

    /// The rows that say who owns the names.
    pub(crate) fn names(&self) -> impl Iterator<Item = Key> {
        self.observation.identification.names().iter().map(Key::identifier)
    }

    /// Who owns the names, as far as these rows say.
    pub(crate) fn owners(&self, rows: &Rows) -> Result<Vec<DeviceId>, StoreError> {
        let names = self.observation.identification.names().iter();
        let owner = |row| get_text(row, "device").map(DeviceId::from);
        names.filter_map(|name| rows.get(&Key::identifier(name))).map(owner).collect()
    }
}

/// What was read for a group of observations, brought up to date with what was decided on since.
pub(crate) struct View {
    pub(crate) rows: Rows,
    pub(crate) known: Known,
    /// How many events accounts have had, by the keys of their counters.
    pub(crate) counters: HashMap<Key, u64>,
    /// The last event of each device or account that an equal message recorded.
    pub(crate) recorded: HashMap<String, u64>,
}

impl View {
    pub(crate) fn of(group: &[Task<'_>], rows: Rows) -> Result<Self, StoreError> {
        let (mut known, mut counters) = (Known::default(), HashMap::new());
        for task in group {
            let names = task.observation.identification.names();
            for name in names {
                if let Some(row) = rows.get(&Key::identifier(name)) {
                    known.owners.insert(name.clone(), DeviceId::from(get_text(row, "device")?));
                }
            }
            if let (true, Some(row)) = (names.is_empty(), rows.get(&task.guess)) {
                counters.insert(task.guess.clone(), get_number(row, "version")?);
            }
        }
        let guesses =
            group.iter().filter(|task| !task.observation.identification.names().is_empty()).map(|task| &task.guess);
        let keys: BTreeSet<Key> = known.owners.values().map(Key::device).chain(guesses.cloned()).collect();
        for row in keys.iter().filter_map(|key| rows.get(key)) {
            let device: Device = get_json(row, "device")?;
            known.devices.insert(device.id.clone(), device);
        }
        let mut recorded: HashMap<String, u64> = HashMap::new();
        for task in group {
            let read = rows.get(&task.receipt_key).map(receipt).transpose()?.or(task.receipt.clone());
            if let Some(Receipt { subject, sequence, .. }) = read {
                let last = recorded.entry(subject).or_default();
                *last = sequence.max(*last);
            }
        }
        Ok(Self { rows, known, counters, recorded })
    }

    pub(crate) fn apply(&mut self, task: &Task<'_>, plan: Plan) {
        match plan {
            Plan::Account(recorded) => {
                self.counters.insert(task.guess.clone(), recorded.event.sequence);
            }
            plan @ Plan::Devices(..) => self.known.apply(plan),
        }
    }
}

/// Observations that share a name, a device or an account stay together and in their order: they would compete with each other. The
/// others are put together in groups.
pub(crate) fn groups<'a>(tasks: Vec<Task<'a>>, rows: &Rows) -> Vec<Vec<Task<'a>>> {
    // A lane is named by its first observation. Of each observation, the lane that it is in, or one that was joined to it.
    let mut joined: Vec<usize> = Vec::with_capacity(tasks.len());
    let mut lane_of: HashMap<Key, usize> = HashMap::new();
    for (number, task) in tasks.iter().enumerate() {
        joined.push(number);
        let owners = task.owners(rows).unwrap_or_default();
        let keys: Vec<Key> = task.keys().chain(owners.iter().map(Key::device)).collect();
        let known: BTreeSet<usize> =
            keys.iter().filter_map(|key| lane_of.get(key)).map(|lane| first(&joined, *lane)).collect();
        let lane = known.first().copied().unwrap_or(number);
        for other in known.into_iter().chain([number]) {
            if let Some(joined) = joined.get_mut(other) {
                *joined = lane;
            }
        }
        lane_of.extend(keys.into_iter().map(|key| (key, lane)));
    }
    let mut lanes: BTreeMap<usize, Vec<Task<'a>>> = BTreeMap::new();
    for (number, task) in tasks.into_iter().enumerate() {
        lanes.entry(first(&joined, number)).or_default().push(task);
    }
    let mut groups: Vec<Vec<Task<'a>>> = Vec::new();
    for lane in lanes.into_values() {
        match groups.last_mut() {
            Some(group) if group.len() + lane.len() <= GROUP => group.extend(lane),
            _ => groups.push(lane),
        }
    }
    groups
}

/// The first observation of a lane, through all that it was joined to.
fn first(joined: &[usize], mut lane: usize) -> usize {
    while let Some(next) = joined.get(lane).copied().filter(|next| *next != lane) {
        lane = next;
    }
    lane
}
