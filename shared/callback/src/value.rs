//! Helpers for JSON values as both transports represent them. An element with attributes is an object with the
//! attributes (`@…`) and the text (`#text`).

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::sent::Sent;

/// The member with the text of an element that also has attributes or members.
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

/// Takes the text out of a value and leaves its attributes. `None` if the value has no text and is not empty.
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

/// Whether a value is null or a nil element with attributes.
pub(crate) fn is_nil(value: &Value) -> bool {
    value.is_null()
        || value.as_object().is_some_and(|members| {
            members.get(TEXT).is_some_and(Value::is_null)
                && members.keys().all(|name| name == TEXT || is_attribute(name))
        })
}

/// Whether a value contains only blanks, nil, attributes or empty values.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(members) => members.iter().all(|(name, value)| is_attribute(name) || is_empty(value)),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether an element contains only attributes, its own or those of elements within.
pub(crate) fn only_attributes(members: &Map<String, Value>) -> bool {
    members.iter().all(|(name, value)| is_attribute(name) || value.as_object().is_some_and(only_attributes))
}

/// The items of an array, or the value itself.
pub(crate) fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// The only item of an array, or its only item that is not empty; otherwise the value itself.
pub(crate) fn only_item(value: &Value) -> &Value {
    let Value::Array(items) = value else { return value };
    let mut full = items.iter().filter(|item| !is_empty(item));
    match (items.as_slice(), full.next(), full.next()) {
        ([one], ..) | (_, Some(one), None) => one,
        _ => value,
    }
}

/// The values of all members with a name, ignoring case, except nil ones.
pub(crate) fn named<'a>(members: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    members.iter().filter(|(key, value)| key.eq_ignore_ascii_case(name) && !is_nil(value)).map(|(_, value)| value)
}

/// Truncates a text to at most `limit` bytes, with a mark at its end.
#[must_use]
pub fn truncate(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let remark = format!("… (cut from {} bytes)", text.len());
    let end = text.floor_char_boundary(limit.saturating_sub(remark.len()));
    text.get(..end).unwrap_or_default().to_owned() + &remark
}

/// Whether the JSON of a value has at most `limit` bytes.
pub(crate) fn fits_json(value: &impl Serialize, limit: usize) -> bool {
    /// Fails at the first byte beyond the limit, so that no more is written.
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
    serde_json::to_writer(Room(limit), value).is_ok()
}

/// The text or number of an object's member with this name, ignoring case.
#[must_use]
pub fn text_of(value: &Value, name: &str) -> Option<String> {
    named(value.as_object()?, name).find_map(text).map(Cow::into_owned)
}
