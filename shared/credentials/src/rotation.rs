//! The steps of a rotation that read and write versions of the secret.

use crate::secret::{CallbackSecret, Credentials, SecretError, Version, send};
use crate::timing::PLATFORM_SWITCHOVER;

/// Maximum length that the platform accepts, in characters.
const PASSWORD_LENGTH: i64 = 40;

impl CallbackSecret {
    /// The pending version of the rotation with this token, if it has been created.
    ///
    /// # Errors
    ///
    /// The version cannot be read.
    pub async fn pending(&self, token: &str) -> Result<Option<Version>, SecretError> {
        self.version(self.client.get_secret_value().version_id(token).version_stage("AWSPENDING")).await
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

    /// Makes the pending version the current one, which ends the rotation. Idempotent.
    ///
    /// # Errors
    ///
    /// The secret cannot be read or written.
    pub async fn make_current(&self, token: &str) -> Result<(), SecretError> {
        // Only the id is needed: a malformed current version can be replaced too.
        let current = self.version_id("AWSCURRENT").await?;
        if current.as_deref() != Some(token) {
            let update = self.client.update_secret_version_stage().secret_id(&self.arn).version_stage("AWSCURRENT");
            let update = update.move_to_version_id(token).set_remove_from_version_id(current).send().await;
            update.map_err(|error| SecretError::unavailable(&error))?;
        }
        // A label that remains blocks the next rotation as soon as another version is current.
        if self.version_id("AWSPENDING").await?.as_deref() == Some(token) {
            self.remove_pending(token).await
        } else {
            Ok(())
        }
    }

    /// The pending version, unless its rotation has ended. If it has, its staging label is removed: it would block the
    /// next rotation.
    ///
    /// # Errors
    ///
    /// The secret cannot be read or written.
    pub async fn end_superseded_rotation(&self) -> Result<Option<Version>, SecretError> {
        let (current, pending) = tokio::try_join!(self.stage("AWSCURRENT"), self.stage("AWSPENDING"))?;
        match (current, pending) {
            (Some(current), Some(pending)) if pending.is_superseded_by(&current) => {
                self.remove_pending(&pending.id).await?;
                Ok(None)
            }
            (_, pending) => Ok(pending),
        }
    }

    async fn version_id(&self, label: &str) -> Result<Option<String>, SecretError> {
        let request = self.client.get_secret_value().secret_id(&self.arn).version_stage(label);
        Ok(send(request).await?.map(|value| value.version_id))
    }

    async fn remove_pending(&self, id: &str) -> Result<(), SecretError> {
        let update = self.client.update_secret_version_stage().secret_id(&self.arn).version_stage("AWSPENDING");
        update.remove_from_version_id(id).send().await.map(drop).map_err(|error| SecretError::unavailable(&error))
    }
}
