//! The outcome of a request: parses faults and statuses.

use serde_json::{Map, Value};

use crate::value::{self, each, named, the_one};
use crate::wrapper::wrapped;

/// The outcome of a request, as far as the message states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `status` or `Comment` is `Success`.
    Succeeded,
    /// There is a fault with contents, or the status is `Failed`.
    Failed {
        /// `<ServiceName>.<error code>`, where given.
        code: Option<String>,
        /// The fault's text, where given.
        text: Option<String>,
    },
    /// A status outside the known ones, as sent (`warning`).
    Other(String),
    /// Neither fault nor status, as in a notification.
    Unstated,
}

/// The names of a fault in SOAP and in REST.
const FAULTS: [&str; 2] = ["Fault", "faultResponse"];

impl Outcome {
    pub(crate) fn of(payload: &Map<String, Value>) -> Self {
        if let Some(failed) = Self::fault_in(payload) {
            return failed;
        }
        if let Some(failed) = wrapped(payload).find_map(Self::fault_in) {
            return failed;
        }
        let data = named(payload, "Data").filter_map(|value| the_one(value).as_object());
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

    /// The failure that is stated by a member of these. A fault without contents is none: SOAP has its slot in every
    /// message.
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

    /// The same, with no text longer than `most` and what it is bounded to itself.
    #[must_use]
    pub(crate) fn bounded(&self, most: usize) -> Self {
        match self {
            Self::Failed { code, text } => Self::Failed {
                code: code.as_deref().map(|code| value::cut(code, most.min(MAX_CODE_BYTES))),
                text: text.as_deref().map(|text| value::cut(text, most.min(MAX_TEXT_BYTES))),
            },
            Self::Other(status) => Self::Other(value::cut(status, most.min(MAX_CODE_BYTES))),
            Self::Succeeded | Self::Unstated => self.clone(),
        }
    }
}

/// The longest code or status of a part.
const MAX_CODE_BYTES: usize = 256;

/// The longest text of a part's fault.
const MAX_TEXT_BYTES: usize = 1024;
