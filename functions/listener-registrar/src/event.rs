//! The events that invoke the function, and how each is handled.

use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;

use crate::deployment::Deployment;
use crate::registrar::Registrar;
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
    /// The alarm for failed callbacks of EnhancedConnectivityService ends, or a person: `{"resume": "sms"}`.
    Resume {
        /// What to resume.
        resume: ResumeKind,
    },
}

/// What the platform resumes on request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResumeKind {
    /// The delivery of queued text messages (SMS).
    Sms,
}

/// What a check compares.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// The actual registrations with the expected ones.
    Registrations,
}

impl Registrar {
    /// Handles an event.
    ///
    /// # Errors
    ///
    /// What failed. The failure of a deployment is reported to CloudFormation instead.
    pub async fn handle(&self, event: Event, request_id: &str) -> Result<Value, Error> {
        match event {
            // Boxed: the layout of all of them in one future would exceed a limit of the compiler.
            Event::Deployment(deployment) => Box::pin(self.deploy(&deployment, request_id)).await?,
            Event::Rotation(rotation) => Box::pin(self.rotate(&rotation, request_id)).await?,
            Event::Check { check: CheckKind::Registrations } => Box::pin(self.check(request_id)).await?,
            Event::Resume { resume: ResumeKind::Sms } => Box::pin(self.resume_sms()).await?,
        }
        Ok(Value::Null)
    }
}
