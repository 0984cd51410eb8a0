//! Registrations: what is registered, and what should be. What the platform would reject cannot be built.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use reqwest::Url;

use crate::api::Api;
use crate::credentials::Credentials;
use crate::invalid::{Invalid, MAX_CREDENTIAL_CHARS};

/// The ports that the platform calls (SOAP page: the first two ranges and the last; newer REST page: all of them).
const PORTS: [RangeInclusive<u16>; 5] = [80..=80, 443..=443, 9001..=9006, 28200..=28220, 50551..=50559];

/// The name of a billing account, with its leading zeros: `0123456789-00001`, or free text in old accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName(String);

impl FromStr for AccountName {
    type Err = Invalid;

    /// The text is not normalized: an account name is no number, even if it looks like one.
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

/// An expected registration: callbacks of a service about an account go to a URL and carry these credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    account: AccountName,
    service: &'static str,
    url: String,
    credentials: Credentials,
}

impl Registration {
    /// A registration that this API accepts, according to its documentation.
    ///
    /// # Errors
    ///
    /// The first value that the API would reject.
    pub fn new(
        api: Api,
        account: AccountName,
        service: &str,
        url: &str,
        credentials: Credentials,
    ) -> Result<Self, Invalid> {
        let unknown = || Invalid::Service { service: service.to_owned(), api };
        let service = api.service(service).ok_or_else(unknown)?;
        check_url(url).map_err(|reason| Invalid::Url { url: url.to_owned(), reason })?;
        if credentials.username.is_empty() != credentials.password.is_empty() {
            return Err(Invalid::HalfCredentials);
        }
        for (what, text) in [("user name", &credentials.username), ("password", &credentials.password)] {
            if text.chars().count() > MAX_CREDENTIAL_CHARS {
                return Err(Invalid::CredentialTooLong(what));
            }
        }
        Ok(Self { account, service, url: url.to_owned(), credentials })
    }

    /// A registration at a listener for all services and accounts: the URL is `base_url`, a slash and the name of the
    /// service, and the user name contains the account ([`Credentials::of_account`]).
    ///
    /// # Errors
    ///
    /// The first value that the API would reject.
    pub fn below(
        api: Api,
        account: AccountName,
        service: &str,
        base_url: &str,
        credentials: &Credentials,
    ) -> Result<Self, Invalid> {
        // Some services have two spellings; the URL contains the one that is registered.
        let name = api.service(service).unwrap_or(service);
        if base_url.contains('?') {
            let reason = "the name of the service would be appended to its query";
            return Err(Invalid::Url { url: base_url.to_owned(), reason });
        }
        let credentials = credentials.of_account(&account)?;
        Self::new(api, account, service, &format!("{}/{name}", base_url.trim_end_matches('/')), credentials)
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// The callback service, as spelled on the pages about registration.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The callback URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The credentials that callbacks carry.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let url = Url::parse(url).map_err(|_| "it is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the platform calls only http and https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials are registered separately, not in the URL");
    }
    if url.fragment().is_some() {
        return Err("a fragment is never sent");
    }
    match url.port_or_known_default() {
        Some(port) if PORTS.iter().any(|range| range.contains(&port)) => Ok(()),
        _ => Err("the platform calls only the ports 80, 443, 9001-9006, 28200-28220 and 50551-50559"),
    }
}

