//! Reads the members of an object or element by name, and keeps those that were not read.

use serde_json::{Map, Value};

use crate::identifier::DeviceIdentifier;
use crate::json::add;
use crate::sent::Sent;
use crate::value;

/// The members of an object or element. Members are taken by name, ignoring case, if they have the expected type;
/// others remain. [`Members::rest`] returns the remaining members.
#[derive(Debug, Clone, Default)]
pub struct Members(Map<String, Value>);

impl From<Map<String, Value>> for Members {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl Members {
    /// Takes a member with `read`. What `read` returns as an error remains.
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

    /// Takes a text, a number or a boolean, as text. Its attributes remain.
    pub fn take_text(&mut self, name: &str) -> Sent<String> {
        let Some(key) = self.key(name) else { return Sent::Absent };
        let Some(value) = self.0.get_mut(&key) else { return Sent::Absent };
        let Some(taken) = value::take_text(value) else { return Sent::Absent };
        if value.as_object().is_none_or(Map::is_empty) {
            self.0.remove(&key);
        }
        taken
    }

    /// Takes a text, a number or a boolean that can be parsed.
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

    /// Takes those items of a repeated member (a single value or an array) that `read` accepts. The others remain.
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
            // With the original spelling of the name, since another spelling may exist too.
            if let Some(key) = key.filter(|_| !left.is_empty()) {
                let one = if repeated { None } else { left.pop() };
                self.0.insert(key, one.unwrap_or(Value::Array(left)));
            }
            understood
        })
    }

    /// Takes the identifiers that members with this name are. One with more than a kind and a value remains as well,
    /// since the rest concerns that device.
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

    /// The name as spelled in the message: preferably exactly this spelling.
    fn key(&self, name: &str) -> Option<String> {
        let exact = self.0.get_key_value(name).map(|(key, _)| key);
        exact.or_else(|| self.0.keys().find(|key| key.eq_ignore_ascii_case(name))).cloned()
    }

    /// Whether there is a member of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.keys().any(|key| key.eq_ignore_ascii_case(name))
    }

    /// Puts back the remainder of a taken member, unless it is empty.
    pub fn put_back(&mut self, name: &str, rest: Map<String, Value>) {
        if !rest.is_empty() {
            add(&mut self.0, name.to_owned(), Value::Object(rest));
        }
    }

    /// The remaining members.
    #[must_use]
    pub fn rest(self) -> Map<String, Value> {
        self.0
    }
}
