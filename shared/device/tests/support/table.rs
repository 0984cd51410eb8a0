//! The table of `shared/store` in memory: a plan is carried out under the same conditions, and a wrong one panics.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use device::{
    CallbackDelivery, Device, DeviceId, Identifier, Known, MAX_IDENTIFIERS, Observation, Plan, Receipt, RecordedEvent,
    Subject, plan, rebuild,
};

/// Devices, their events, who owns which name, and what was recorded before.
#[derive(Debug, Default)]
pub struct Table {
    pub devices: BTreeMap<DeviceId, Device>,
    pub owners: BTreeMap<Identifier, DeviceId>,
    /// The events, unless there are too many to keep.
    pub events: Vec<RecordedEvent>,
    pub forgets_events: bool,
    receipts: HashMap<String, Receipt>,
    accounts: BTreeMap<String, u64>,
    /// The devices in the order in which they were first seen.
    order: Vec<DeviceId>,
}

impl Table {
    /// Records what a message says, as the store does. Gives the plans that were carried out: none for a duplicate.
    pub fn record(&mut self, delivery: &CallbackDelivery, observations: &[Observation]) -> Vec<Plan> {
        let record = |(number, observation)| self.record_one(delivery, number, observation);
        observations.iter().enumerate().filter_map(record).collect()
    }

    fn record_one(&mut self, delivery: &CallbackDelivery, number: usize, observation: &Observation) -> Option<Plan> {
        let key = delivery.key(number);
        let known = self.known(observation);
        assert!(known.is_consistent(observation.identification.names()));
        let account = observation.account.clone().unwrap_or_default();
        let version = self.accounts.get(&account).copied().unwrap_or_default();
        let read = self.receipts.get(&key.full());
        if let Some(receipt) = read {
            let device = known.devices.get(&DeviceId::from(receipt.subject.as_str()));
            let now = if observation.identification.names().is_empty() {
                Some(version)
            } else {
                device.map(|one| one.version)
            };
            if delivery.repeats(receipt, now) {
                return None;
            }
        }
        let plan = plan(delivery, observation, &key, &known, version);
        let receipt = delivery.receipt(&plan.events()[0].event, read);
        self.receipts.insert(key.full(), receipt);
        self.carry_out(&plan);
        Some(plan)
    }

    /// What the store reads for an observation.
    fn known(&self, observation: &Observation) -> Known {
        let names = observation.identification.names();
        let mut known = Known::default();
        for name in names {
            if let Some(owner) = self.owners.get(name) {
                known.owners.insert(name.clone(), owner.clone());
            }
        }
        let derived = names.first().map(DeviceId::derived_from);
        for id in known.owners.values().cloned().chain(derived) {
            if let Some(device) = self.devices.get(&id) {
                known.devices.insert(id, device.clone());
            }
        }
        known
    }

    fn carry_out(&mut self, plan: &Plan) {
        let mut written = BTreeSet::new();
        for recorded in plan.events() {
            assert!(written.insert(recorded.event.subject.to_string()), "a row is written twice in one transaction");
            self.write(recorded);
        }
        let mut moved_names = BTreeSet::new();
        for moved in plan.moves() {
            let name = &moved.identifier;
            assert!(moved_names.insert(name.clone()), "{name} moves twice in one transaction");
            let (from, to) = (moved.from(), moved.to());
            assert_eq!(self.owners.get(name), from, "{name} is not where the plan takes it from");
            assert_ne!(from, to, "{name} moves to where it is");
            match to {
                Some(owner) => self.owners.insert(name.clone(), owner.clone()),
                None => self.owners.remove(name),
            };
            let holders = [moved.from(), moved.to()].into_iter().flatten().map(|id| &self.devices[id]);
            let holding: Vec<_> = holders.filter(|one| one.identifiers.contains(name)).map(|one| &one.id).collect();
            assert_eq!(holding, moved.to().into_iter().collect::<Vec<_>>(), "{name} is not in the device that owns it");
        }
        for recorded in plan.events() {
            if let Some(device) = &recorded.device {
                self.check(device);
            }
        }
    }

    fn write(&mut self, recorded: &RecordedEvent) {
        let sequence = recorded.event.sequence;
        match (&recorded.event.subject, &recorded.device) {
            (Subject::Device(id), Some(device)) => {
                assert_eq!((id, sequence), (&device.id, device.version));
                let before = self.devices.insert(id.clone(), device.clone());
                assert_eq!(before.as_ref().map_or(0, |before| before.version) + 1, sequence, "a version is left out");
                if before.is_none() {
                    self.order.push(id.clone());
                }
            }
            (Subject::Account(name), None) => {
                let version = self.accounts.entry(name.clone().unwrap_or_default()).or_default();
                *version += 1;
                assert_eq!(*version, sequence, "a version is left out");
            }
            other => panic!("an event and its device do not fit: {other:?}"),
        }
        if !self.forgets_events {
            self.events.push(recorded.clone());
        }
    }

