//! Whether a callback is from the platform: it echoes the credentials that were registered.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
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
    pub fn into_message(self) -> Message {
        self.0
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

/// The versions of a secret, as far as they could be read.
#[derive(Debug, Clone)]
struct Fetched {
    current: Expected,
    previous: Option<Expected>,
    pending: Option<Expected>,
    at: Instant,
    /// Some of them are what was known before, since Secrets Manager did not give them.
    partly: bool,
}

impl Fetched {
    fn versions(&self) -> Vec<&Expected> {
        [Some(&self.current), self.previous.as_ref(), self.pending.as_ref()].into_iter().flatten().collect()
    }

    /// Whether it is known well enough, or, for credentials that are not among `outdated`, newly enough.
    fn serves(&self, outdated: Option<Instant>) -> bool {
        let again_after = if self.partly { FAILED_AGAIN_AFTER } else { FETCH_AGAIN_AFTER };
        let age = self.at.elapsed();
        age < again_after || (outdated != Some(self.at) && age < FETCHED_FOR)
    }
}

/// The expected credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not give them.
    #[error("{0}")]
    Unavailable(String),
    /// There is no current version.
    #[error("The secret has no current version.")]
    Empty,
    /// What it gave is something else; the parser's own words could quote it.
    #[error("The secret is not {{\"username\", \"password\"}}.")]
    NotCredentials,
}

/// Unknown credentials make us look for new ones, at most this often. So a version that is older than this counts
/// everywhere: whoever gives a new one to the platform waits as long before.
pub const FETCH_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What could not be read is asked for again so soon: a version that was not seen may be the one that counts.
const FAILED_AGAIN_AFTER: Duration = Duration::from_secs(2);

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
            Self::Fixed(expected) => matches(&credentials, &[expected]),
            Self::Secret(secret) => {
                let fetched = secret.versions(None).await.map_err(Refusal::SecretUnavailable)?;
                matches(&credentials, &fetched.versions()) || {
                    let newer = secret.versions(Some(fetched.at)).await.map_err(Refusal::SecretUnavailable)?;
                    matches(&credentials, &newer.versions())
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
        let serves = |fetched: &&Fetched| fetched.serves(outdated);
        if let Some(fetched) = self.fetched.read().await.as_ref().filter(serves) {
            return Ok(fetched.clone());
        }
        let mut fetched = self.fetched.write().await;
        if let Some(fetched) = fetched.as_ref().filter(serves) {
            return Ok(fetched.clone());
        }
        let newer = self.fetch(fetched.as_ref()).await?;
        Ok(fetched.insert(newer).clone())
    }

    /// Reads all versions. One that cannot be read is what it was before; without a current one nothing is known.
    async fn fetch(&self, known: Option<&Fetched>) -> Result<Fetched, SecretError> {
        let at = Instant::now();
        let (current, previous, pending) =
            tokio::join!(self.version("AWSCURRENT"), self.version("AWSPREVIOUS"), self.version("AWSPENDING"));
        let mut partly = false;
        let mut or_known = |version: Result<Option<Expected>, SecretError>, known: Option<&Expected>| {
            version.unwrap_or_else(|error| {
                tracing::warn!(message = "A version of the credentials cannot be read.", %error);
                let unavailable = matches!(error, SecretError::Unavailable(_));
                partly |= unavailable;
                known.filter(|_| unavailable).cloned()
            })
        };
        let previous = or_known(previous, known.and_then(|known| known.previous.as_ref()));
        let pending = or_known(pending, known.and_then(|known| known.pending.as_ref()));
        let current = match (current, known) {
            (Err(SecretError::Unavailable(_)), Some(known)) => {
                partly = true;
                known.current.clone()
            }
            (current, _) => current?.ok_or(SecretError::Empty)?,
        };
        Ok(Fetched { current, previous, pending, at, partly })
    }

    async fn version(&self, stage: &str) -> Result<Option<Expected>, SecretError> {
        let found = match self.client.get_secret_value().secret_id(&self.arn).version_stage(stage).send().await {
            Ok(found) => found,
            Err(error)
                if matches!(error.as_service_error(), Some(GetSecretValueError::ResourceNotFoundException(_))) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(SecretError::Unavailable(aws::reason(&error))),
        };
        let text = found.secret_string().unwrap_or_default();
        serde_json::from_str(text).map(Some).map_err(|_| SecretError::NotCredentials)
    }
}

/// Whether the credentials are one of these, in a time that depends on neither: digests of equal length are compared,
/// all of them.
fn matches(given: &Credentials, expected: &[&Expected]) -> bool {
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
