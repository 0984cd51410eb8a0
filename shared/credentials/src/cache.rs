//! The versions of the secret as a listener caches them.

use std::sync::Arc;

use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::secret::{CallbackSecret, Credentials, SecretError, Version};
use crate::timing::{INCOMPLETE_REFRESH_INTERVAL, MAX_CACHE_AGE, MAX_REFRESH_WAIT, MIN_REFRESH_INTERVAL};

/// The valid versions of a secret, read when they are first needed.
#[derive(Debug)]
pub struct Cache {
    secret: Arc<CallbackSecret>,
    versions: RwLock<Option<Versions>>,
    /// The refresh in flight. It continues when a callback no longer waits for it.
    refresh: Mutex<Option<JoinHandle<Result<Versions, SecretError>>>>,
}

/// The valid versions of a secret at a point in time.
#[derive(Debug, Clone)]
pub struct Versions {
    current: Version,
    previous: Option<Version>,
    pending: Option<Version>,
    read_at: Instant,
    /// Some versions are older than `read_at`, because Secrets Manager did not return them.
    incomplete: bool,
}

impl Versions {
    /// The credentials of all versions.
    pub fn credentials(&self) -> impl Iterator<Item = &Credentials> {
        // A label that a rotation left behind must not keep an old password valid.
        let pending = self.pending.as_ref().filter(|pending| !pending.is_superseded_by(&self.current));
        [Some(&self.current), self.previous.as_ref(), pending].into_iter().flatten().map(|version| &version.credentials)
    }

    /// Whether no refresh is needed. `rejected` are versions that did not match a callback.
    fn is_fresh(&self, rejected: Option<&Self>) -> bool {
        let is_rejected = rejected.is_some_and(|rejected| rejected.read_at == self.read_at);
        let max_age = match (is_rejected, self.incomplete) {
            (true, true) => INCOMPLETE_REFRESH_INTERVAL,
            (true, false) | (false, true) => MIN_REFRESH_INTERVAL,
            (false, false) => MAX_CACHE_AGE,
        };
        self.read_at.elapsed() < max_age
    }

    /// The same versions after an attempt to refresh them.
    fn not_refreshed(self) -> Self {
        Self { read_at: Instant::now(), incomplete: true, ..self }
    }
}

impl Cache {
    /// An empty cache of this secret.
    #[must_use]
    pub fn new(secret: CallbackSecret) -> Self {
        Self { secret: Arc::new(secret), versions: RwLock::new(None), refresh: Mutex::new(None) }
    }

    /// The cached versions, refreshed if they are too old. If Secrets Manager is unreachable or slow, the cached ones
    /// remain valid.
    ///
    /// # Errors
    ///
    /// No current version is known.
    pub async fn versions(&self) -> Result<Versions, SecretError> {
        self.fresh_versions(None).await
    }

    /// Newer versions than `rejected`, which did not match a callback; the same ones if they are too new to be
    /// refreshed, or if the refresh takes too long.
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
        // When many callbacks need a refresh at once, one waits for it and the others use its result.
        let mut refresh = self.refresh.lock().await;
        let cached = self.versions.read().await.clone();
        if let Some(versions) = cached.as_ref().filter(fresh) {
            return Ok(versions.clone());
        }
        let running = refresh.get_or_insert_with(|| tokio::spawn(read(Arc::clone(&self.secret), cached.clone())));
        let result = match &cached {
            None => running.await,
            Some(cached) => match timeout(MAX_REFRESH_WAIT, running).await {
                Ok(result) => result,
                Err(_) => return Ok(self.keep(cached.clone().not_refreshed()).await),
            },
        };
        *refresh = None;
        let versions = result.map_err(|error| SecretError::Unavailable(error.to_string()))??;
        Ok(self.keep(versions).await)
    }

    async fn keep(&self, versions: Versions) -> Versions {
        self.versions.write().await.insert(versions).clone()
    }
}

/// Reads all versions. One that cannot be read keeps its cached value; without a current version nothing is known.
async fn read(secret: Arc<CallbackSecret>, cached: Option<Versions>) -> Result<Versions, SecretError> {
    let read_at = Instant::now();
    let (current, previous, pending) =
        tokio::join!(secret.stage("AWSCURRENT"), secret.stage("AWSPREVIOUS"), secret.stage("AWSPENDING"));
    let mut incomplete = false;
    let mut or_cached = |read: Result<Option<Version>, SecretError>, cached: Option<&Version>| {
        read.unwrap_or_else(|error| {
            tracing::warn!(message = "Cannot read a version of the callback credentials.", %error);
            let unavailable = matches!(error, SecretError::Unavailable(_));
            incomplete |= unavailable;
            cached.filter(|_| unavailable).cloned()
        })
    };
    let previous = or_cached(previous, cached.as_ref().and_then(|cached| cached.previous.as_ref()));
    let pending = or_cached(pending, cached.as_ref().and_then(|cached| cached.pending.as_ref()));
    let current = match (current, cached) {
        (Err(SecretError::Unavailable(_)), Some(cached)) => {
            incomplete = true;
            cached.current
        }
        (current, _) => current?.ok_or(SecretError::Missing)?,
    };
    Ok(Versions { current, previous, pending, read_at, incomplete })
}
