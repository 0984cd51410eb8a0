//! The platform behind either API: lists, registers and deregisters, and requests queued text messages.

use std::net::IpAddr;

use reqwest::Url;

use crate::api::{Api, other_spelling};
use crate::compare::{Comparison, RegistrationStatus, compare};
use crate::credentials::{Credentials, Login};
use crate::error::{Error, Fault};
use crate::http;
use crate::invalid::Invalid;
use crate::registration::{AccountName, Registered, Registration};
use crate::rest::Rest;
use crate::soap::Soap;

/// What was done about an expected registration.
#[derive(Debug)]
pub struct Action {
    /// The registration, and its status before.
    pub comparison: Comparison,
    /// `None` if there was nothing to do.
    pub result: Option<Result<(), Error>>,
}

/// Which registrations are deregistered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those with the expected URL.
    ExpectedUrl,
    /// Those with any URL.
    AnyUrl,
}

/// A client of the platform with one login. Sessions are kept and renewed.
#[derive(Debug)]
pub struct Platform(Client);

#[derive(Debug)]
enum Client {
    Rest(Rest),
    Soap(Soap),
}

impl Platform {
    /// A client of the platform at this address: [`Api::default_url`], unless it is a simulator. Sends nothing yet.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an invalid address or login.
    pub fn new(api: Api, address: &str, login: Login) -> Result<Self, Error> {
        login.check(api)?;
        let (address, client) = (platform_url(address)?, http::client()?);
        Ok(Self(match api {
            Api::Rest => Client::Rest(Rest::new(client, address, login)),
            Api::Soap => Client::Soap(Soap::new(client, address, login)),
        }))
    }

    /// The registrations of an account that were made through this API. Neither API lists those of the other.
    ///
    /// # Errors
    ///
    /// Any [`Error`] except [`Error::Invalid`].
    pub async fn list(&self, account: &AccountName) -> Result<Vec<Registered>, Error> {
        match &self.0 {
            Client::Rest(rest) => rest.list(account).await,
            Client::Soap(soap) => soap.list(account).await,
        }
    }

    /// Whether a registration would reveal the platform's own login.
    ///
    /// # Errors
    ///
    /// [`Invalid::OwnLogin`].
    pub fn check(&self, registration: &Registration) -> Result<(), Invalid> {
        let login = match &self.0 {
            Client::Rest(rest) => rest.login(),
            Client::Soap(soap) => soap.login(),
        };
        let Credentials { username, password } = registration.credentials();
        let stack = username.strip_suffix(registration.account().as_ref()).and_then(|stack| stack.strip_suffix('-'));
        let names_login = *username == login.username || stack == Some(login.username.as_str());
        if names_login || *password == login.password {
            return Err(Invalid::OwnLogin);
        }
        Ok(())
    }

    /// Registers. Replaces the registration of this account and service that was made through this API.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the credentials are the platform's own login, or another [`Error`] of the platform.
    pub async fn register(&self, registration: &Registration) -> Result<(), Error> {
        self.check(registration)?;
        let result = match &self.0 {
            Client::Rest(rest) => rest.register(registration).await,
            Client::Soap(soap) => soap.register(registration).await,
        };
        // The platform might quote the credentials.
        result.map_err(|error| match error {
            Error::Refused(Fault { code, message }) => {
                let Credentials { username, password } = registration.credentials();
                Error::Refused(Fault::new(&code, &message, &[username, password]))
            }
            error => error,
        })
    }

    /// Deregisters a service. If the platform does not know the name, the other spelling of the documentation is used.
    ///
    /// # Errors
    ///
    /// An [`Error`] of the platform.
    pub async fn deregister(&self, account: &AccountName, service: &str) -> Result<(), Error> {
        match (self.deregister_as(account, service).await, other_spelling(service)) {
            (Err(Error::Refused(fault)), Some(other)) if fault.is_input_error() => {
                self.deregister_as(account, other).await
            }
            (result, _) => result,
        }
    }

    async fn deregister_as(&self, account: &AccountName, service: &str) -> Result<(), Error> {
        match &self.0 {
            Client::Rest(rest) => rest.deregister(account, service).await,
            Client::Soap(soap) => soap.deregister(account, service).await,
        }
    }

