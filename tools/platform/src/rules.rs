//! The platform's rules about registrations, without I/O and clock: every method takes the time and returns a value or
//! a [`Fault`].

mod access;
mod fault;
mod services;
mod sms;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use clap::ValueEnum;
use jiff::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use access::Access;
pub use access::{AccessSettings, Token, WrongKey};
pub use fault::Fault;
pub use sms::{QueuedSms, Route, SMS_SERVICE};

/// Maximum length of a user name or a password for callbacks, in characters.
const MAX_CREDENTIAL_CHARS: usize = 40;

/// The API through which a listener is registered. It determines the format of the callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum Api {
    /// ThingSpace's REST API.
    Rest,
    /// UWS, the SOAP API.
    Soap,
}

impl fmt::Display for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rest => "REST",
            Self::Soap => "SOAP",
        })
    }
}

/// A user name and a password, both empty if there are none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// Credentials with this user name and password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(…)")
    }
}

/// A registered listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The billing account.
    pub account: String,
    /// The callback service.
    pub service: String,
    /// The API through which it was registered.
    pub api: Api,
    /// The callback URL.
    pub url: String,
    /// The credentials that callbacks carry.
    pub credentials: Credentials,
    /// The credentials before, which some callbacks still carry for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
}

/// Credentials that a registration replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    /// The credentials.
    pub credentials: Credentials,
    /// When they were replaced.
    pub replaced_at: Timestamp,
}

/// The persistent state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Book {
    /// The names of all accounts.
    pub accounts: BTreeSet<String>,
    /// The registrations: at most one per account and service.
    pub registrations: Vec<Registration>,
    /// The text messages that could not be delivered.
    #[serde(default)]
    pub sms: Vec<QueuedSms>,
}

/// A listener to be registered.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The billing account.
    pub account: String,
    /// The callback service.
    pub service: String,
    /// The callback URL.
    pub url: String,
    /// The credentials that callbacks shall carry.
    pub credentials: Credentials,
}

/// The rules, and the state that they apply to.
pub struct Rules {
    access: Access,
    any_port: bool,
    /// The persistent state.
    pub book: Book,
}

impl Rules {
    /// Rules with these logins and this state.
    #[must_use]
    pub fn new(settings: AccessSettings, any_port: bool, book: Book) -> Self {
        Self { access: Access::new(settings), any_port, book }
    }

    /// The application's OAuth token: the same one until it expires, then the new one.
    ///
    /// # Errors
    ///
    /// The key or the secret is wrong.
    pub fn token(&mut self, application: &Credentials, fresh: String, now: Timestamp) -> Result<Token, WrongKey> {
        self.access.token(application, fresh, now)
    }

    /// Whether the gateway accepts this OAuth token.
    #[must_use]
    pub fn admits(&self, bearer: &str, now: Timestamp) -> bool {
        self.access.admits(bearer, now)
    }

    /// Starts a session with the new token.
    ///
    /// # Errors
    ///
    /// The user name or password is wrong, or the user is locked.
    pub fn log_in(&mut self, login: &Credentials, fresh: String, now: Timestamp) -> Result<String, Fault> {
        self.access.log_in(login, fresh, now)
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// There is no such session.
    pub fn log_out(&mut self, session: &str, now: Timestamp) -> Result<(), Fault> {
        self.access.log_out(session, now)
    }

    /// Registers a listener. Replaces the one that was registered through the same API.
    ///
    /// # Errors
    ///
    /// The platform refuses it.
    pub fn register(&mut self, session: &str, api: Api, listener: Listener, now: Timestamp) -> Result<(), Fault> {
        self.admit(session, &listener.account, now)?;
        if !api.services().contains(&listener.service.as_str()) {
            return Err(Fault::ServiceName);
        }
        self.check_url(&listener.url)?;
        self.check_credentials(&listener.credentials)?;
        let Listener { account, service, url, credentials } = listener;
        match self.find(&account, &service) {
            Some(there) if there.api != api => return Err(Fault::OtherApi),
            Some(there) => {
                there.url = url;
                if there.credentials != credentials {
                    let credentials = std::mem::replace(&mut there.credentials, credentials);
                    there.former = Some(Former { credentials, replaced_at: now });
                }
            }
            None => {
                let registration = Registration { account, service, api, url, credentials, former: None };
                self.book.registrations.push(registration);
            }
        }
        Ok(())
    }

    /// Deregisters a listener and returns the name of the service.
    ///
    /// # Errors
    ///
    /// It is not registered through this API.
    pub fn deregister(
        &mut self,
        session: &str,
        api: Api,
        account: &str,
        service: &str,
        now: Timestamp,
    ) -> Result<String, Fault> {
        self.admit(session, account, now)?;
        let service = api.deregistered(service);
        if !api.services().contains(&service) {
            return Err(Fault::ServiceName);
        }
        match self.find(account, service) {
            None => return Err(Fault::NotRegistered),
            Some(there) if there.api != api => return Err(Fault::OtherApi),
            Some(_) => {}
        }
        self.book.registrations.retain(|there| (&*there.account, &*there.service) != (account, service));
        Ok(service.to_owned())
    }

    /// The registrations of the account through this API.
    ///
    /// # Errors
    ///
    /// There is no such session or account.
    pub fn list(&mut self, session: &str, api: Api, account: &str, now: Timestamp) -> Result<Vec<Registration>, Fault> {
        self.admit(session, account, now)?;
        let of_account = self.book.registrations.iter().filter(|there| there.account == account && there.api == api);
        Ok(of_account.cloned().collect())
    }

    /// Expires all OAuth tokens.
    pub fn expire_tokens(&mut self) {
        self.access.expire_token();
    }

    /// Expires all sessions.
    pub fn expire_sessions(&mut self, now: Timestamp) {
        self.access.expire_sessions(now);
    }

    /// Unlocks the user, as the platform's support would.
    pub fn unlock(&mut self) {
        self.access.unlock();
    }

    fn admit(&mut self, session: &str, account: &str, now: Timestamp) -> Result<(), Fault> {
        self.access.use_session(session, now)?;
        if self.book.accounts.contains(account) { Ok(()) } else { Err(Fault::AccountNotFound) }
    }

    fn find(&mut self, account: &str, service: &str) -> Option<&mut Registration> {
        self.book.registrations.iter_mut().find(|there| there.account == account && there.service == service)
    }

    fn check_url(&self, url: &str) -> Result<(), Fault> {
        let url = Url::parse(url).map_err(|_| Fault::Url)?;
        let port = url.port_or_known_default().unwrap_or_default();
        let allowed = matches!(port, 80 | 443 | 9001..=9006 | 28200..=28220 | 50551..=50559);
        if matches!(url.scheme(), "http" | "https") && (allowed || self.any_port) { Ok(()) } else { Err(Fault::Url) }
    }

    fn check_credentials(&self, given: &Credentials) -> Result<(), Fault> {
        if [&given.username, &given.password].into_iter().any(|text| text.chars().count() > MAX_CREDENTIAL_CHARS) {
            return Err(Fault::CredentialsTooLong);
        }
        let login = &self.access.settings.login;
        if given.username == login.username || given.password == login.password {
            return Err(Fault::CredentialsOfLogin);
        }
        Ok(())
    }
}
