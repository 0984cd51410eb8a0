//! Reading versions of a secret.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use serde::{Deserialize, Serialize};

use crate::timing::PROPAGATION_DELAY;

/// The user name and password of callbacks. `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// At most 40 characters, as the platform requires.
    pub username: String,
    /// At most 40 characters, as the platform requires.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

/// Why a secret cannot be read or changed. Never contains a part of the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager is unreachable, refused or failed.
    #[error("Secrets Manager failed: {0}")]
    Unavailable(String),
    /// The secret does not exist or has no current version.
    #[error("the secret with the callback credentials has no current version")]
    Missing,
    /// The version contains something else.
    #[error("the secret with the callback credentials is not {{\"username\", \"password\"}}")]
    Malformed,
    /// The platform may still use the previous version, which another rotation would make invalid.
    #[error("the current credentials are too new to be replaced")]
    TooNew,
}

impl SecretError {
    pub(crate) fn unavailable<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug + 'static,
    {
        Self::Unavailable(aws::reason(error))
    }
}

/// A version of any secret.
pub struct SecretValue {
    /// Its contents.
    pub text: String,
    /// Its id.
    pub version_id: String,
    created: SystemTime,
}

/// The current version of a secret, if the secret exists.
///
/// # Errors
///
/// [`SecretError::Unavailable`].
pub async fn read(client: &Client, arn: &str) -> Result<Option<SecretValue>, SecretError> {
    send(client.get_secret_value().secret_id(arn)).await
}

/// A version of the callback credentials.
#[derive(Debug, Clone)]
pub struct Version {
    /// The credentials.
    pub credentials: Credentials,
    pub(crate) id: String,
    created: SystemTime,
}

impl Version {
    /// Whether this pending version belongs to a rotation that has ended: it is the current version, or another version
    /// was made current later. Its credentials then count for nothing.
    #[must_use]
    pub fn is_superseded_by(&self, current: &Self) -> bool {
        self.id == current.id || self.created <= current.created
    }

    /// The time since it was created.
    pub(crate) fn age(&self) -> Duration {
        self.created.elapsed().unwrap_or_default()
    }
}

/// The secret with the callback credentials, `{"username", "password"}`.
#[derive(Debug)]
pub struct CallbackSecret {
    pub(crate) client: Client,
    pub(crate) arn: String,
}

impl CallbackSecret {
    /// The secret with this ARN.
    #[must_use]
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self { client, arn: arn.into() }
    }

    /// Whether this is its ARN.
    #[must_use]
    pub fn has_arn(&self, arn: &str) -> bool {
        self.arn == arn
    }

    /// The current credentials, as soon as every listener accepts them. Listeners read the first version of a secret
    /// before anything else, so only a version that replaced another one is waited for.
    ///
    /// # Errors
    ///
    /// The secret cannot be read or has no current version.
    pub async fn current(&self) -> Result<Credentials, SecretError> {
        let (current, previous) = tokio::try_join!(self.stage("AWSCURRENT"), self.stage("AWSPREVIOUS"))?;
        let current = current.ok_or(SecretError::Missing)?;
        if previous.is_some() {
            tokio::time::sleep(PROPAGATION_DELAY.saturating_sub(current.age())).await;
        }
        Ok(current.credentials)
    }

    /// The version of this staging label (`AWSCURRENT`, `AWSPREVIOUS`, `AWSPENDING`), if there is one.
    ///
    /// # Errors
    ///
    /// The version cannot be read.
    pub async fn stage(&self, label: &str) -> Result<Option<Version>, SecretError> {
        self.version(self.client.get_secret_value().version_stage(label)).await
    }

    pub(crate) async fn version(&self, request: GetSecretValueFluentBuilder) -> Result<Option<Version>, SecretError> {
        let Some(value) = send(request.secret_id(&self.arn)).await? else { return Ok(None) };
        // The parser's error message could quote the secret.
        let credentials = serde_json::from_str(&value.text).map_err(|_| SecretError::Malformed)?;
        Ok(Some(Version { credentials, id: value.version_id, created: value.created }))
    }
}

/// The version that a request selects, if it exists.
pub(crate) async fn send(request: GetSecretValueFluentBuilder) -> Result<Option<SecretValue>, SecretError> {
    match request.send().await {
        Ok(value) => Ok(Some(SecretValue {
            version_id: value.version_id.unwrap_or_default(),
            created: value.created_date.and_then(|at| SystemTime::try_from(at).ok()).unwrap_or_else(SystemTime::now),
            text: value.secret_string.unwrap_or_default(),
        })),
        Err(error) if matches!(error.as_service_error(), Some(GetSecretValueError::ResourceNotFoundException(_))) => {
            Ok(None)
        }
        Err(error) => Err(SecretError::unavailable(&error)),
    }
}
