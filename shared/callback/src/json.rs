//! Parses JSON into a [`Value`] without loss: numbers keep every digit, and a repeated name keeps all its values.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::limit::Limit;
use crate::{MAX_DEPTH, ParseError};

/// Parses a JSON value. Every level scans its text once more, so the time is at most [`MAX_DEPTH`] times the length.
pub(crate) fn parse(text: &str) -> Result<Value, ParseError> {
    let raw: &RawValue = read(text)?;
    value(raw.get(), 1, &mut Limit::default())
}

fn value(text: &str, depth: usize, limit: &mut Limit) -> Result<Value, ParseError> {
    if depth > MAX_DEPTH {
        return Err(ParseError::TooDeep);
    }
    limit.value()?;
    match text.as_bytes().first() {
        Some(b'{' | b'[') => within(text, depth, limit),
        Some(b'-' | b'0'..=b'9') => {
            let number: Number = read(text).unwrap_or_else(|_| Number::from(0));
            // A number that a float cannot represent (the 32 digits of an eid, 1e400) stays text.
            Ok(if number.to_string() == text { Value::Number(number) } else { Value::String(text.to_owned()) })
        }
        _ => read(text),
    }
}

/// An object or array. The error of an inner value is passed separately, since `serde_json`'s error type holds only a
/// text.
fn within(text: &str, depth: usize, limit: &mut Limit) -> Result<Value, ParseError> {
    let mut wrong = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Contents { depth, limit, wrong: &mut wrong }.deserialize(&mut deserializer);
    read.map_err(|error| wrong.unwrap_or_else(|| malformed(&error)))
}

/// Adds a member. Members with the same name become an array, like repeated XML elements.
pub(crate) fn add(members: &mut Map<String, Value>, name: String, value: Value) {
    // `serde_json` uses such names internally and would not read back its own output.
    let name = if name.starts_with("$serde_json::") { format!("_{name}") } else { name };
    match members.get_mut(&name) {
        None => {
            members.insert(name, value);
        }
        Some(Value::Array(many)) => many.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ParseError> {
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> ParseError {
    ParseError::Json { line: error.line(), column: error.column() }
}

/// Parses the contents of an object or array one by one, so that the limit is checked before memory is allocated for
/// all of them.
struct Contents<'a> {
    depth: usize,
    limit: &'a mut Limit,
    wrong: &'a mut Option<ParseError>,
}

impl Contents<'_> {
    fn value<E: Error>(&mut self, raw: &RawValue) -> Result<Value, E> {
        value(raw.get(), self.depth + 1, self.limit).map_err(|error| self.fail(error))
    }

    fn fail<E: Error>(&mut self, error: ParseError) -> E {
        *self.wrong = Some(error);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Contents<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Contents<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or array")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
            if members.is_empty() {
                self.limit.object().map_err(|error| self.fail(error))?;
            }
            let value = self.value(raw)?;
            add(&mut members, name, value);
        }
        Ok(Value::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(raw) = items.next_element::<&RawValue>()? {
            values.push(self.value(raw)?);
        }
        Ok(Value::Array(values))
    }
}
