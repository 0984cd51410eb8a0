//! Digests: idempotency keys of messages, and derived ids.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of several texts. Each is preceded by its length, so that different lists never hash the same bytes.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }

    /// All 256 bits, as 64 hexadecimal digits.
    #[must_use]
    pub fn full(&self) -> String {
        hex(&self.0)
    }

    /// The first 128 bits, as 32 hexadecimal digits.
    #[must_use]
    pub fn short(&self) -> String {
        hex(self.0.get(..16).unwrap_or_default())
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Writes an object as JSON with sorted names, independent of the order that `serde_json` keeps in this build.
pub(crate) fn canonical<'a>(text: &mut String, members: impl Iterator<Item = (&'a String, &'a Value)>) {
    let mut sorted: Vec<_> = members.collect();
    sorted.sort_by_key(|(name, _)| *name);
    text.push('{');
    for (number, (name, value)) in sorted.into_iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        let _ = write!(text, "{}:", Value::from(name.as_str()));
        canonical_value(text, value);
    }
    text.push('}');
}

fn canonical_value(text: &mut String, value: &Value) {
    match value {
        Value::Object(members) => canonical(text, members.iter()),
        Value::Array(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                canonical_value(text, item);
            }
            text.push(']');
        }
        leaf => {
            let _ = write!(text, "{leaf}");
        }
    }
}
