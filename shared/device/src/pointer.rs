//! JSON pointers (RFC 6901): the position of a value in a payload.

use callback::{Map, Value};

/// The pointer to the first occurrence of a value in an object.
pub(crate) fn pointer_to(members: &Map<String, Value>, value: &Value) -> Option<String> {
    members.iter().find_map(|(name, here)| below(&name.replace('~', "~0").replace('/', "~1"), here, value))
}

fn below(step: &str, here: &Value, value: &Value) -> Option<String> {
    let rest = match here {
        here if here == value => Some(String::new()),
        Value::Object(members) => pointer_to(members, value),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(place, item)| below(&place.to_string(), item, value))
        }
        _ => None,
    };
    rest.map(|rest| format!("/{step}{rest}"))
}
