//! Reads JSON values as both transports represent them: an element with attributes is an object of these (`@…`) and of its
//! text (`#text`).

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::sent::Sent;

/// The text of an element that has attributes or members as well.
pub(crate) const TEXT: &str = "#text";

fn is_attribute(name: &str) -> bool {
    name.starts_with('@')
}

/// A text or number, with or without attributes.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Object(members) => members.get(TEXT)?.as_str().map(Cow::Borrowed),
        _ => None,
    }
}

/// Takes the text out of a value, and leaves what is beside it. `None` where it has no text and is not empty.
pub(crate) fn take_text(value: &mut Value) -> Option<Sent<String>> {
    let whole = match value {
        Value::Object(members) => match members.remove(TEXT) {
            None if members.keys().all(|name| is_attribute(name)) && !members.is_empty() => Value::from(""),
            None => return None,
            Some(text) => text,
        },
        Value::Array(_) => return None,
        leaf => leaf.take(),
    };
    Some(match whole {
        Value::Null => Sent::Nil,
        Value::String(text) => Sent::Value(text),
        other => Sent::Value(other.to_string()),
    })
}

/// Null, or a nil element that has attributes.
pub(crate) fn is_nil(value: &Value) -> bool {
    value.is_null()
        || value.as_object().is_some_and(|members| {
            members.get(TEXT).is_some_and(Value::is_null)
                && members.keys().all(|name| name == TEXT || is_attribute(name))
        })
}

/// Whether nothing is in a value but blanks, nil, attributes, or what is empty in turn.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(members) => members.iter().all(|(name, value)| is_attribute(name) || is_empty(value)),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether there is nothing but attributes, of this element or of those within.
pub(crate) fn only_attributes(members: &Map<String, Value>) -> bool {
    members.iter().all(|(name, value)| is_attribute(name) || value.as_object().is_some_and(only_attributes))
}

/// The items of an array, or the one value.
pub(crate) fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// An array of one says what its item does, and one item with contents what an array says whose others are empty.
pub(crate) fn the_one(value: &Value) -> &Value {
    let Value::Array(items) = value else { return value };
    let mut full = items.iter().filter(|item| !is_empty(item));
    match (items.as_slice(), full.next(), full.next()) {
        ([one], ..) | (_, Some(one), None) => one,
        _ => value,
    }
}

/// The values of all members of a name, ignoring case, but those that are nil.
pub(crate) fn named<'a>(members: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    members.iter().filter(|(key, value)| key.eq_ignore_ascii_case(name) && !is_nil(value)).map(|(_, value)| value)
}

/// A text of at most `limit` bytes: a longer one is cut, and says so.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let remark = format!("… (cut from {} bytes)", text.len());
    let end = text.floor_char_boundary(limit.saturating_sub(remark.len()));
    text.get(..end).unwrap_or_default().to_owned() + &remark
}

/// Whether a value has at most this many bytes as JSON.
pub(crate) fn is_within(value: &impl Serialize, most: usize) -> bool {
    /// Fails at the first byte too many, so that no more than the limit is written.
    struct Room(usize);
    impl Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(most), value).is_ok()
}

/// The text or number of an object's member of this name, whatever its casing.
#[must_use]
pub fn text_of(value: &Value, name: &str) -> Option<String> {
    named(value.as_object()?, name).find_map(text).map(Cow::into_owned)
}