    /// What holds of every device at any time.
    fn check(&self, device: &Device) {
        let names = &device.identifiers;
        for name in names {
            assert_eq!(self.owners.get(name), Some(&device.id), "{name} is of a device that does not own it");
        }
        assert!(names.len() <= MAX_IDENTIFIERS, "{} names", names.len());
        let embedded = names.iter().any(|one| one.kind.as_str() == "eid");
        let kinds: Vec<&str> = names.iter().map(|one| one.kind.as_str()).collect();
        for (one, next) in kinds.iter().zip(kinds.iter().skip(1)) {
            assert!(one != next || (embedded && *one == "iccid"), "two of a kind: {}", named(device));
        }
        if let Some(target) = &device.merged_into {
            assert!(names.is_empty(), "a device that was merged has names");
            assert!(self.devices[target].merged_from.contains(&device.id), "a history has lost a device");
        }
        for merged in &device.merged_from {
            assert!(self.devices[merged].identifiers.is_empty(), "a device that was merged has names");
        }
    }

    /// Checks every row.
    pub fn check_all(&self) {
        for device in self.devices.values() {
            self.check(device);
        }
        for (name, owner) in &self.owners {
            assert!(self.devices[owner].identifiers.contains(name), "{name} leads to a device without it");
        }
        if !self.forgets_events {
            self.check_rebuilt();
        }
    }

    /// Checks that the events of every device lead to it.
    fn check_rebuilt(&self) {
        let mut histories: BTreeMap<String, Vec<RecordedEvent>> = BTreeMap::new();
        for recorded in &self.events {
            histories.entry(recorded.event.subject.to_string()).or_default().push(recorded.clone());
        }
        for device in self.devices.values() {
            let rebuilt = rebuild(&histories[&device.id.to_string()]).unwrap();
            assert_eq!(rebuilt.faults, [], "{}", named(device));
            assert_eq!(rebuilt.device, *device);
        }
    }

    /// The device that a device turned out to be.
    pub fn now(&self, id: &DeviceId) -> &Device {
        let device = &self.devices[id];
        device.merged_into.as_ref().map_or(device, |target| self.now(target))
    }

    /// The device that a name leads to.
    pub fn device(&self, name: &str) -> Option<&Device> {
        let (kind, value) = name.split_once(':').unwrap();
        self.owners.get(&Identifier::new(kind, value).unwrap()).map(|id| &self.devices[id])
    }

    /// The whole table: each device with a letter in the order of their first messages, its names, its state, and the
    /// devices that merged into it.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for device in self.order.iter().map(|id| &self.devices[id]) {
            let _ = write!(text, "{}: ", self.letter(&device.id));
            match &device.merged_into {
                Some(target) => {
                    let _ = writeln!(text, "-> {}", self.letter(target));
                }
                None => {
                    let names = if device.identifiers.is_empty() { "nameless".to_owned() } else { named(device) };
                    let state = device.provisioning.state.as_deref().unwrap_or("-");
                    let with: Vec<_> = device.merged_from.iter().map(|id| self.letter(id)).collect();
                    let with = if with.is_empty() { String::new() } else { format!(" | with {}", with.join(" ")) };
                    let in_use = device.iccid_in_use.as_ref().map(|iccid| format!(" | uses {iccid}"));
                    let _ = writeln!(text, "{names} | {state}{}{with}", in_use.unwrap_or_default());
                }
            }
        }
        text
    }

    fn letter(&self, id: &DeviceId) -> String {
        let place = self.order.iter().position(|one| one == id).unwrap();
        char::from_u32('A' as u32 + u32::try_from(place).unwrap()).unwrap().to_string()
    }
}

fn named(device: &Device) -> String {
    // Line last, hardware first, as people name devices.
    const ORDER: [&str; 9] = ["eid", "imei", "meid", "esn", "iccid", "imsi", "mdn", "msisdn", "min"];
    let place = |one: &Identifier| ORDER.iter().position(|kind| *kind == one.kind.as_str()).unwrap_or(ORDER.len());
    let mut names: Vec<&Identifier> = device.identifiers.iter().collect();
    names.sort_by_key(|one| place(one));
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
