//! The contents of the table of devices, and what must hold for them at any time.

use std::collections::{BTreeMap, BTreeSet};

use device::{Device, Event, Identifier, RecordedEvent};

/// A row: its attributes as texts, by name.
pub type Row = BTreeMap<String, String>;

/// The rows of the table, by kind.
#[derive(Debug, Default)]
pub struct Contents {
    /// By partition key, as all.
    pub devices: BTreeMap<String, Device>,
    /// The events of devices and accounts, in their order.
    pub events: BTreeMap<String, Vec<Event>>,
    /// The partition keys of their owners.
    pub identifiers: BTreeMap<String, String>,
    /// The subject of each, and the sequence of its event.
    pub receipts: Vec<(String, u64)>,
}

impl Contents {
    /// The contents in these rows.
    ///
    /// # Panics
    ///
    /// A row is of no known kind, or malformed.
    #[must_use]
    pub fn of(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut contents = Self::default();
        for row in rows {
            let (pk, sk) = (row["pk"].clone(), row["sk"].as_str());
            match (pk.split_once('#').unwrap().0, sk) {
                ("DEVICE", "STATE") => {
                    let device: Device = serde_json::from_str(&row["device"]).unwrap();
                    assert_eq!(row["version"], device.version.to_string(), "{pk}");
                    contents.devices.insert(pk, device);
                }
                ("DEVICE" | "ACCOUNT", sk) if sk.starts_with("EVENT#") => {
                    let recorded: RecordedEvent = serde_json::from_str(&row["event"]).unwrap();
                    contents.events.entry(pk).or_default().push(recorded.event);
                }
                ("IDENTIFIER", _) => {
                    contents.identifiers.insert(pk, format!("DEVICE#{}", row["device"]));
                }
                ("RECEIPT", _) => contents.receipts.push((row["subject"].clone(), row["sequence"].parse().unwrap())),
                ("ACCOUNT" | "REQUEST", _) => {}
                other => panic!("{other:?}"),
            }
        }
        contents
    }

    /// Asserts all that must hold at any time: every transaction is there as a whole or not at all.
    ///
    /// # Panics
    ///
    /// Something does not hold.
    pub fn assert_consistent(&self) {
        self.assert_identifiers_and_devices_agree();
        self.assert_versions_have_no_gaps();
        self.assert_no_history_is_lost();
        self.assert_every_receipt_has_its_event();
    }

    /// Invariant 4: an identifier belongs to at most one device; identifier rows and devices agree.
    fn assert_identifiers_and_devices_agree(&self) {
        let row_of = |identifier: &Identifier| format!("IDENTIFIER#{}#{}", identifier.kind.as_str(), identifier.value);
        let mut held = BTreeMap::new();
        for (key, device) in &self.devices {
            for identifier in &device.identifiers {
                assert_eq!(held.insert(row_of(identifier), key.clone()), None, "{identifier} has two devices");
            }
        }
        assert_eq!(held, self.identifiers);
    }

    /// Invariant 5: versions have no gaps, and every version has its event.
    fn assert_versions_have_no_gaps(&self) {
        for (key, events) in &self.events {
            let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
            assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>(), "{key}");
            if let Some(device) = self.devices.get(key) {
                assert_eq!(device.version, events.len() as u64);
            }
        }
        assert!(self.devices.keys().all(|key| self.events.contains_key(key)));
    }

    /// A device without identifiers was merged into another one, whose history includes its own.
    fn assert_no_history_is_lost(&self) {
        for device in self.devices.values() {
            let last = self.events[&format!("DEVICE#{}", device.id)].last().unwrap();
            let unidentified = device.identifiers.is_empty();
            assert!(device.merged_into.is_none() || unidentified);
            // Only an activation that took its number leaves an unmerged device without identifiers.
            assert!(!unidentified || device.merged_into.is_some() || last.change == device::IDENTIFIERS_MOVED);
            if let Some(winner) = &device.merged_into {
                let mut winner = &self.devices[&format!("DEVICE#{winner}")];
                while let Some(next) = &winner.merged_into {
                    winner = &self.devices[&format!("DEVICE#{next}")];
                }
                assert!(
                    winner.merged_from.contains(&device.id),
                    "{} is not in the history of {}",
                    device.id,
                    winner.id
                );
            }
        }
    }

    /// A message has a receipt and an event per part, or neither. Ids of events are unique.
    fn assert_every_receipt_has_its_event(&self) {
        let applied = self.applied().count();
        assert_eq!(self.receipts.len(), applied, "each part of a message is recorded once");
        for (subject, sequence) in &self.receipts {
            let keys = [format!("DEVICE#{subject}"), format!("ACCOUNT#{subject}"), subject.clone()];
            let events = keys.iter().find_map(|key| self.events.get(key));
            assert!(events.is_some_and(|events| *sequence <= events.len() as u64), "{subject} {sequence}");
        }
        let ids: BTreeSet<_> = self.events.values().flatten().map(|event| &event.id).collect();
        assert_eq!(ids.len(), self.events.values().flatten().count(), "ids of events are unique");
    }

    /// The events that messages caused, without those of devices that lost identifiers to others.
    pub fn applied(&self) -> impl Iterator<Item = &Event> {
        self.events.values().flatten().filter(|event| event.change != device::IDENTIFIERS_MOVED)
    }
}
