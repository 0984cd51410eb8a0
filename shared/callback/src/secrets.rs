//! Leaving secrets out of a payload. The credentials that the sender echoes are taken before, in `envelope`.

use serde_json::{Map, Value};

/// What stands in the place of a secret.
const LEFT_OUT: &str = "[left out: a secret]";

/// How the names of members end that hold a secret, in lower case and without separators. `deviceCredential` is known of
/// `activateResponse`; the others are names that such a thing has elsewhere.
const SECRETS: [&str; 11] = [
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passcode",
    "passphrase",
    "secret",
    "secrets",
    "secretkey",
    "credential",
    "credentials",
];

/// Replaces every text, number and truth value in members that hold a secret, at any depth. Names stay, and so does
/// what is nil or blank.
pub(crate) fn leave_out(members: &mut Map<String, Value>) {
    for (name, value) in members {
        if is_secret(name) { replace(value) } else { descend(value) }
    }
}

/// Replaces every text, number and truth value.
pub(crate) fn replace(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::Array(items) => items.iter_mut().for_each(replace),
        Value::Object(members) => members.values_mut().for_each(replace),
        leaf => *leaf = Value::from(LEFT_OUT),
    }
}

fn descend(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(descend),
        Value::Object(members) => leave_out(members),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    SECRETS.iter().any(|secret| name.ends_with(secret))
}
