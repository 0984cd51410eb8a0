//! Leaving secrets out of a payload. The credentials that the sender echoes are taken before, in `envelope`.

use serde_json::{Map, Value};

use crate::value::{self, named};

/// What stands in the place of a secret.
const LEFT_OUT: &str = "[left out: a secret]";

/// How the names of members end that hold a secret, in lower case and without separators or a number. `deviceCredential` is known of
/// `activateResponse`; the others are names that such a thing has elsewhere.
const SECRETS: [&str; 14] = [
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
    "apikey",
    "accesstoken",
    "privatekey",
];

/// The members that name the value beside them, as in the platform's extended attributes and custom fields.
const NAMES: [&str; 2] = ["key", "name"];

/// Replaces every text, number and truth value in members that hold a secret, at any depth. Names stay, and so does
/// what is nil or blank.
pub(crate) fn leave_out(members: &mut Map<String, Value>) {
    let names_secret = |name: &&str| named(members, name).filter_map(value::text).any(|text| is_secret(&text));
    let holds_secret = NAMES.iter().any(names_secret);
    for (name, value) in members {
        if is_secret(name) || holds_secret && name.eq_ignore_ascii_case("value") {
            replace(value);
        } else {
            descend(value);
        }
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
    let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    SECRETS.iter().any(|secret| name.ends_with(secret))
}
