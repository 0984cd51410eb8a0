//! The two secrets: the listener's, which the platform is given, and the platform's, which the customer keeps.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use registration::{Credentials, Login};
use serde_json::json;

/// By this age a version of the listener's secret counts at every listener: a listener that meets unknown credentials
/// looks again when its own knowledge is a minute old (`listener::FETCH_AGAIN_AFTER`). The rest is for clocks that differ.
pub const KNOWN_AFTER: Duration = Duration::from_secs(65);

/// A password that the platform was told to give up was seen for 14 minutes more. Until then the one before the current
/// one must count, and another rotation would end that.
pub(crate) const GIVEN_UP_AFTER: Duration = Duration::from_secs(20 * 60);

/// The platform takes no more characters.
const PASSWORD_LENGTH: i64 = 40;

/// A secret cannot be had or changed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String);

impl SecretError {
    fn of<E, R>(what: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        Self(format!("{what}: {}", aws::reason(error)))
    }
}

/// The login that the customer keeps for us, as JSON (see [`Login::from_json`]), and the id of its version.
///
/// # Errors
///
/// The secret is not there, cannot be read or holds something else.
pub async fn platform_login(client: &Client, arn: &str) -> Result<(Login, String), SecretError> {
    let found = found(client.get_secret_value().secret_id(arn)).await?;
    let found = found.ok_or_else(|| SecretError("The secret with the platform's login is not there.".to_owned()))?;
    let login = Login::from_json(found.secret_string().unwrap_or_default());
    Ok((
        login.map_err(|error| SecretError(format!("The secret with the platform's login: {error}.")))?,
        found.version_id.unwrap_or_default(),
    ))
}

/// The secret whose versions the listeners take: `{"username", "password"}`.
#[derive(Debug)]
pub struct ListenerSecret {
    client: Client,
    arn: String,
}

/// A version of it.
#[derive(Debug)]
struct Version {
    credentials: Credentials,
    created: SystemTime,
}

impl ListenerSecret {
    /// The secret with this ARN.
    #[must_use]
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self { client, arn: arn.into() }
    }

    /// Whether this is its ARN.
    pub(crate) fn is(&self, arn: &str) -> bool {
        self.arn == arn
    }

    /// The current credentials, once all listeners take them. Those of a new secret are the first they meet; those that
    /// took the place of others are waited for.
    ///
    /// # Errors
    ///
    /// The secret cannot be read.
    pub async fn current(&self) -> Result<Credentials, SecretError> {
        let (current, previous) = tokio::try_join!(self.staged("AWSCURRENT"), self.staged("AWSPREVIOUS"))?;
        let current = current.ok_or_else(|| SecretError("The listener's secret has no current version.".to_owned()))?;
        if previous.is_some() {
            tokio::time::sleep(KNOWN_AFTER.saturating_sub(current.age())).await;
        }
        Ok(current.credentials)
    }

    /// The credentials that a rotation makes, if they have been made.
    pub(crate) async fn of_rotation(&self, token: &str) -> Result<Option<Credentials>, SecretError> {
        let request = self.client.get_secret_value().version_id(token).version_stage("AWSPENDING");
        Ok(self.version(request).await?.map(|version| version.credentials))
    }

    /// The credentials of a rotation that is under way.
    pub(crate) async fn pending(&self) -> Result<Option<Credentials>, SecretError> {
        Ok(self.staged("AWSPENDING").await?.map(|version| version.credentials))
    }

    /// Whether these are the current credentials.
    pub(crate) async fn has(&self, credentials: &Credentials) -> Result<bool, SecretError> {
        Ok(self.staged("AWSCURRENT").await?.is_some_and(|current| current.credentials == *credentials))
    }

    /// Makes the version of a rotation: the user name stays, the password is new.
    pub(crate) async fn make(&self, token: &str) -> Result<(), SecretError> {
        let (current, previous) = tokio::try_join!(self.staged("AWSCURRENT"), self.staged("AWSPREVIOUS"))?;
        if previous.is_some() && current.as_ref().is_some_and(|current| current.age() < GIVEN_UP_AFTER) {
            return Err(SecretError("The current credentials are too new to be replaced.".to_owned()));
        }
        let username = current.map(|current| current.credentials.username).unwrap_or_default();
        let password = self.client.get_random_password().password_length(PASSWORD_LENGTH).exclude_punctuation(true);
        let password = password.send().await.map_err(|error| SecretError::of("No password was made", &error))?;
        let value = json!({ "username": username, "password": password.random_password() });
        let put = self.client.put_secret_value().secret_id(&self.arn).client_request_token(token);
        let put = put.version_stages("AWSPENDING").secret_string(value.to_string()).send().await;
        put.map(drop).map_err(|error| SecretError::of("The new credentials cannot be kept", &error))
    }

    /// Makes the version of a rotation the current one.
    pub(crate) async fn finish(&self, token: &str) -> Result<(), SecretError> {
        let current = found(self.client.get_secret_value().secret_id(&self.arn).version_stage("AWSCURRENT")).await?;
        let current = current.as_ref().and_then(GetSecretValueOutput::version_id);
        if current == Some(token) {
            return Ok(());
        }
        let staged = self.client.update_secret_version_stage().secret_id(&self.arn).version_stage("AWSCURRENT");
        let staged = staged.move_to_version_id(token).set_remove_from_version_id(current.map(str::to_owned));
        staged
            .send()
            .await
            .map(drop)
            .map_err(|error| SecretError::of("The new credentials cannot be made current", &error))
    }

    async fn staged(&self, stage: &str) -> Result<Option<Version>, SecretError> {
        self.version(self.client.get_secret_value().version_stage(stage)).await
    }

    async fn version(&self, request: GetSecretValueFluentBuilder) -> Result<Option<Version>, SecretError> {
        let Some(found) = found(request.secret_id(&self.arn)).await? else { return Ok(None) };
        // The parser's own words could quote the secret.
        let unreadable = |_| SecretError("The listener's secret is not {\"username\", \"password\"}.".to_owned());
        let credentials = serde_json::from_str(found.secret_string().unwrap_or_default()).map_err(unreadable)?;
        let created = found.created_date().and_then(|created| SystemTime::try_from(*created).ok());
        Ok(Some(Version { credentials, created: created.unwrap_or_else(SystemTime::now) }))
    }
}

impl Version {
    fn age(&self) -> Duration {
        self.created.elapsed().unwrap_or_default()
    }
}

/// What is there; `None` for a version that is not.
async fn found(request: GetSecretValueFluentBuilder) -> Result<Option<GetSecretValueOutput>, SecretError> {
    match request.send().await {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.as_service_error(), Some(GetSecretValueError::ResourceNotFoundException(_))) => {
            Ok(None)
        }
        Err(error) => Err(SecretError::of("A secret cannot be read", &error)),
    }
}
