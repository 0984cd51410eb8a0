//! Reading the members of an object or element by name, and keeping what was not read.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::add;

/// A member that may be sent in three ways, which stay three things: not at all, as nil, or with a value (an empty
/// element or string is a value).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub enum Sent<T> {
    /// The member is not there.
    #[default]
    Absent,
    /// `xsi:nil="true"`, or JSON's `null`.
    Nil,
    /// The member has this value.
    Value(T),
}

impl<T> Sent<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Nil => None,
        }
    }

    /// The same way of being sent, with the value turned into another.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Sent<U> {
        match self {
            Self::Absent => Sent::Absent,
            Self::Nil => Sent::Nil,
            Self::Value(value) => Sent::Value(turn(value)),
        }
    }
}

/// The members of an object or element. Each is taken by name, ignoring case, as what it should be; one that is
/// something else is left. [`Members::rest`] is what nobody took.
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
        let Some(key) = self.0.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned() else { return Sent::Absent };
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

    /// Takes a text, a number or a truth value, as text.
    pub fn take_text(&mut self, name: &str) -> Sent<String> {
        self.take(name, |value| match value {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(truth) => Ok(truth.to_string()),
            other => Err(other),
        })
    }

    /// Takes `true` or `false`, or either as text.
    pub fn take_bool(&mut self, name: &str) -> Sent<bool> {
        self.take(name, |value| match &value {
            Value::Bool(truth) => Ok(*truth),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().map_err(|_| value),
            _ => Err(value),
        })
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
        let key = self.0.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
        let taken = self.take(name, Ok);
        taken.map(|value| {
            let many = match value {
                Value::Array(many) => many,
                one => vec![one],
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
                self.0.insert(key, Value::Array(left));
            }
            understood
        })
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

    /// What nobody took.
    #[must_use]
    pub fn rest(self) -> Map<String, Value> {
        self.0
    }
}
