//! The outcome of a request: parses faults and statuses.

use serde_json::{Map, Value};

use crate::value::{self, each, named, only_item};
use crate::wrapper::wrapped;

/// The outcome of a request, as far as the message states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `status` or `Comment` is `Success`.
    Succeeded,
    /// There is a fault with contents, or the status is `Failed`.
    Failed {
        /// `<ServiceName>.<error code>`, if given.
        code: Option<String>,
        /// The text of the fault, if given.
        text: Option<String>,
    },
    /// A status outside the known ones, as sent (`warning`).
    Other(String),
    /// Neither fault nor status, as in a notification.
    Unstated,
}

/// The names of the fault member in SOAP and REST.
const FAULTS: [&str; 2] = ["Fault", "faultResponse"];

impl Outcome {
    pub(crate) fn of(payload: &Map<String, Value>) -> Self {
        if let Some(failed) = Self::fault_in(payload) {
            return failed;
        }
        if let Some(failed) = wrapped(payload).find_map(Self::fault_in) {
            return failed;
        }
        let data = named(payload, "Data").filter_map(|value| only_item(value).as_object());
        let places: Vec<_> = data.chain([payload]).collect();
        let stated = |name| {
            let texts = places.iter().flat_map(|place| named(place, name)).filter_map(value::text);
            texts.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
        };
        match stated("status") {
            Some(status) if status.eq_ignore_ascii_case("success") => Self::Succeeded,
            Some(status) if status.eq_ignore_ascii_case("failed") => Self::Failed { code: None, text: None },
            Some(status) => Self::Other(status),
            None => match stated("Comment") {
                Some(comment) if comment.eq_ignore_ascii_case("success") => Self::Succeeded,
                _ => Self::Unstated,
            },
        }
    }

    /// The fault among these members. An empty fault is none: every SOAP message has the slot.
    pub(crate) fn fault_in(members: &Map<String, Value>) -> Option<Self> {
        let mut faults = FAULTS.iter().flat_map(|name| named(members, name)).flat_map(each);
        let fault = faults.find(|fault| !value::is_empty(fault) && **fault != Value::Bool(false))?;
        let part = |names: &[&str]| {
            let parts = names.iter().flat_map(|name| named(fault.as_object()?, name).next());
            parts.filter_map(value::text).find(|text| !text.trim().is_empty()).map(std::borrow::Cow::into_owned)
        };
        Some(Self::Failed {
            code: part(&["faultcode", "code"]),
            text: part(&["faultstring", "message"]).or_else(|| value::text(fault).map(std::borrow::Cow::into_owned)),
        })
    }

    /// Whether a member is a fault, with or without contents.
    pub(crate) fn is_fault(name: &str) -> bool {
        FAULTS.iter().any(|fault| fault.eq_ignore_ascii_case(name))
    }

    /// The same, with texts truncated to `max` bytes and to their own limits.
    #[must_use]
    pub(crate) fn bounded(&self, max: usize) -> Self {
        match self {
            Self::Failed { code, text } => Self::Failed {
                code: code.as_deref().map(|code| value::truncate(code, max.min(MAX_CODE_BYTES))),
                text: text.as_deref().map(|text| value::truncate(text, max.min(MAX_TEXT_BYTES))),
            },
            Self::Other(status) => Self::Other(value::truncate(status, max.min(MAX_CODE_BYTES))),
            Self::Succeeded | Self::Unstated => self.clone(),
        }
    }
}

/// Maximum length of a code or status, in bytes.
const MAX_CODE_BYTES: usize = 256;

/// Maximum length of the text of a fault, in bytes.
const MAX_TEXT_BYTES: usize = 1024;
