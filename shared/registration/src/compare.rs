//! How what is registered differs from what should be. Pure.

use std::fmt;

use crate::service::is;
use crate::{Credentials, Registered, Registration};

/// How one registration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As it should be.
    AsWanted,
    /// At the right URL; the API does not show with which credentials (SOAP).
    CredentialsUnseen,
    /// At the right URL, with other credentials: its messages are refused.
    OtherCredentials,
    /// Its messages go somewhere else.
    Elsewhere {
        /// There.
        url: String,
    },
    /// Not through this API.
    Missing,
}

impl Standing {
    /// Whether messages of the service go to the URL where they should.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(self, Self::AsWanted | Self::CredentialsUnseen | Self::OtherCredentials)
    }

    /// Whether something is known to be wrong.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        !matches!(self, Self::AsWanted | Self::CredentialsUnseen)
    }
}

impl fmt::Display for Standing {
    /// In words, and without a URL, which may be somebody's secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsWanted => "as expected",
            Self::CredentialsUnseen => "as expected, credentials not shown",
            Self::OtherCredentials => "with other credentials",
            Self::Elsewhere { .. } => "somewhere else",
            Self::Missing => "missing",
        })
    }
}

/// What should be registered, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What should be.
    pub wanted: Registration,
    /// The service as the platform lists it, which has two spellings of some.
    pub listed_as: Option<String>,
    /// What is.
    pub standing: Standing,
}

/// Compares what should be registered with an account's list. Besides the wanted credentials these others are right too.
#[must_use]
pub fn compare(wanted: Vec<Registration>, others: &[Credentials], listed: &[Registered]) -> Vec<Comparison> {
    let compared = |wanted: Registration| {
        let found = listed.iter().find(|one| is(&one.service, wanted.service()));
        let standing = match found {
            None => Standing::Missing,
            Some(one) if one.url != wanted.url() => Standing::Elsewhere { url: one.url.clone() },
            Some(Registered { credentials: None, .. }) => Standing::CredentialsUnseen,
            Some(Registered { credentials: Some(seen), .. })
                if seen == wanted.credentials() || others.contains(seen) =>
            {
                Standing::AsWanted
            }
            Some(_) => Standing::OtherCredentials,
        };
        Comparison { wanted, listed_as: found.map(|one| one.service.clone()), standing }
    };
    wanted.into_iter().map(compared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Api, Credentials};

    #[test]
    fn each_registration_is_as_wanted_missing_elsewhere_or_with_other_credentials() {
        let credentials = Credentials { username: "stack".to_owned(), password: "word".to_owned() };
        let url = |service: &str| format!("https://example.com/callbacks/{service}");
        let wanted = |service: &str| {
            let account = "0000123456-00001".parse().unwrap();
            Registration::new(Api::Rest, account, service, &url(service), credentials.clone()).unwrap()
        };
        let wanted = ["CarrierService", "DeviceUsage", "AlertService", "StateService", "PromoChanges"].map(wanted);
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
        let standings: Vec<_> = compare(wanted.to_vec(), &[], &listed).into_iter().map(|one| one.standing).collect();
        let elsewhere = Standing::Elsewhere { url: "https://old.example.com".to_owned() };
        let expected =
            [Standing::AsWanted, Standing::OtherCredentials, Standing::CredentialsUnseen, elsewhere, Standing::Missing];
        assert_eq!(standings, expected);
        let others = compare(wanted[1..2].to_vec(), &[Credentials::default()], &listed);
        assert_eq!(others[0].standing, Standing::AsWanted);
    }
}