/// A registration as the platform lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The callback service, as spelled in the list.
    pub service: String,
    /// The callback URL.
    pub url: String,
    /// The credentials that callbacks carry. REST lists them, SOAP does not.
    pub credentials: Option<Credentials>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://example.com/v1/callbacks/CarrierService";

    fn credentials(username: &str, password: &str) -> Credentials {
        Credentials { username: username.to_owned(), password: password.to_owned() }
    }

    fn result(api: Api, service: &str, url: &str, credentials: Credentials) -> String {
        let account = "0000123456-00001".parse().unwrap();
        let made = Registration::new(api, account, service, url, credentials);
        made.map_or_else(|error| error.to_string(), |made| made.service().to_owned())
    }

    #[test]
    fn only_services_that_the_api_registers_are_accepted_in_either_spelling() {
        let result = |api, service| result(api, service, URL, Credentials::default());
        for service in Api::Rest.services() {
            assert_eq!(result(Api::Rest, service), *service);
        }
        for service in Api::Soap.services() {
            assert_eq!(result(Api::Soap, service), *service);
        }
        assert_eq!((Api::Rest.services().len(), Api::Soap.services().len()), (13, 10));
        assert_eq!(result(Api::Soap, "AlertService"), "AlertService", "the newer SOAP page has it");
        assert_eq!(result(Api::Rest, "AlertsService"), "AlertService");
        assert_eq!(result(Api::Soap, "PromoChange"), "PromoChanges");
        assert!(result(Api::Soap, "StateService").contains("the soap API registers; it registers CarrierService, "));
        assert!(result(Api::Rest, "carrierservice").contains("is not a callback service"));
    }

    #[test]
    fn only_urls_that_the_platform_calls_are_accepted() {
        let result = |url| result(Api::Rest, "CarrierService", url, Credentials::default());
        for url in [
            "http://10.120.102.183:50559/Callback/API/CallbackService.asmx",
            "https://example.com/v1/callbacks/CarrierService",
            "http://example.com",
            "https://example.com:9001/a",
            "https://example.com:28220/a",
        ] {
            assert_eq!(result(url), "CarrierService", "{url}");
        }
        for (url, why) in [
            ("example.com/a", "it is not a URL"),
            ("ftp://example.com:80/a", "the platform calls only http and https"),
            ("https://example.com:8443/a", "the platform calls only the ports"),
            ("https://example.com:9007/a", "the platform calls only the ports"),
            ("https://user:word@example.com/a", "credentials are registered separately"),
            ("https://example.com/a#b", "a fragment is never sent"),
        ] {
            assert!(result(url).contains(why), "{url}: {}", result(url));
        }
    }

    #[test]
    fn both_spellings_of_a_service_have_the_same_url() {
        let url = |service| {
            let account = "0000123456-00001".parse().unwrap();
            let base = "https://example.com/v1/callbacks/";
            Registration::below(Api::Rest, account, service, base, &Credentials::default()).unwrap().url().to_owned()
        };
        assert_eq!(url("AlertsService"), "https://example.com/v1/callbacks/AlertService");
        assert_eq!(url("AlertsService"), url("AlertService"));
    }

    #[test]
    fn every_account_has_a_user_name_of_its_own_of_at_most_40_characters() {
        let made = |account: &str, username: &str| {
            let account = account.parse().unwrap();
            let credentials = credentials(username, "word");
            let base = "https://example.com/v1/callbacks";
            let made = Registration::below(Api::Rest, account, "CarrierService", base, &credentials);
            made.map(|made| made.credentials().username.clone()).map_err(|error| error.to_string())
        };
        let generated = made("0000123456-00001", "thingspace-callbacks");
        assert_eq!(generated.as_deref(), Ok("thingspace-callbacks-0000123456-00001"));
        assert_eq!(made("Verizon Test 1", "me").as_deref(), Ok("me-Verizon Test 1"));
        assert!(made("0000123456-00001", &"a".repeat(23)).is_ok());
        let error = made("0000123456-00001", &"a".repeat(24)).unwrap_err();
        assert!(error.contains("of the account 0000123456-00001 has 41 characters"), "{error}");
        let none = Credentials::default().of_account(&"0000123456-00001".parse().unwrap()).unwrap();
        assert_eq!(none, Credentials::default());
    }

    #[test]
    fn user_name_and_password_are_given_together_and_have_at_most_40_characters() {
        let result =
            |username: &str, password: &str| result(Api::Rest, "CarrierService", URL, credentials(username, password));
        let forty = "é".repeat(40);
        assert_eq!(result("", ""), "CarrierService");
        assert_eq!(result(&forty, &forty), "CarrierService");
        assert!(result("name", &format!("{forty}1")).contains("password for callbacks is longer than 40"));
        assert!(result(&format!("{forty}1"), "word").contains("user name for callbacks is longer than 40"));
        assert!(result("name", "").contains("both or neither"));
    }

    #[test]
    fn an_account_name_is_not_normalized() {
        assert_eq!("0000123456-00001".parse::<AccountName>().unwrap().to_string(), "0000123456-00001");
        assert_eq!("Verizon Test 1".parse::<AccountName>().unwrap().to_string(), "Verizon Test 1");
        for wrong in ["", " 0000123456-00001", "0000123456-00001\n"] {
            assert!(wrong.parse::<AccountName>().is_err(), "{wrong:?}");
        }
    }
}
