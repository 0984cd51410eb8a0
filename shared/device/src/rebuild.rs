//! Rebuilds a device from its recorded events, to compare it with the stored one.
//!
//! The changes of the events are folded in their order. Three things that changes do not state completely are taken from
//! the device that the event itself records: bookkeeping, lists of reports, and values of over 2 KiB. Everything else
//! must agree with it.

use std::collections::BTreeSet;

use callback::{Map, Value};

use crate::changes::{BOOKKEEPING, REPORTS};
use crate::event::RecordedEvent;
use crate::state::Device;

/// A device as its events describe it.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// The device after the last event.
    pub device: Device,
    /// The sequence of the first event that it is rebuilt from. If it is not 1, earlier events are missing, as those that
    /// have expired, and the device starts as this event records it.
    pub first: u64,
    /// What the history contradicts itself in, oldest first.
    pub faults: Vec<HistoryFault>,
}

/// A fault of a history.
#[derive(Debug, Clone, PartialEq)]
pub enum HistoryFault {
    /// Events are missing between others. The device continues as the event after them records it.
    Gap {
        /// The first missing sequence.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// The device that an event records is not the one that the changes up to it lead to.
    Contradiction {
        /// The event's sequence.
        sequence: u64,
        /// The field, its value in the recorded device, and its value by the changes.
        difference: Difference,
    },
}

/// A field that differs between a stored and a recomputed device.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Its name in the JSON of the device, with a dot before members of objects.
    pub field: String,
    /// The stored value; null if there is none.
    pub stored: Value,
    /// The recomputed value; null if there is none.
    pub recomputed: Value,
}

/// Rebuilds a device from its events in the order of their sequences. `None` if there are none.
#[must_use]
pub fn rebuild(history: &[RecordedEvent]) -> Option<Rebuilt> {
    let mut fold = Fold::default();
    let mut last = None;
    for recorded in history {
        let Some(device) = &recorded.device else { continue };
        fold.add(recorded, device);
        last = Some(device);
    }
    let last = last?;
    // A state that is no device can only come from changes that are none of this program's.
    let device = serde_json::from_value(Value::Object(fold.state)).unwrap_or_else(|_| last.clone());
    Some(Rebuilt { device, first: fold.first, faults: fold.faults })
}

impl Rebuilt {
    /// The fields in which a stored device differs.
    #[must_use]
    pub fn differences(&self, stored: &Value) -> Vec<Difference> {
        let mut differences = Vec::new();
        compare("", stored, &to_json(&self.device), &mut differences);
        differences
    }
}

/// The state after the events so far.
#[derive(Default)]
struct Fold {
    state: Map<String, Value>,
    first: u64,
    sequence: u64,
    faults: Vec<HistoryFault>,
    /// The fields with a contradiction. Only the first event of each is a fault.
    contradicted: BTreeSet<String>,
}

impl Fold {
    fn add(&mut self, recorded: &RecordedEvent, device: &Device) {
        let event = &recorded.event;
        let Value::Object(after) = to_json(device) else { return };
        let is_start = self.first == 0;
        let follows = event.sequence == self.sequence + 1;
        if !is_start && !follows {
            self.faults.push(HistoryFault::Gap { from: self.sequence + 1, to: event.sequence.saturating_sub(1) });
        }
        if is_start {
            self.first = event.sequence;
        }
        self.sequence = event.sequence;
        if !follows {
            self.state = after;
            return;
        }
        for name in BOOKKEEPING {
            copy(&mut self.state, &after, name);
        }
        for change in &event.changes {
            let recorded = get(&after, &change.field);
            let is_incomplete = REPORTS.contains(&change.field.as_str()) || is_left_out(&change.after);
            let value = if is_incomplete { recorded } else { Some(&change.after) };
            // A null stands for an entry that is nil, or for one that is gone: the recorded device shows which.
            let value = value.filter(|value| !value.is_null() || recorded.is_some());
            set(&mut self.state, &after, &change.field, value.cloned());
        }
        add_empty(&mut self.state, &after);
        let mut differences = Vec::new();
        compare("", &Value::Object(after), &Value::Object(self.state.clone()), &mut differences);
        for difference in differences {
            if self.contradicted.insert(difference.field.clone()) {
                self.faults.push(HistoryFault::Contradiction { sequence: event.sequence, difference });
            }
        }
    }
}

fn to_json(device: &Device) -> Value {
    serde_json::to_value(device).unwrap_or_default()
}

fn copy(state: &mut Map<String, Value>, from: &Map<String, Value>, name: &str) {
    match from.get(name) {
        Some(value) => state.insert(name.to_owned(), value.clone()),
        None => state.remove(name),
    };
}

/// Whether a value in a change was omitted for its size.
fn is_left_out(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.len() == 1 && members.contains_key("leftOutBytes"))
}

/// Whether a value is the same as none: changes do not mention it.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        _ => false,
    }
}

/// Adds the members without a value, which no change mentions when they appear, and removes those that are gone.
fn add_empty(state: &mut Map<String, Value>, after: &Map<String, Value>) {
    state.retain(|name, value| !is_empty(value) || after.contains_key(name));
    for (name, value) in after {
        match (state.get_mut(name), value) {
            (None, value) if is_empty(value) => {
                state.insert(name.clone(), value.clone());
            }
            (Some(own), value) if is_empty(own) && is_empty(value) => own.clone_from(value),
            (Some(Value::Object(own)), Value::Object(members)) => add_empty(own, members),
            _ => {}
        }
    }
}

/// The first steps that a path may have in these members, with the rest. Names of entries may contain dots.
fn steps<'a>(members: &'a Map<String, Value>, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    members.keys().filter_map(move |name| Some((name.as_str(), path.strip_prefix(name.as_str())?.strip_prefix('.')?)))
}

fn get<'a>(members: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    members.get(path).or_else(|| {
        let members: Vec<_> =
            steps(members, path).filter_map(|(name, rest)| Some((members.get(name)?, rest))).collect();
        members.into_iter().find_map(|(value, rest)| get(value.as_object()?, rest))
    })
}

/// Sets the value at a path, or removes it. `after` shows where the path leads.
fn set(state: &mut Map<String, Value>, after: &Map<String, Value>, path: &str, value: Option<Value>) {
    if !state.contains_key(path) && !after.contains_key(path) {
        let in_objects = |members: &Map<String, Value>| {
            steps(members, path)
                .find(|(name, _)| members.get(*name).is_some_and(Value::is_object))
                .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
        };
        if let Some((name, rest)) = in_objects(after).or_else(|| in_objects(state)) {
            let none = Map::new();
            let inner = after.get(&name).and_then(Value::as_object).unwrap_or(&none);
            let own = state.entry(name).or_insert_with(|| Map::new().into());
            if !own.is_object() {
                *own = Map::new().into();
            }
            if let Value::Object(own) = own {
                set(own, inner, &rest, value);
            }
            return;
        }
    }
    match value {
        Some(value) => state.insert(path.to_owned(), value),
        None => state.remove(path),
    };
}

fn compare(path: &str, stored: &Value, recomputed: &Value, differences: &mut Vec<Difference>) {
    match (stored, recomputed) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                let member = |members: &Map<String, Value>| members.get(name).cloned().unwrap_or_default();
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, &member(a), &member(b), differences);
            }
        }
        _ if stored == recomputed || (is_empty(stored) && is_empty(recomputed)) => {}
        _ => differences.push(Difference {
            field: path.to_owned(),
            stored: stored.clone(),
            recomputed: recomputed.clone(),
        }),
    }
}
