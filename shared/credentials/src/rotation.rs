//! The steps of a rotation that read and write versions of the secret.

use crate::secret::{CallbackSecret, Credentials, SecretError, send};
use crate::timing::PLATFORM_SWITCHOVER;

/// Maximum length that the platform accepts, in characters.
const PASSWORD_LENGTH: i64 = 40;

impl CallbackSecret {
    /// The pending credentials of the rotation with this token, if they have been created.
    ///
    /// # Errors
    ///
    /// The version cannot be read.
    pub async fn pending(&self, token: &str) -> Result<Option<Credentials>, SecretError> {
        let request = self.client.get_secret_value().version_id(token).version_stage("AWSPENDING");
        Ok(self.version(request).await?.map(|version| version.credentials))
    }

    /// Creates the pending version: the same user name, and a new password.
    ///
    /// # Errors
    ///
    /// [`SecretError::TooNew`], or the secret cannot be read or written.
    pub async fn create_pending(&self, token: &str) -> Result<(), SecretError> {
        let (current, previous) = tokio::try_join!(self.stage("AWSCURRENT"), self.stage("AWSPREVIOUS"))?;
        if previous.is_some() && current.as_ref().is_some_and(|current| current.age() < PLATFORM_SWITCHOVER) {
            return Err(SecretError::TooNew);
        }
        let username = current.ok_or(SecretError::Missing)?.credentials.username;
        let password = self.client.get_random_password().password_length(PASSWORD_LENGTH).exclude_punctuation(true);
        let password = password.send().await.map_err(|error| SecretError::unavailable(&error))?;
        let no_password = || SecretError::Unavailable("it returned no password".to_owned());
        let credentials = Credentials { username, password: password.random_password.ok_or_else(no_password)? };
        let value = serde_json::to_string(&credentials).map_err(|_| SecretError::Malformed)?;
        let put = self.client.put_secret_value().secret_id(&self.arn).client_request_token(token);
        let put = put.version_stages("AWSPENDING").secret_string(value).send().await;
        put.map(drop).map_err(|error| SecretError::unavailable(&error))
    }

    /// Makes the pending version the current one. Idempotent.
    ///
    /// # Errors
    ///
    /// The secret cannot be read or written.
    pub async fn make_current(&self, token: &str) -> Result<(), SecretError> {
        // Only the id is needed: a malformed current version can be replaced too.
        let current = self.client.get_secret_value().secret_id(&self.arn).version_stage("AWSCURRENT");
        let current = send(current).await?.map(|value| value.version_id);
        if current.as_deref() == Some(token) {
            return Ok(());
        }
        let update = self.client.update_secret_version_stage().secret_id(&self.arn).version_stage("AWSCURRENT");
        let update = update.move_to_version_id(token).set_remove_from_version_id(current).send().await;
        update.map(drop).map_err(|error| SecretError::unavailable(&error))
    }
}
