//! The outermost wrappers of a payload, within which the members of a service are sent.

use serde_json::{Map, Value};

use crate::value::{named, only_item};

/// SOAP's wrapper and REST's.
const WRAPPERS: [&str; 2] = ["Data", "deviceResponse"];

/// The members within each wrapper that a payload has.
pub(crate) fn wrapped(payload: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    WRAPPERS.iter().flat_map(|wrapper| named(payload, wrapper)).filter_map(|value| only_item(value).as_object())
}

/// Whether a member is a wrapper.
pub(crate) fn is_wrapper(name: &str) -> bool {
    WRAPPERS.iter().any(|wrapper| wrapper.eq_ignore_ascii_case(name))
}
