//! The events that the function handles.

use serde::Deserialize;

use crate::deployment::Deployment;
use crate::rotation::Rotation;

/// What invokes the function.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// CloudFormation creates, updates or deletes the stack's registrations.
    Deployment(Box<Deployment>),
    /// Secrets Manager rotates the callback credentials.
    Rotation(Rotation),
    /// The schedule, or a person: `{"check": "registrations"}`.
    Check {
        /// What to check.
        check: CheckKind,
    },
}

/// What a check compares.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// The actual registrations with the expected ones.
    Registrations,
}
