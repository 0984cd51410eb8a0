//! Redacts secrets in a payload. The callback credentials are removed earlier, in `envelope`.

use serde_json::{Map, Value};

use crate::value::{self, named};

/// The replacement of a secret.
const REDACTED: &str = "[left out: a secret]";

/// Parts of the names of members with secrets, in lower case and without separators. `deviceCredential` occurs in
/// `activateResponse`; the others are usual names of secrets.
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

/// Complete names of members with secrets, optionally with a number at their end. As parts they occur in other words.
const WHOLE: [&str; 8] = ["pwd", "pass", "pin", "pincode", "puk", "pukcode", "psk", "authorization"];

/// Members that contain the name of the value beside them, as in extended attributes and custom fields.
pub(crate) const NAMES: [&str; 6] = ["key", "name", "attribute", "label", "@name", "@key"];

/// Members that contain the value for such a name.
pub(crate) const VALUES: [&str; 5] = ["value", "values", "val", "@value", "#text"];

/// Replaces every text, number and boolean in members with secrets, at any depth. Names, nil and blank values are
/// unchanged.
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

/// Replaces every text, number and boolean.
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

pub(crate) fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_time =
        ["changedat", "updatedat", "createdat", "expiresat", "expirydate"].iter().any(|end| name.ends_with(end));
    (!is_time && CONTAINED.iter().any(|secret| name.contains(secret))) || WHOLE.contains(&name)
}
