//! What the platform would refuse is refused here, before anything is sent.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use reqwest::Url;

use crate::{Api, Credentials};

/// The ports that the platform calls (SOAP page: the first two ranges and the last; newer REST page: all).
const PORTS: [RangeInclusive<u16>; 5] = [80..=80, 443..=443, 9001..=9006, 28200..=28220, 50551..=50559];

/// The most characters of a user name or a password.
const MAX_CREDENTIAL: usize = 40;

/// A value that the platform would not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No such API.
    #[error("the API is rest or soap")]
    Api,
    /// Not an account's name.
    #[error("\"{0}\" is no account name: they are like 0123456789-00001, with all their zeros")]
    Account(String),
    /// None is given, and none is not said.
    #[error("no account is given: name the billing accounts, with commas between; none deregisters what is registered")]
    NoAccount,
    /// Not a service that this API registers.
    #[error("\"{service}\" is not a callback service that the {api} API registers; it registers {}", .api.services().join(", "))]
    Service {
        /// As given.
        service: String,
        /// The API.
        api: Api,
    },
    /// Not a URL that the platform calls.
    #[error("\"{url}\" cannot be registered: {why}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Too long for the platform.
    #[error("the {0} for callbacks is longer than {MAX_CREDENTIAL} characters")]
    CredentialTooLong(&'static str),
    /// A password without a user name or the reverse.
    #[error("user name and password for callbacks go together: both or neither")]
    HalfCredentials,
    /// The platform would echo them in clear, in every message.
    #[error("the platform's own login must not be registered for callbacks: every message would carry it in clear")]
    OwnLogin,
    /// Not where a platform can be.
    #[error("\"{0}\" is no address of a platform: it is an https URL, or an http one of this machine")]
    Platform(String),
    /// Not what the platform asks for.
    #[error("the platform's login is not {{\"username\", \"password\"}}, with \"key\" and \"secret\" for REST")]
    Login,
    /// REST asks for an application.
    #[error("the REST API asks for an application's key and secret besides user name and password")]
    NoApplication,
}

/// The name of a billing account, with its leading zeros: `0123456789-00001`, or free text in old accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName(String);

impl FromStr for AccountName {
    type Err = Invalid;

