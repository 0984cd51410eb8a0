//! Redacts secrets in a payload. The callback credentials are taken out before, in `envelope`.

use serde_json::{Map, Value};

use crate::value::{self, named};

/// Replaces a secret.
const REDACTED: &str = "[left out: a secret]";

/// What the names of members contain that hold a secret, in lower case and without separators. `deviceCredential` is known
/// of `activateResponse`; the others are names that such a thing has elsewhere.
const CONTAINED: [&str; 11] = [
    "password",
    "passwd",
    "passcode",
    "passphrase",
    "secret",
    "credential",
    "apikey",
    "authkey",
    "privatekey",
    "presharedkey",
    "token",
];

/// What such names are as a whole, but for a number at their end: as a part they stand in other words.
const WHOLE: [&str; 8] = ["pwd", "pass", "pin", "pincode", "puk", "pukcode", "psk", "authorization"];

/// The members that name the value beside them, as in the platform's extended attributes and custom fields.
const NAMES: [&str; 6] = ["key", "name", "attribute", "label", "@name", "@key"];

/// The members that hold what such a name names.
const VALUES: [&str; 5] = ["value", "values", "val", "@value", "#text"];

/// Replaces every text, number and truth value in members that hold a secret, at any depth. Names stay, and so does
/// what is nil or blank.
pub(crate) fn redact(members: &mut Map<String, Value>) {
    let names_secret = |name: &&str| named(members, name).filter_map(value::text).any(|text| is_secret(&text));
    let holds_secret = NAMES.iter().any(names_secret);
    for (name, value) in members {
        if is_secret(name) || holds_secret && VALUES.iter().any(|value| value.eq_ignore_ascii_case(name)) {
            redact_values(value);
        } else {
            descend(value);
        }
    }
}

/// Replaces every text, number and truth value.
pub(crate) fn redact_values(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::Array(items) => items.iter_mut().for_each(redact_values),
        Value::Object(members) => members.values_mut().for_each(redact_values),
        leaf => *leaf = Value::from(REDACTED),
    }
}

fn descend(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(descend),
        Value::Object(members) => redact(members),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_time =
        ["changedat", "updatedat", "createdat", "expiresat", "expirydate"].iter().any(|end| name.ends_with(end));
    (!is_time && CONTAINED.iter().any(|secret| name.contains(secret))) || WHOLE.contains(&name)
}
