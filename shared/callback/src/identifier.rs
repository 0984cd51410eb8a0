//! A single identifier of a device, in either transport's form.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::open_enum::Kind;
use crate::value::{self, named};

/// An identifier of a device as the platform sent it: the kind keeps its spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentifier {
    /// `Kind` or `kind`, as spelled by the sender.
    pub kind: String,
    /// `Identifier` or `id`.
    pub value: String,
}

impl DeviceIdentifier {
    /// Parses `{Kind, Identifier}` (SOAP) or `{id, kind}` (REST), with or without attributes.
    ///
    /// # Errors
    ///
    /// Returns the value if it is something else or has further members.
    pub fn read(value: Value) -> Result<Self, Value> {
        value.as_object().and_then(Self::of).ok_or(value)
    }

    /// The identifier that an object is, if it has no other members than attributes.
    pub(crate) fn of(members: &Map<String, Value>) -> Option<Self> {
        if Self::has_more(members) { None } else { Self::among(members) }
    }

    /// Whether an object has members that are not part of an identifier.
    pub(crate) fn has_more(members: &Map<String, Value>) -> bool {
        let part = |name: &str| ["kind", "identifier", "id"].iter().any(|part| part.eq_ignore_ascii_case(name));
        members.iter().any(|(name, value)| !name.starts_with('@') && !part(name) && !value::is_nil(value))
    }

    /// The identifier among an object's members, which may have others.
    pub(crate) fn among(members: &Map<String, Value>) -> Option<Self> {
        let text = |names: &[&str]| {
            names.iter().find_map(|name| named(members, name).find_map(value::text)).map(std::borrow::Cow::into_owned)
        };
        Some(Self { kind: text(&["kind"])?, value: text(&["identifier", "id"])? })
    }

    /// The kind and the value in canonical form, if they are valid.
    pub(crate) fn canonical(&self) -> Option<(Kind, String)> {
        let kind = self.kind();
        kind.canonical(&self.value).map(|value| (kind, value))
    }

    /// The kind, ignoring its spelling.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from(self.kind.as_str())
    }
}
