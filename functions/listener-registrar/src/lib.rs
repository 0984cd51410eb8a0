//! Keeps the platform's registrations equal to the stack's endpoints: on deployment and deletion ([`deployment`]), when
//! the listener's secret rotates ([`rotation`]), and every day ([`check`]).
//!
//! How the platform is spoken to is `shared/registration`'s; here is only when, and with which URLs and credentials.

mod announcement;
mod check;
mod deployment;
mod rotation;
mod secret;
mod target;

use std::time::Duration;

use aws::Metrics;
use aws_config::SdkConfig;
use lambda_runtime::Error;
use registration::{Credentials, Done, Invalid, Platform};
use serde::Deserialize;
use serde_json::Value;

use announcement::Announcer;
pub use deployment::Deployment;
pub use rotation::Rotation;
pub use secret::{KNOWN_AFTER, ListenerSecret, SecretError, platform_login};
pub use target::{Properties, Target};

/// What wakes the function.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// CloudFormation creates, updates or deletes the stack's registrations.
    Deployment(Box<Deployment>),
    /// Secrets Manager rotates the listener's secret.
    Rotation(Rotation),
    /// The schedule, or a person: `{"check": "registrations"}`.
    Check {
        /// What to check. There is one thing.
        check: Checked,
    },
}

/// What a check looks at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checked {
    /// Whether all is registered as it should be.
    Registrations,
}

/// The function.
#[derive(Debug)]
pub struct Registrar {
    properties: Properties,
    secrets: aws_sdk_secretsmanager::Client,
    platform_secret: String,
    /// `None` where callbacks carry no credentials.
    listener_secret: Option<ListenerSecret>,
    announcer: Announcer,
    http: reqwest::Client,
}

/// Why something could not be brought about.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// A parameter of the stack.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Platform(registration::Error),
    /// The platform took some registrations and refused others.
    #[error("{} of {all} could not be registered: {}", .failed.len(), .failed.join("; "))]
    Some { failed: Vec<String>, all: usize },
    #[error("there was no time left")]
    TooSlow,
    #[error("CloudFormation does not take the answer")]
    Unanswered,
}

impl From<registration::Error> for Trouble {
    fn from(error: registration::Error) -> Self {
        match error {
            registration::Error::Invalid(invalid) => Self::Invalid(invalid),
            error => Self::Platform(error),
        }
    }
}

impl Registrar {
    /// Reads the settings from variables of this name.
    ///
    /// # Errors
    ///
    /// A setting is missing.
    pub fn new(aws: &SdkConfig, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let required = |name: &str| variable(name).ok_or_else(|| format!("{name} is not set."));
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        let listener_secret = match variable("CALLBACK_CREDENTIALS").as_deref() {
            Some("none") => None,
            _ => Some(ListenerSecret::new(secrets.clone(), required("CREDENTIALS_SECRET_ARN")?)),
        };
        Ok(Self {
            properties: Properties {
                account_names: required("ACCOUNT_NAMES")?,
                api: required("PLATFORM_API")?,
                services: required("CALLBACK_SERVICES")?,
                callback_base_url: required("CALLBACK_BASE_URL")?,
                platform_url: variable("PLATFORM_URL").unwrap_or_default(),
            },
            secrets,
            platform_secret: required("PLATFORM_CREDENTIALS_SECRET_ARN")?,
            listener_secret,
            announcer: Announcer {
                sns: aws_sdk_sns::Client::new(aws),
                topic: required("DEVICE_EVENTS_TOPIC_ARN")?,
                metrics: Metrics::Log { stack: required("STACK_NAME")? },
            },
            http: reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?,
        })
    }

    /// Does what an event asks for.
    ///
    /// # Errors
    ///
    /// What could not be done, but for deployments, which are told themselves. Lambda and Secrets Manager then try again.
    pub async fn handle(&self, event: Event, request_id: &str) -> Result<Value, Error> {
        match event {
            // Boxed: the whole of what may happen, in one future, is more than the compiler lays out.
            Event::Deployment(deployment) => Box::pin(self.deploy(&deployment)).await?,
            Event::Rotation(rotation) => Box::pin(self.rotate(&rotation)).await?,
            Event::Check { check: Checked::Registrations } => Box::pin(self.check(request_id)).await?,
        }
        Ok(Value::Null)
    }

    /// The platform that the stack's parameters name.
    async fn platform(&self, target: &Target) -> Result<Platform, Trouble> {
        let login = platform_login(&self.secrets, &self.platform_secret).await?;
        Ok(Platform::new(target.api, &target.platform_url, login)?)
    }

    /// The credentials that callbacks should carry, once all listeners take them.
    async fn credentials(&self) -> Result<Credentials, SecretError> {
        match &self.listener_secret {
            Some(secret) => secret.current().await,
            None => Ok(Credentials::default()),
        }
    }

    /// Brings about what a target says, with these credentials. What became of each registration is in `done`, also
    /// where not all accounts were reached; [`refusals`] tells of those that could not be made.
    async fn repair(&self, target: &Target, credentials: &Credentials, done: &mut Vec<Done>) -> Result<(), Trouble> {
        let platform = self.platform(target).await?;
        for account in &target.accounts {
            let repaired = platform.repair(account, target.registrations(account, credentials)?).await?;
            log(&repaired);
            done.extend(repaired);
        }
        platform.log_out().await;
        Ok(())
    }
}

/// An error if the platform refused some of these.
fn refusals<'a>(done: impl Iterator<Item = &'a Done> + Clone) -> Result<(), Trouble> {
    let all = done.clone().count();
    let failure = |one: &Done| match &one.outcome {
        Some(Err(error)) => Some(format!("{}: {error}", one.comparison.wanted.service())),
        _ => None,
    };
    let failed: Vec<String> = done.filter_map(failure).collect();
    if failed.is_empty() { Ok(()) } else { Err(Trouble::Some { failed, all }) }
}

fn log(done: &[Done]) {
    for Done { comparison, outcome } in done {
        let (account, service) = (comparison.wanted.account(), comparison.wanted.service());
        let found = &comparison.standing;
        match outcome {
            None => {}
            Some(Ok(())) => tracing::info!(message = "Done.", %account, service, ?found),
            Some(Err(error)) => tracing::warn!(message = "Refused.", %account, service, ?found, %error),
        }
    }
}
