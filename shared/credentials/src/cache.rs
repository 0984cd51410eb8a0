//! The versions of the secret as a listener caches them.

use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::secret::{CallbackSecret, Credentials, SecretError};
use crate::timing::{INCOMPLETE_REFRESH_INTERVAL, MAX_CACHE_AGE, MIN_REFRESH_INTERVAL};

/// The valid versions of a secret, read when they are first needed.
#[derive(Debug)]
pub struct Cache {
    secret: CallbackSecret,
    versions: RwLock<Option<Versions>>,
}

/// The valid versions of a secret at a point in time.
#[derive(Debug, Clone)]
pub struct Versions {
    current: Credentials,
    previous: Option<Credentials>,
    pending: Option<Credentials>,
    read_at: Instant,
    /// Some versions are older than `read_at`, because Secrets Manager did not return them.
    incomplete: bool,
}

impl Versions {
    /// The credentials of all versions.
    pub fn credentials(&self) -> impl Iterator<Item = &Credentials> {
        [Some(&self.current), self.previous.as_ref(), self.pending.as_ref()].into_iter().flatten()
    }

    /// Whether no refresh is needed. `rejected` are versions that did not match a callback.
    fn is_fresh(&self, rejected: Option<&Self>) -> bool {
        let refresh_interval = if self.incomplete { INCOMPLETE_REFRESH_INTERVAL } else { MIN_REFRESH_INTERVAL };
        let age = self.read_at.elapsed();
        let is_rejected = rejected.is_some_and(|rejected| rejected.read_at == self.read_at);
        age < refresh_interval || (!is_rejected && age < MAX_CACHE_AGE)
    }
}

impl Cache {
    /// An empty cache of this secret.
    #[must_use]
    pub fn new(secret: CallbackSecret) -> Self {
        Self { secret, versions: RwLock::new(None) }
    }

    /// The cached versions, refreshed if they are too old. If Secrets Manager is unreachable, the cached ones remain
    /// valid.
    ///
    /// # Errors
    ///
    /// No current version is known.
    pub async fn versions(&self) -> Result<Versions, SecretError> {
        self.fresh_versions(None).await
    }

    /// Newer versions than `rejected`, which did not match a callback; the same ones if they are too new to be
    /// refreshed.
    ///
    /// # Errors
    ///
    /// No current version is known.
    pub async fn versions_after(&self, rejected: &Versions) -> Result<Versions, SecretError> {
        self.fresh_versions(Some(rejected)).await
    }

    async fn fresh_versions(&self, rejected: Option<&Versions>) -> Result<Versions, SecretError> {
        let fresh = |versions: &&Versions| versions.is_fresh(rejected);
        if let Some(versions) = self.versions.read().await.as_ref().filter(fresh) {
            return Ok(versions.clone());
        }
        // When many callbacks need a refresh at once, one reads the secret and the others use its result.
        let mut cached = self.versions.write().await;
        if let Some(versions) = cached.as_ref().filter(fresh) {
            return Ok(versions.clone());
        }
        let versions = self.read(cached.as_ref()).await?;
        Ok(cached.insert(versions).clone())
    }

    /// Reads all versions. One that cannot be read keeps its cached value; without a current version nothing is known.
    async fn read(&self, cached: Option<&Versions>) -> Result<Versions, SecretError> {
        let read_at = Instant::now();
        let (current, previous, pending) = tokio::join!(
            self.credentials("AWSCURRENT"),
            self.credentials("AWSPREVIOUS"),
            self.credentials("AWSPENDING")
        );
        let mut incomplete = false;
        let mut or_cached = |read: Result<Option<Credentials>, SecretError>, cached: Option<&Credentials>| {
            read.unwrap_or_else(|error| {
                tracing::warn!(message = "Cannot read a version of the callback credentials.", %error);
                let unavailable = matches!(error, SecretError::Unavailable(_));
                incomplete |= unavailable;
                cached.filter(|_| unavailable).cloned()
            })
        };
        let previous = or_cached(previous, cached.and_then(|cached| cached.previous.as_ref()));
        let pending = or_cached(pending, cached.and_then(|cached| cached.pending.as_ref()));
        let current = match (current, cached) {
            (Err(SecretError::Unavailable(_)), Some(cached)) => {
                incomplete = true;
                cached.current.clone()
            }
            (current, _) => current?.ok_or(SecretError::Missing)?,
        };
        Ok(Versions { current, previous, pending, read_at, incomplete })
    }

    async fn credentials(&self, label: &str) -> Result<Option<Credentials>, SecretError> {
        Ok(self.secret.stage(label).await?.map(|version| version.credentials))
    }
}
