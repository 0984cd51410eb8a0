//! Keeps the platform's registrations equal to the stack's endpoints: on deployment and deletion ([`deployment`]), when
//! the listener's secret rotates ([`rotation`]), and every day ([`check`]).
//!
//! How the platform is spoken to is `shared/registration`'s; here is only when, and with which URLs and credentials.

mod announcement;
mod check;
mod deployment;
mod memory;
mod rotation;
mod secret;
mod target;

use std::time::Duration;

use aws::Metrics;
use aws_config::SdkConfig;
use lambda_runtime::Error;
use registration::{AccountName, Comparison, Credentials, Done, Invalid, Platform, Standing};
use serde::Deserialize;
use serde_json::Value;

use announcement::Announcer;
use memory::{Memory, MemoryError};

pub use deployment::Deployment;
pub use rotation::Rotation;
pub use secret::{KNOWN_AFTER, ListenerSecret, SecretError, platform_login};
pub use target::{Properties, Target};

/// A login that was refused so often is not tried again until it changes: five wrong passwords in a row lock it, and the
/// other two are for the person who mends it.
const MOST_REFUSALS: u32 = 3;

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
    stacks: aws_sdk_cloudformation::Client,
    platform_secret: String,
    /// `None` where callbacks carry no credentials.
    listener_secret: Option<ListenerSecret>,
    memory: Memory,
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
    Memory(#[from] MemoryError),
    #[error(transparent)]
    Platform(registration::Error),
    #[error(
        "the platform has refused this login {MOST_REFUSALS} times: it is not tried again until its secret changes"
    )]
    LoginGivenUp,
    /// The platform took some and refused others.
    #[error("{} of {all} went wrong: {}", .failed.len(), .failed.join("; "))]
    Some { failed: Vec<String>, all: usize },
    #[error("{0}")]
    NotYet(&'static str),
    #[error("the stack is not deleted: what is registered stays, and is not looked after any more")]
    Left,
    #[error("there was no time left")]
    TooSlow,
    #[error("the function panicked; its log says where")]
    Panicked,
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

/// What became of a target's registrations.
#[derive(Debug, Default)]
struct Work {
    done: Vec<Done>,
    /// Accounts that could not be looked at, and why.
    unlisted: Vec<String>,
}

impl Work {
    /// An error if something went wrong, of those registrations that count.
    fn outcome(&self, counts: impl Fn(&Comparison) -> bool) -> Result<(), Trouble> {
        let counting = self.done.iter().filter(|one| counts(&one.comparison));
        let all = counting.clone().count() + self.unlisted.len();
        let failure = |one: &Done| match &one.outcome {
            Some(Err(error)) => Some(format!("{}: {error}", one.comparison.wanted.service())),
            _ => None,
        };
        let failed: Vec<_> = counting.filter_map(failure).chain(self.unlisted.iter().cloned()).collect();
        if failed.is_empty() { Ok(()) } else { Err(Trouble::Some { failed, all }) }
    }
}

impl Registrar {
    /// Reads the settings from variables of this name. Those that a customer sets are looked at when they are needed, so
    /// that whoever deploys is told of a wrong one.
    ///
    /// # Errors
    ///
    /// A setting that the stack makes itself is missing.
    pub fn new(aws: &SdkConfig, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let optional = |name: &str| variable(name).unwrap_or_default();
        let required =
            |name: &str| variable(name).filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} is not set."));
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        let listener_secret = match optional("CALLBACK_CREDENTIALS").as_str() {
            "none" => None,
            _ => Some(ListenerSecret::new(secrets.clone(), required("CREDENTIALS_SECRET_ARN")?)),
        };
        Ok(Self {
            properties: Properties {
                account_names: optional("ACCOUNT_NAMES"),
                api: optional("PLATFORM_API"),
                services: optional("CALLBACK_SERVICES"),
                callback_base_url: optional("CALLBACK_BASE_URL"),
                platform_url: optional("PLATFORM_URL"),
            },
            secrets,
            stacks: aws_sdk_cloudformation::Client::new(aws),
            platform_secret: required("PLATFORM_CREDENTIALS_SECRET_ARN")?,
            listener_secret,
            memory: Memory::new(aws_sdk_dynamodb::Client::new(aws), required("REGISTRAR_TABLE_NAME")?),
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
    /// What could not be done, but for deployments, which are told themselves.
    pub async fn handle(&self, event: Event, request_id: &str) -> Result<Value, Error> {
        match event {
            // Boxed: the whole of what may happen, in one future, is more than the compiler lays out.
            Event::Deployment(deployment) => Box::pin(self.deploy(&deployment, request_id)).await?,
            Event::Rotation(rotation) => Box::pin(self.rotate(&rotation, request_id)).await?,
            Event::Check { check: Checked::Registrations } => Box::pin(self.check(request_id)).await?,
        }
        Ok(Value::Null)
    }

    /// The credentials that callbacks should carry, once all listeners take them.
    async fn credentials(&self) -> Result<Credentials, SecretError> {
        match &self.listener_secret {
            Some(secret) => secret.current().await,
            None => Ok(Credentials::default()),
        }
    }

    /// Brings about what a target says, with these credentials; these others are right too. What was not as it was
    /// expected before is told of as soon as it is repaired.
    async fn repair(
        &self,
        target: &Target,
        credentials: &Credentials,
        others: &[Credentials],
        request_id: &str,
        expected: impl Fn(&Comparison) -> bool,
    ) -> Result<Work, Trouble> {
        let expected = &expected;
        let work = self.for_each_account(target, async |platform, account| {
            let done = platform.repair(account, target.registrations(account, credentials)?, others).await?;
            self.announcer.announce(&done, request_id, expected).await;
            Ok(done)
        });
        let work = work.await?;
        let replaced = |one: &Done| one.comparison.standing == Standing::OtherCredentials && one.outcome.is_some();
        if work.done.iter().any(replaced) {
            self.memory.handed_over().await?;
        }
        Ok(work)
    }

    /// Does something at the platform for each account of a target. One that cannot be looked at stops no others.
    async fn for_each_account(
        &self,
        target: &Target,
        act: impl AsyncFn(&Platform, &AccountName) -> Result<Vec<Done>, registration::Error>,
    ) -> Result<Work, Trouble> {
        let (login, version) = platform_login(&self.secrets, &self.platform_secret).await?;
        let refusals = self.memory.refusals(&version).await;
        if refusals >= MOST_REFUSALS {
            return Err(Trouble::LoginGivenUp);
        }
        let platform = Platform::new(target.api, &target.platform_url, login)?;
        let mut work = Work::default();
        for account in &target.accounts {
            match act(&platform, account).await {
                Ok(done) => {
                    log(&done);
                    work.done.extend(done);
                }
                Err(error) if error.stops_all() => {
                    if error.is_of_the_login() {
                        self.memory.refused(&version, refusals + 1).await;
                    }
                    return Err(error.into());
                }
                Err(error @ registration::Error::Invalid(_)) => return Err(error.into()),
                Err(error) => work.unlisted.push(format!("{account}: {error}")),
            }
        }
        platform.log_out().await;
        if refusals > 0 {
            self.memory.refused(&version, 0).await;
        }
        Ok(work)
    }
}

fn log(done: &[Done]) {
    for Done { comparison, outcome } in done {
        let (account, service) = (comparison.wanted.account(), comparison.wanted.service());
        let found = &comparison.standing;
        match outcome {
            None => {}
            Some(Ok(())) => tracing::info!(message = "Done.", %account, service, %found),
            Some(Err(error)) => tracing::warn!(message = "Refused.", %account, service, %found, %error),
        }
    }
}
