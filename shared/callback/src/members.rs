//! Reading the members of an object or element by name, and keeping what was not read.

use serde_json::{Map, Value};

use crate::identifier::DeviceIdentifier;
use crate::json::add;
use crate::sent::Sent;
use crate::value;

/// The members of an object or element. Each is taken by name, ignoring case, as what it should be; one that is
/// something else is left. [`Members::rest`] is what was not taken.
#[derive(Debug, Clone, Default)]
pub struct Members(Map<String, Value>);

impl From<Map<String, Value>> for Members {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl Members {
    /// Takes a member as `read` understands it. What `read` gives back is left in place.
    pub fn take<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, Value>) -> Sent<T> {
        let Some(key) = self.key(name) else { return Sent::Absent };
        match self.0.remove(&key) {
            None => Sent::Absent,
            Some(Value::Null) => Sent::Nil,
            Some(value) => match read(value) {
                Ok(read) => Sent::Value(read),
                Err(left) => {
                    self.0.insert(key, left);
                    Sent::Absent
                }
            },
        }
    }

    /// Takes a text, a number or a truth value, as text. Its attributes stay.
    pub fn take_text(&mut self, name: &str) -> Sent<String> {
        let Some(key) = self.key(name) else { return Sent::Absent };
        let Some(value) = self.0.get_mut(&key) else { return Sent::Absent };
        let Some(taken) = value::take_text(value) else { return Sent::Absent };
        if value.as_object().is_none_or(Map::is_empty) {
            self.0.remove(&key);
        }
        taken
    }

    /// Takes a text, a number or a truth value that can be parsed.
    pub(crate) fn take_parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Sent<T> {
        let Some(value) = self.key(name).and_then(|key| self.0.get(&key)) else { return Sent::Absent };
        let parsed = match value {
            Value::Bool(truth) => parse(&truth.to_string()),
            value => value::text(value).and_then(|text| parse(text.trim())),
        };
        match parsed {
            Some(parsed) => self.take_text(name).map(|_| parsed),
            None if value::is_nil(value) => {
                self.take_text(name);
                Sent::Nil
            }
            None => Sent::Absent,
        }
    }

    /// Takes `true` or `false`, or either as text.
    pub fn take_bool(&mut self, name: &str) -> Sent<bool> {
        self.take_parsed(name, |text| text.to_ascii_lowercase().parse().ok())
    }

    /// Takes an object's members. An empty element is an object without members.
    pub fn take_members(&mut self, name: &str) -> Sent<Self> {
        self.take(name, |value| match value {
            Value::Object(members) => Ok(Self(members)),
            Value::String(text) if text.trim().is_empty() => Ok(Self::default()),
            other => Err(other),
        })
    }

    /// Takes each of a repeated member (one, or an array) that `read` understands whole; those it does not stay.
    pub fn take_each<T>(&mut self, name: &str, mut read: impl FnMut(Value) -> Result<T, Value>) -> Sent<Vec<T>> {
        let key = self.key(name);
        let taken = self.take(name, Ok);
        taken.map(|value| {
            let (many, repeated) = match value {
                Value::Array(many) => (many, true),
                one => (vec![one], false),
            };
            let (mut understood, mut left) = (Vec::with_capacity(many.len()), Vec::new());
            for value in many {
                match read(value) {
                    Ok(value) => understood.push(value),
                    Err(value) => left.push(value),
                }
            }
            // Under the very name that it had: another spelling of it may be there too.
            if let Some(key) = key.filter(|_| !left.is_empty()) {
                let one = if repeated { None } else { left.pop() };
                self.0.insert(key, one.unwrap_or(Value::Array(left)));
            }
            understood
        })
    }

    /// Takes the identifiers that members of this name are. One that has more than its kind and value stays as well, whole:
    /// what else it has is about that device.
    pub(crate) fn take_identifiers(&mut self, name: &str) -> Vec<DeviceIdentifier> {
        let mut found = Vec::new();
        for name in self.spellings(name) {
            self.take_each(&name, |entry| {
                let members = entry.as_object();
                let Some(identifier) = members.and_then(DeviceIdentifier::among) else { return Err(entry) };
                found.push(identifier);
                let plain =
                    |members: &Map<String, Value>| members.len() == 2 && !members.values().any(Value::is_object);
                if members.is_some_and(plain) { Ok(()) } else { Err(entry) }
            });
        }
        found
    }

    /// All spellings of a name.
    pub(crate) fn spellings(&self, name: &str) -> Vec<String> {
        self.0.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned().collect()
    }

    /// Changes a member in place.
    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(value) = self.0.get_mut(name) {
            change(value);
        }
    }

    /// The name as it is spelled: exactly so, or else in the first other spelling.
    fn key(&self, name: &str) -> Option<String> {
        let exact = self.0.get_key_value(name).map(|(key, _)| key);
        exact.or_else(|| self.0.keys().find(|key| key.eq_ignore_ascii_case(name))).cloned()
    }

    /// Whether there is a member of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.keys().any(|key| key.eq_ignore_ascii_case(name))
    }

    /// Puts back what a taken member left over, unless nothing is left of it.
    pub fn put_back(&mut self, name: &str, rest: Map<String, Value>) {
        if !rest.is_empty() {
            add(&mut self.0, name.to_owned(), Value::Object(rest));
        }
    }

    /// What was not taken.
    #[must_use]
    pub fn rest(self) -> Map<String, Value> {
        self.0
    }
}
