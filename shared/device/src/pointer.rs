//! JSON pointers (RFC 6901): where in a payload a value stands.

use callback::{Map, Value};

/// The pointer to the outermost place at which an object has this value.
pub(crate) fn pointer_to(members: &Map<String, Value>, value: &Value) -> Option<String> {
    let places = members.iter().map(|(name, member)| (name.replace('~', "~0").replace('/', "~1"), member));
    find(&places.collect::<Vec<_>>(), value)
}

fn find(places: &[(String, &Value)], value: &Value) -> Option<String> {
    places.iter().find(|(_, here)| *here == value).map(|(step, _)| format!("/{step}")).or_else(|| {
        places.iter().find_map(|(step, here)| {
            let within = match here {
                Value::Object(members) => pointer_to(members, value),
                Value::Array(items) => {
                    let places = items.iter().enumerate().map(|(place, item)| (place.to_string(), item));
                    find(&places.collect::<Vec<_>>(), value)
                }
                _ => None,
            };
            within.map(|path| format!("/{step}{path}"))
        })
    })
}
