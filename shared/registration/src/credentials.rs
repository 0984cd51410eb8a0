//! Two kinds of credentials: those that callbacks carry, and the login at the platform. `Debug` output of both is
//! redacted.

use std::fmt;

use serde::Deserialize;

use crate::api::Api;
use crate::invalid::{Invalid, MAX_CREDENTIAL_CHARS};
use crate::registration::AccountName;

/// The credentials that the platform repeats in every callback. Both empty if callbacks carry none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// At most 40 characters.
    pub username: String,
    /// At most 40 characters.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

impl Credentials {
    /// The same with the user name of an account, `<user name>-<account name>`: a message seldom states its account, so
    /// its user name does. No credentials remain none.
    ///
    /// # Errors
    ///
    /// [`Invalid::UserNameTooLong`].
    pub fn of_account(&self, account: &AccountName) -> Result<Self, Invalid> {
        if self.username.is_empty() {
            return Ok(self.clone());
        }
        let username = format!("{}-{account}", self.username);
        if username.chars().count() > MAX_CREDENTIAL_CHARS {
            return Err(Invalid::UserNameTooLong { account: account.to_string(), length: username.chars().count() });
        }
        Ok(Self { username, password: self.password.clone() })
    }
}

/// The login of a caller of the platform's APIs.
#[derive(Clone, Deserialize)]
pub struct Login {
    /// The UWS user name.
    pub username: String,
    /// The UWS password.
    pub password: String,
    /// The key of the application, for REST.
    pub key: Option<String>,
    /// The secret of the application, for REST.
    pub secret: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(redacted)")
    }
}

impl Login {
    /// Parses `{"username", "password", "key", "secret"}`. The last two are needed for REST only.
    ///
    /// # Errors
    ///
    /// [`Invalid::Login`], which quotes nothing of the text.
    pub fn from_json(text: &str) -> Result<Self, Invalid> {
        serde_json::from_str(text).map_err(|_| Invalid::Login)
    }

    /// The application's key and secret.
    pub(crate) fn application(&self) -> Result<(&str, &str), Invalid> {
        match (&self.key, &self.secret) {
            (Some(key), Some(secret)) if !key.is_empty() && !secret.is_empty() => Ok((key, secret)),
            _ => Err(Invalid::NoApplication),
        }
    }

    /// Whether the login is complete for this API.
    pub(crate) fn check(&self, api: Api) -> Result<(), Invalid> {
        if self.username.is_empty() || self.password.is_empty() {
            return Err(Invalid::Login);
        }
        if api == Api::Rest { self.application().map(drop) } else { Ok(()) }
    }

    /// The parts that must not appear in an error or a log.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        [Some(&self.password), self.key.as_ref(), self.secret.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }
}
