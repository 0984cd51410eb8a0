//! The platform's rules of registration, apart from clocks, disks and wires: every method takes the time and gives a
//! value or a [`Fault`]. Both APIs are thin faces of this.

mod access;
mod fault;
mod services;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use clap::ValueEnum;
use jiff::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use access::Access;
pub use access::{Grants, Token, WrongKey};
pub use fault::Fault;

/// The most characters of a user name or a password for callbacks.
const MOST_CHARACTERS: usize = 40;

/// Through which API a listener is registered, and so in which form it gets its messages.
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

/// A user name and a password, empty where there are none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// These two.
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
    /// How it was registered.
    pub api: Api,
    /// Where messages go.
    pub url: String,
    /// What messages carry.
    pub credentials: Credentials,
    /// What they carried before, and still do for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
}

/// Credentials that a registration replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    /// Which.
    pub credentials: Credentials,
    /// When.
    pub replaced_at: Timestamp,
}

/// What outlives the program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Book {
    /// The names of all accounts.
    pub accounts: BTreeSet<String>,
    /// At most one per account and service.
    pub registrations: Vec<Registration>,
}

/// What somebody wants to register.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The billing account.
    pub account: String,
    /// The callback service.
    pub service: String,
    /// Where messages are to go.
    pub url: String,
    /// What they are to carry.
    pub credentials: Credentials,
}

/// The rules, and what they are applied to.
pub struct Rules {
    access: Access,
    any_port: bool,
    /// What outlives the program.
    pub book: Book,
}

impl Rules {
    /// These are granted access to this book.
    #[must_use]
    pub fn new(grants: Grants, any_port: bool, book: Book) -> Self {
        Self { access: Access::new(grants), any_port, book }
    }

    /// The application's OAuth token: the same one until it ends, then the fresh one.
    ///
    /// # Errors
    ///
    /// The key or the secret is wrong.
    pub fn token(&mut self, application: &Credentials, fresh: String, now: Timestamp) -> Result<Token, WrongKey> {
        self.access.token(application, fresh, now)
    }

    /// Whether the gateway lets this OAuth token through.
    #[must_use]
    pub fn admits(&self, bearer: &str, now: Timestamp) -> bool {
        self.access.admits(bearer, now)
    }

    /// Starts a session, whose token is the fresh one.
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

    /// Registers a listener, in place of the one that the same API registered before.
    ///
    /// # Errors
    ///
    /// The platform does not take it.
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

    /// Ends a registration, and gives the service's name.
    ///
    /// # Errors
    ///
    /// This API has not registered it.
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

    /// What this API has registered for the account.
    ///
    /// # Errors
    ///
    /// There is no such session or account.
    pub fn list(&mut self, session: &str, api: Api, account: &str, now: Timestamp) -> Result<Vec<Registration>, Fault> {
        self.admit(session, account, now)?;
        let of_account = self.book.registrations.iter().filter(|there| there.account == account && there.api == api);
        Ok(of_account.cloned().collect())
    }

    /// Ends all OAuth tokens, as time would.
    pub fn expire_tokens(&mut self) {
        self.access.expire_token();
    }

    /// Ends all sessions, as idleness would.
    pub fn expire_sessions(&mut self, now: Timestamp) {
        self.access.expire_sessions(now);
    }

    /// Lets a locked user try again, as a call to the platform's support would.
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
        if [&given.username, &given.password].into_iter().any(|text| text.chars().count() > MOST_CHARACTERS) {
            return Err(Fault::CredentialsTooLong);
        }
        let login = &self.access.grants.login;
        if given.username == login.username || given.password == login.password {
            return Err(Fault::CredentialsOfLogin);
        }
        Ok(())
    }
}
