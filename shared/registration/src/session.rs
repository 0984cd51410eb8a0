//! The session that both APIs need. It is kept until it expires or the platform rejects its token.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

/// A session expires after 20 minutes without a request (documented for REST; assumed for SOAP). It is not used in the
/// last minute.
const MAX_IDLE_TIME: Duration = Duration::from_secs(19 * 60);

/// Holds the session token.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Slot>);

/// The token, if there is a session. Holding the lock serializes logins.
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

    /// Discards the session, if its token is still this one.
    pub(crate) async fn discard(&self, token: &str) {
        self.lock().await.0.take_if(|session| session.token == token);
    }

    /// The token, if there is one. Waits for a login.
    pub(crate) async fn current(&self) -> Option<String> {
        self.lock().await.0.as_ref().map(|session| session.token.clone())
    }

    /// The token, if there is one. There is none during a login, which holds the lock.
    pub(crate) fn token(&self) -> Option<String> {
        Some(self.0.try_lock().ok()?.0.as_ref()?.token.clone())
    }
}

impl Slot {
    /// The token of an unexpired session. Using it restarts the idle time.
    pub(crate) fn used(&mut self) -> Option<String> {
        let session = self.0.as_mut().filter(|session| session.used.elapsed() < MAX_IDLE_TIME)?;
        session.used = Instant::now();
        Some(session.token.clone())
    }

    /// Stores the token of a new session.
    pub(crate) fn keep(&mut self, token: &str) {
        self.0 = Some(Session { token: token.to_owned(), used: Instant::now() });
    }
}
