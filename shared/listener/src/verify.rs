//! Whether a callback is from the platform: it echoes the credentials that were registered.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use callback::{Callback, Credentials, Message};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::answer::Refusal;

/// The message of a callback whose credentials were right. Only [`CredentialsSource::verify`] makes one.
#[derive(Debug, Clone)]
pub struct Verified(Message);

impl Verified {
    /// What it says.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0
    }
}

/// The user name and password that the platform was given.
#[derive(Clone, Deserialize)]
pub struct Expected {
    /// At most 40 characters.
    pub username: String,
    /// At most 40 characters.
    pub password: String,
}

impl std::fmt::Debug for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Expected(redacted)")
    }
}

/// Where the expected credentials are.
#[derive(Debug)]
pub enum CredentialsSource {
    /// None are expected: any callback is taken. An explicit choice of the customer.
    NotRequired,
    /// These, for good.
    Fixed(Expected),
    /// A secret in Secrets Manager that can be rotated.
    Secret(Secret),
}

/// A secret, `{"username", "password"}`, of which three versions count: the current one; the previous one, since the
/// platform was seen using an old password 14 minutes after a change; and the pending one of a rotation, which the
/// platform is given before it becomes current.
#[derive(Debug)]
pub struct Secret {
    client: Client,
    arn: String,
    fetched: RwLock<Option<Fetched>>,
}

#[derive(Debug, Clone)]
struct Fetched {
    versions: Vec<Expected>,
    at: Instant,
}

/// The expected credentials cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String);

/// Unknown credentials make us look for new ones, at most this often. So a version that is older than this counts
/// everywhere: whoever gives a new one to the platform waits as long before.
pub const FETCH_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Known ones count no longer without a look: a password that was rotated out twice must not stay valid.
const FETCHED_FOR: Duration = Duration::from_secs(10 * 60);

impl CredentialsSource {
    /// The secret with this ARN.
    #[must_use]
    pub fn secret(client: Client, arn: impl Into<String>) -> Self {
        Self::Secret(Secret { client, arn: arn.into(), fetched: RwLock::new(None) })
    }

    pub(crate) async fn warm_up(&self) -> Result<(), SecretError> {
        match self {
            Self::NotRequired | Self::Fixed(_) => Ok(()),
            Self::Secret(secret) => secret.versions(None).await.map(drop),
        }
    }

    /// The message, if the credentials are right.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unverified`], or [`Refusal::SecretUnavailable`] where nothing is known to compare with.
    pub async fn verify(&self, callback: Callback) -> Result<Verified, Refusal> {
        let Callback { credentials, message } = callback;
        let right = match self {
            Self::NotRequired => true,
            Self::Fixed(expected) => matches(&credentials, std::slice::from_ref(expected)),
            Self::Secret(secret) => {
                let fetched = secret.versions(None).await.map_err(Refusal::SecretUnavailable)?;
                matches(&credentials, &fetched.versions) || {
                    let newer = secret.versions(Some(fetched.at)).await.map_err(Refusal::SecretUnavailable)?;
                    matches(&credentials, &newer.versions)
                }
            }
        };
        if right { Ok(Verified(message)) } else { Err(Refusal::Unverified) }
    }
}

impl Secret {
    /// The versions that count: those fetched before, unless they are the ones fetched at `outdated` and a minute old, or
    /// old in any case. What was fetched before also counts while nothing newer can be had.
    async fn versions(&self, outdated: Option<Instant>) -> Result<Fetched, SecretError> {
        let serves = |fetched: &Fetched| {
            let age = fetched.at.elapsed();
            age < FETCH_AGAIN_AFTER || (outdated != Some(fetched.at) && age < FETCHED_FOR)
        };
        if let Some(fetched) = self.fetched.read().await.as_ref().filter(|fetched| serves(fetched)) {
            return Ok(fetched.clone());
        }
        let mut fetched = self.fetched.write().await;
        if let Some(fetched) = fetched.as_ref().filter(|fetched| serves(fetched)) {
            return Ok(fetched.clone());
        }
        let versions = match (self.fetch().await, fetched.as_ref()) {
            (Ok(versions), _) => versions,
            (Err(error), Some(known)) => {
                tracing::warn!(message = "The credentials cannot be read again.", %error);
                known.versions.clone()
            }
            (Err(error), None) => return Err(error),
        };
        Ok(fetched.insert(Fetched { versions, at: Instant::now() }).clone())
    }

    async fn fetch(&self) -> Result<Vec<Expected>, SecretError> {
        let (current, previous, pending) =
            tokio::join!(self.version("AWSCURRENT"), self.version("AWSPREVIOUS"), self.version("AWSPENDING"));
        let current = current?.ok_or_else(|| SecretError("The secret has no current version.".to_owned()))?;
        // Another version that is of no use is none: the current one is what counts.
        let useful = |version: Result<Option<Expected>, SecretError>| {
            version.unwrap_or_else(|error| {
                tracing::warn!(message = "The previous or the pending credentials cannot be read.", %error);
                None
            })
        };
        Ok([Some(current), useful(previous), useful(pending)].into_iter().flatten().collect())
    }

    async fn version(&self, stage: &str) -> Result<Option<Expected>, SecretError> {
        let found = match self.client.get_secret_value().secret_id(&self.arn).version_stage(stage).send().await {
            Ok(found) => found,
            Err(error)
                if matches!(error.as_service_error(), Some(GetSecretValueError::ResourceNotFoundException(_))) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(SecretError(DisplayErrorContext(error).to_string())),
        };
        let text = found.secret_string().unwrap_or_default();
        // The parser's own words could quote the secret.
        let unreadable = |_| SecretError("The secret is not {\"username\", \"password\"}.".to_owned());
        serde_json::from_str(text).map(Some).map_err(unreadable)
    }
}

/// Whether the credentials are one of these, in a time that depends on neither: digests of equal length are compared,
/// all of them.
fn matches(given: &Credentials, expected: &[Expected]) -> bool {
    let same = |given: &Option<String>, expected: &str| -> Choice {
        let given_digest = Sha256::digest(given.as_deref().unwrap_or_default());
        given_digest.as_slice().ct_eq(Sha256::digest(expected).as_slice()) & Choice::from(u8::from(given.is_some()))
    };
    let mut right = Choice::from(0);
    for one in expected {
        right |= same(&given.username, &one.username) & same(&given.password, &one.password);
    }
    right.into()
}
