//! Compares the registrations of an account with the expected ones. Pure.

use std::fmt;

use crate::api::is_same_service;
use crate::credentials::Credentials;
use crate::registration::{Registered, Registration};

/// The status of an expected registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationStatus {
    /// As expected.
    AsExpected,
    /// The URL is as expected; the API does not list credentials (SOAP).
    CredentialsHidden,
    /// The URL is as expected, the credentials are not: callbacks are refused.
    OtherCredentials,
    /// Callbacks go to another URL.
    Elsewhere {
        /// The other URL.
        url: String,
    },
    /// Not registered through this API.
    Missing,
}

impl RegistrationStatus {
    /// Whether callbacks go to the expected URL.
    #[must_use]
    pub fn has_expected_url(&self) -> bool {
        matches!(self, Self::AsExpected | Self::CredentialsHidden | Self::OtherCredentials)
    }

    /// Whether the registration is known to differ from the expected one.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        !matches!(self, Self::AsExpected | Self::CredentialsHidden)
    }
}

impl fmt::Display for RegistrationStatus {
    /// Without a URL, which may contain a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsExpected => "as expected",
            Self::CredentialsHidden => "as expected, credentials not shown",
            Self::OtherCredentials => "with other credentials",
            Self::Elsewhere { .. } => "somewhere else",
            Self::Missing => "missing",
        })
    }
}

/// An expected registration and its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The expected registration.
    pub expected: Registration,
    /// The service as the platform lists it: some have two spellings.
    pub listed_as: Option<String>,
    /// Its status.
    pub status: RegistrationStatus,
}

/// Compares expected registrations with an account's list. A registration with one of the `others` credentials is as
/// expected too.
#[must_use]
pub fn compare(expected: Vec<Registration>, others: &[Credentials], listed: &[Registered]) -> Vec<Comparison> {
    let comparison = |expected: Registration| {
        let found = listed.iter().find(|registered| is_same_service(&registered.service, expected.service()));
        let status = match found {
            None => RegistrationStatus::Missing,
            Some(registered) if registered.url != expected.url() => {
                RegistrationStatus::Elsewhere { url: registered.url.clone() }
            }
            Some(Registered { credentials: None, .. }) => RegistrationStatus::CredentialsHidden,
            Some(Registered { credentials: Some(seen), .. })
                if seen == expected.credentials() || others.contains(seen) =>
            {
                RegistrationStatus::AsExpected
            }
            Some(_) => RegistrationStatus::OtherCredentials,
        };
        Comparison { expected, listed_as: found.map(|registered| registered.service.clone()), status }
    };
    expected.into_iter().map(comparison).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Api;

    #[test]
    fn a_registration_is_as_expected_missing_elsewhere_or_with_other_credentials() {
        let credentials = Credentials { username: "stack".to_owned(), password: "word".to_owned() };
        let url = |service: &str| format!("https://example.com/callbacks/{service}");
        let registration = |service: &str| {
            let account = "0000123456-00001".parse().unwrap();
            Registration::new(Api::Rest, account, service, &url(service), credentials.clone()).unwrap()
        };
        let registrations =
            ["CarrierService", "DeviceUsage", "AlertService", "StateService", "PromoChanges"].map(registration);
        let listed = |service: &str, url: String, credentials: Option<&Credentials>| Registered {
            service: service.to_owned(),
            url,
            credentials: credentials.cloned(),
        };
        let listed = [
            listed("CarrierService", url("CarrierService"), Some(&credentials)),
            listed("DeviceUsage", url("DeviceUsage"), Some(&Credentials::default())),
            listed("AlertsService", url("AlertService"), None),
            listed("StateService", "https://old.example.com".to_owned(), Some(&credentials)),
            listed("NiddService", url("NiddService"), None),
        ];
        let statuses: Vec<_> =
            compare(registrations.to_vec(), &[], &listed).into_iter().map(|one| one.status).collect();
        let elsewhere = RegistrationStatus::Elsewhere { url: "https://old.example.com".to_owned() };
        let expected = [
            RegistrationStatus::AsExpected,
            RegistrationStatus::OtherCredentials,
            RegistrationStatus::CredentialsHidden,
            elsewhere,
            RegistrationStatus::Missing,
        ];
        assert_eq!(statuses, expected);
        let others = compare(registrations[1..2].to_vec(), &[Credentials::default()], &listed);
        assert_eq!(others[0].status, RegistrationStatus::AsExpected);
    }
}
