//! JSON pointers (RFC 6901): where in a payload a value stands.

use callback::{Map, Value};

/// The pointer to the outermost place at which an object has this value.
pub(crate) fn pointer_to(members: &Map<String, Value>, value: &Value) -> Option<String> {
    let members = members.iter().map(|(name, member)| (name.replace('~', "~0").replace('/', "~1"), member));
    find(members, value)
}

fn find<'a>(places: impl Iterator<Item = (String, &'a Value)> + Clone, value: &Value) -> Option<String> {
    places.clone().find(|(_, here)| *here == value).map(|(step, _)| format!("/{step}")).or_else(|| {
        places.into_iter().find_map(|(step, here)| {
            let within = match here {
                Value::Object(members) => pointer_to(members, value),
                Value::Array(items) => {
                    find(items.iter().enumerate().map(|(place, item)| (place.to_string(), item)), value)
                }
                _ => None,
            };
            within.map(|path| format!("/{step}{path}"))
        })
    })
}