    /// Nothing is added, taken away or reckoned: a name is text, even where it looks like a number.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text != text.trim() || text.contains(char::is_control) {
            return Err(Invalid::Account(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for AccountName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// What should be registered: the messages of a service about an account go to a URL, with credentials in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    account: AccountName,
    service: &'static str,
    url: String,
    credentials: Credentials,
}

impl Registration {
    /// A registration that this API takes, as far as its documentation tells.
    ///
    /// # Errors
    ///
    /// What it would not take.
    pub fn new(
        api: Api,
        account: AccountName,
        service: &str,
        url: &str,
        credentials: Credentials,
    ) -> Result<Self, Invalid> {
        let unknown = || Invalid::Service { service: service.to_owned(), api };
        let service = api.service(service).ok_or_else(unknown)?;
        check_url(url).map_err(|why| Invalid::Url { url: url.to_owned(), why })?;
        if credentials.username.is_empty() != credentials.password.is_empty() {
            return Err(Invalid::HalfCredentials);
        }
        for (what, text) in [("user name", &credentials.username), ("password", &credentials.password)] {
            if text.chars().count() > MAX_CREDENTIAL {
                return Err(Invalid::CredentialTooLong(what));
            }
        }
        Ok(Self { account, service, url: url.to_owned(), credentials })
    }

    /// One whose URL is that of a listener for all services, a slash and the name of the service.
    ///
    /// # Errors
    ///
    /// What the API would not take.
    pub fn below(
        api: Api,
        account: AccountName,
        service: &str,
        base_url: &str,
        credentials: Credentials,
    ) -> Result<Self, Invalid> {
        // Of two spellings, the one that is registered.
        let name = api.service(service).unwrap_or(service);
        if base_url.contains('?') {
            let why = "the name of the service would follow what stands behind the ?";
            return Err(Invalid::Url { url: base_url.to_owned(), why });
        }
        Self::new(api, account, service, &format!("{}/{name}", base_url.trim_end_matches('/')), credentials)
    }

    /// Whose messages.
    #[must_use]
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// Which messages, as the register pages spell the service.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Where they go.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What they carry.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let url = Url::parse(url).map_err(|_| "it is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the platform calls http and https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials are registered beside it, not in it");
    }
    if url.fragment().is_some() {
        return Err("what follows a # is never sent");
    }
    match url.port_or_known_default() {
        Some(port) if PORTS.iter().any(|range| range.contains(&port)) => Ok(()),
        _ => Err("the platform calls the ports 80, 443, 9001-9006, 28200-28220 and 50551-50559"),
    }
}

/// Where a platform is: login and passwords go there, so the way is encrypted or does not leave the machine.
pub(crate) fn platform_url(text: &str) -> Result<Url, Invalid> {
    let refused = || Invalid::Platform(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let here = url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://example.com/v1/callbacks/CarrierService";

    fn credentials(username: &str, password: &str) -> Credentials {
        Credentials { username: username.to_owned(), password: password.to_owned() }
    }

    fn said(api: Api, service: &str, url: &str, credentials: Credentials) -> String {
        let account = "0000123456-00001".parse().unwrap();
        let made = Registration::new(api, account, service, url, credentials);
        made.map_or_else(|error| error.to_string(), |made| made.service().to_owned())
    }

    #[test]
    fn only_services_that_the_api_registers_are_taken_in_either_spelling() {
        let said = |api, service| said(api, service, URL, Credentials::default());
        for service in Api::Rest.services() {
            assert_eq!(said(Api::Rest, service), *service);
        }
        for service in Api::Soap.services() {
            assert_eq!(said(Api::Soap, service), *service);
        }
        assert_eq!((Api::Rest.services().len(), Api::Soap.services().len()), (13, 10));
        assert_eq!(said(Api::Soap, "AlertService"), "AlertService", "the newer SOAP page has it");
        assert_eq!(said(Api::Rest, "AlertsService"), "AlertService");
        assert_eq!(said(Api::Soap, "PromoChange"), "PromoChanges");
        assert!(said(Api::Soap, "StateService").contains("the soap API registers; it registers CarrierService, "));
        assert!(said(Api::Rest, "carrierservice").contains("is not a callback service"));
    }

    #[test]
    fn only_urls_that_the_platform_calls_are_taken() {
        let said = |url| said(Api::Rest, "CarrierService", url, Credentials::default());
        for url in [
            "http://10.120.102.183:50559/Callback/API/CallbackService.asmx",
            "https://example.com/v1/callbacks/CarrierService",
            "http://example.com",
            "https://example.com:9001/a",
            "https://example.com:28220/a",
        ] {
            assert_eq!(said(url), "CarrierService", "{url}");
        }
        for (url, why) in [
            ("example.com/a", "it is no URL"),
            ("ftp://example.com:80/a", "the platform calls http and https"),
            ("https://example.com:8443/a", "the platform calls the ports"),
            ("https://example.com:9007/a", "the platform calls the ports"),
            ("https://user:word@example.com/a", "credentials are registered beside it"),
            ("https://example.com/a#b", "what follows a # is never sent"),
        ] {
            assert!(said(url).contains(why), "{url}: {}", said(url));
        }
    }

    #[test]
    fn a_service_has_one_url_in_either_spelling() {
        let url = |service| {
            let account = "0000123456-00001".parse().unwrap();
            let base = "https://example.com/v1/callbacks/";
            Registration::below(Api::Rest, account, service, base, Credentials::default()).unwrap().url().to_owned()
        };
        assert_eq!(url("AlertsService"), "https://example.com/v1/callbacks/AlertService");
        assert_eq!(url("AlertsService"), url("AlertService"));
    }

    #[test]
    fn credentials_are_both_or_neither_and_not_longer_than_40_characters() {
        let said =
            |username: &str, password: &str| said(Api::Rest, "CarrierService", URL, credentials(username, password));
        let forty = "é".repeat(40);
        assert_eq!(said("", ""), "CarrierService");
        assert_eq!(said(&forty, &forty), "CarrierService");
        assert!(said("name", &format!("{forty}1")).contains("password for callbacks is longer than 40"));
        assert!(said(&format!("{forty}1"), "word").contains("user name for callbacks is longer than 40"));
        assert!(said("name", "").contains("both or neither"));
    }

    #[test]
    fn an_account_name_keeps_its_zeros_and_is_not_tidied() {
        assert_eq!("0000123456-00001".parse::<AccountName>().unwrap().to_string(), "0000123456-00001");
        assert_eq!("Verizon Test 1".parse::<AccountName>().unwrap().to_string(), "Verizon Test 1");
        for wrong in ["", " 0000123456-00001", "0000123456-00001\n"] {
            assert!(wrong.parse::<AccountName>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_login_is_sent_over_an_encrypted_way_or_within_the_machine() {
        for right in
            ["https://thingspace.verizon.com/api", "http://127.0.0.1:9100", "http://localhost:1", "http://[::1]:1"]
        {
            assert!(platform_url(right).is_ok(), "{right}");
        }
        for wrong in
            ["http://thingspace.verizon.com/api", "http://10.0.0.1:9100", "thingspace.verizon.com", "ftp://localhost"]
        {
            assert!(platform_url(wrong).is_err(), "{wrong}");
        }
    }
}
