//! JSON text to a [`Value`], without loss: numbers keep every digit, and a name that comes twice keeps both values.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::{MAX_DEPTH, ParseError};

/// Reads one JSON value. Every level scans its text once more, so the time is bounded by [`MAX_DEPTH`] times the length.
pub(crate) fn parse(text: &str) -> Result<Value, ParseError> {
    let raw: &RawValue = read(text)?;
    value(raw.get(), 1)
}

fn value(text: &str, depth: usize) -> Result<Value, ParseError> {
    if depth > MAX_DEPTH {
        return Err(ParseError::TooDeep);
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            let Pairs(pairs) = read(text)?;
            let mut members = Map::new();
            for (name, raw) in pairs {
                add(&mut members, name, value(raw.get(), depth + 1)?);
            }
            Ok(Value::Object(members))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = read(text)?;
            items.into_iter().map(|raw| value(raw.get(), depth + 1)).collect::<Result<_, _>>().map(Value::Array)
        }
        Some(b'-' | b'0'..=b'9') => {
            let number: Number = read(text).unwrap_or_else(|_| Number::from(0));
            // A number that would change by being read as one (32 digits of an eid, 1e400) stays text.
            Ok(if number.to_string() == text { Value::Number(number) } else { Value::String(text.to_owned()) })
        }
        _ => read(text),
    }
}

/// Adds a member; one of the same name makes both into an array, as repeated XML elements are.
pub(crate) fn add(members: &mut Map<String, Value>, name: String, value: Value) {
    // `serde_json` has a use of its own for such names, and would not read back what it wrote.
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
    serde_json::from_str(text).map_err(|error| ParseError::Json { line: error.line(), column: error.column() })
}

/// An object's members as they stand in the text.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
