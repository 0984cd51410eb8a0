//! The session at the platform, which both APIs have: kept while it lives, and given up when the platform no longer knows it.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

/// A session dies after 20 minutes without a request; one that is nearly dead is not used. Nothing says that SOAP's live
/// longer than REST's.
const IDLE: Duration = Duration::from_secs(19 * 60);

/// Where the session's token is kept.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Slot>);

/// The token's place. Who holds it may log in: nobody else does meanwhile.
#[derive(Default)]
pub(crate) struct Slot(Option<Session>);

struct Session {
    token: String,
    used: Instant,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(redacted)")
    }
}

impl Sessions {
    pub(crate) async fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().await
    }

    /// Forgets the session, if it still is the one with this token.
    pub(crate) async fn give_up(&self, token: &str) {
        self.lock().await.0.take_if(|kept| kept.token == token);
    }

    /// Forgets the session and gives its token.
    pub(crate) async fn take(&self) -> Option<String> {
        self.lock().await.0.take().map(|kept| kept.token)
    }

    /// The token, if there is one; while somebody logs in there is none yet.
    pub(crate) fn token(&self) -> Option<String> {
        Some(self.0.try_lock().ok()?.0.as_ref()?.token.clone())
    }
}

impl Slot {
    /// The token of a session that is not nearly dead; using it prolongs its life.
    pub(crate) fn used(&mut self) -> Option<String> {
        let kept = self.0.as_mut().filter(|kept| kept.used.elapsed() < IDLE)?;
        kept.used = Instant::now();
        Some(kept.token.clone())
    }

    /// Keeps the token of a new session.
    pub(crate) fn keep(&mut self, token: &str) {
        self.0 = Some(Session { token: token.to_owned(), used: Instant::now() });
    }
}
