//! Access control: the OAuth token of the gateway, and the sessions of the only user.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Credentials, Fault};

/// The number of wrong passwords in a row that locks the user.
const MAX_FAILURES: u32 = 5;

/// For this time an expired session is reported as expired. Later its token is reported as invalid.
const EXPIRED_SESSION_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// The logins, and the lifetimes of tokens and sessions.
#[derive(Clone)]
pub struct AccessSettings {
    /// The application's key and secret.
    pub application: Credentials,
    /// The UWS user and its password.
    pub login: Credentials,
    /// The lifetime of an OAuth token.
    pub token_lifetime: SignedDuration,
    /// The idle time after which a session expires.
    pub session_idle: SignedDuration,
}

/// An OAuth token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The value in the `Authorization` header.
    pub value: String,
    /// When it expires.
    pub expires: Timestamp,
}

/// The key or the secret is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Client authentication failed")]
pub struct WrongKey;

pub(super) struct Access {
    pub(super) settings: AccessSettings,
    token: Option<Token>,
    /// The session tokens, each with its time of expiry.
    sessions: HashMap<String, Timestamp>,
    failures: u32,
}

impl Access {
    pub(super) fn new(settings: AccessSettings) -> Self {
        Self { settings, token: None, sessions: HashMap::new(), failures: 0 }
    }

    pub(super) fn token(
        &mut self,
        application: &Credentials,
        fresh: String,
        now: Timestamp,
    ) -> Result<Token, WrongKey> {
        if *application != self.settings.application {
            return Err(WrongKey);
        }
        let current = self.token.take().filter(|token| now < token.expires);
        let lifetime = self.settings.token_lifetime;
        Ok(self.token.insert(current.unwrap_or_else(|| Token { value: fresh, expires: now + lifetime })).clone())
    }

    pub(super) fn admits(&self, bearer: &str, now: Timestamp) -> bool {
        self.token.as_ref().is_some_and(|token| token.value == bearer && now < token.expires)
    }

    pub(super) fn log_in(&mut self, login: &Credentials, fresh: String, now: Timestamp) -> Result<String, Fault> {
        if login.username != self.settings.login.username {
            return Err(Fault::WrongLogin);
        }
        if self.failures >= MAX_FAILURES {
            return Err(Fault::Locked);
        }
        if login.password != self.settings.login.password {
            self.failures += 1;
            return Err(Fault::WrongLogin);
        }
        self.failures = 0;
        self.sessions.retain(|_, ends| now.duration_since(*ends) < EXPIRED_SESSION_RETENTION);
        self.sessions.insert(fresh.clone(), now + self.settings.session_idle);
        Ok(fresh)
    }

    pub(super) fn log_out(&mut self, session: &str, now: Timestamp) -> Result<(), Fault> {
        self.use_session(session, now)?;
        self.sessions.remove(session);
        Ok(())
    }

    /// Uses a session, which restarts its idle time.
    pub(super) fn use_session(&mut self, session: &str, now: Timestamp) -> Result<(), Fault> {
        let ends = self.sessions.get_mut(session).ok_or(Fault::SessionInvalid)?;
        if now >= *ends {
            return Err(Fault::SessionExpired);
        }
        *ends = now + self.settings.session_idle;
        Ok(())
    }

    pub(super) fn expire_token(&mut self) {
        self.token = None;
    }

    pub(super) fn expire_sessions(&mut self, now: Timestamp) {
        self.sessions.values_mut().for_each(|ends| *ends = now.min(*ends));
    }

    pub(super) fn unlock(&mut self) {
        self.failures = 0;
    }
}