    /// Registers those of an account's expected registrations that are not known to be as expected, including those
    /// that the API does not list completely. Registrations with one of the `others` credentials remain unchanged.
    ///
    /// # Errors
    ///
    /// The account cannot be listed, or a registration would reveal the login. Other errors are in the [`Action`]s.
    pub async fn repair(
        &self,
        account: &AccountName,
        expected: Vec<Registration>,
        others: &[Credentials],
    ) -> Result<Vec<Action>, Error> {
        expected.iter().try_for_each(|registration| self.check(registration))?;
        Ok(self.apply(compare(expected, others, &self.list(account).await?), |_| true).await)
    }

    /// Registers those that are not known to be as expected and are selected.
    pub async fn apply(&self, comparisons: Vec<Comparison>, selected: impl Fn(&Comparison) -> bool) -> Vec<Action> {
        let needed = |one: &Comparison| one.status != RegistrationStatus::AsExpected && selected(one);
        act_on_each(comparisons, needed, async |one| self.register(&one.expected).await).await
    }

    /// Deregisters services of one account, if their registrations are in scope.
    ///
    /// # Errors
    ///
    /// As for [`Platform::repair`].
    pub async fn deregister_all(
        &self,
        account: &AccountName,
        expected: Vec<Registration>,
        scope: Scope,
    ) -> Result<Vec<Action>, Error> {
        let comparisons = compare(expected, &[], &self.list(account).await?);
        let needed = |one: &Comparison| match scope {
            Scope::ExpectedUrl => one.status.has_expected_url(),
            Scope::AnyUrl => one.status != RegistrationStatus::Missing,
        };
        let listed = |one: &Comparison| one.listed_as.clone().unwrap_or_else(|| one.expected.service().to_owned());
        Ok(act_on_each(comparisons, needed, async |one| self.deregister(account, &listed(one)).await).await)
    }

    /// Requests the text messages (SMS) that the platform has queued for an account, because their callbacks of
    /// EnhancedConnectivityService failed. It sends them to the registered listener, in any order, and does not do so by
    /// itself when the listener works again. Idempotent.
    ///
    /// # Errors
    ///
    /// An [`Error`] of the platform.
    pub async fn start_sms_callbacks(&self, account: &AccountName) -> Result<(), Error> {
        match &self.0 {
            Client::Rest(rest) => rest.start_sms_callbacks(account).await,
            Client::Soap(soap) => soap.start_sms_callbacks(account).await,
        }
    }

    /// Ends the session, if there is one. Otherwise it expires after 20 minutes.
    pub async fn log_out(&self) {
        let result = match &self.0 {
            Client::Rest(rest) => rest.log_out().await,
            Client::Soap(soap) => soap.log_out().await,
        };
        if let Err(error) = result {
            tracing::info!(message = "Cannot end the session.", %error);
        }
    }
}

/// Acts on each registration that needs it, one after the other. After an error that affects all requests, nothing more
/// is sent.
async fn act_on_each(
    comparisons: Vec<Comparison>,
    needed: impl Fn(&Comparison) -> bool,
    act: impl AsyncFn(&Comparison) -> Result<(), Error>,
) -> Vec<Action> {
    let (mut stopped, mut actions) = (false, Vec::new());
    for comparison in comparisons {
        let result = match (needed(&comparison), stopped) {
            (false, _) => None,
            (true, true) => Some(Err(Error::NotAttempted)),
            (true, false) => Some(act(&comparison).await),
        };
        stopped |= matches!(&result, Some(Err(error)) if error.affects_all_requests());
        actions.push(Action { comparison, result });
    }
    actions
}

/// The address of a platform. A login is only sent over https, or within this machine.
fn platform_url(text: &str) -> Result<Url, Invalid> {
    let refused = || Invalid::Platform(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let is_loopback = url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_sent_over_https_or_within_the_machine() {
        for valid in
            ["https://thingspace.verizon.com/api", "http://127.0.0.1:9100", "http://localhost:1", "http://[::1]:1"]
        {
            assert!(platform_url(valid).is_ok(), "{valid}");
        }
        for invalid in
            ["http://thingspace.verizon.com/api", "http://10.0.0.1:9100", "thingspace.verizon.com", "ftp://localhost"]
        {
            assert!(platform_url(invalid).is_err(), "{invalid}");
        }
    }
}
