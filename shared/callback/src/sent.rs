//! A member that was sent with a value, sent as nil, or not sent.

use serde::Serialize;

/// A member that is absent, nil, or has a value. An empty element or string is a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub enum Sent<T> {
    /// The member is absent.
    #[default]
    Absent,
    /// `xsi:nil="true"`, or JSON's `null`.
    Nil,
    /// The member has this value.
    Value(T),
}

impl<T> Sent<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Nil => None,
        }
    }

    /// Converts the value.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Sent<U> {
        match self {
            Self::Absent => Sent::Absent,
            Self::Nil => Sent::Nil,
            Self::Value(value) => Sent::Value(turn(value)),
        }
    }
}
