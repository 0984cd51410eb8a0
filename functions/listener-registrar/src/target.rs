//! What should be registered: the stack's parameters, read.

use registration::{AccountName, Api, Credentials, Invalid, Registration};
use serde::{Deserialize, Serialize};

/// The parameters as the stack states them: in the function's environment, and again as properties of its registrations,
/// so that CloudFormation sees what changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Properties {
    /// With commas between; `none` for no account.
    pub account_names: String,
    /// `rest` or `soap`.
    pub api: String,
    /// `all`, or names with commas between.
    pub services: String,
    /// Callback URLs are this, a slash and the name of the service.
    pub callback_base_url: String,
    /// Where the platform is; empty for Verizon's own.
    pub platform_url: String,
}

/// What should be registered, where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whose messages.
    pub accounts: Vec<AccountName>,
    /// Through which API.
    pub api: Api,
    /// Which messages.
    pub services: Vec<String>,
    /// Where the platform is.
    pub platform_url: String,
    callback_base_url: String,
}

impl Target {
    /// Reads the parameters.
    ///
    /// # Errors
    ///
    /// The first that cannot be right. Services and URLs are looked at when registrations are made of them.
    pub fn read(properties: &Properties) -> Result<Self, Invalid> {
        let api: Api = properties.api.parse()?;
        let listed = |text: &str| text.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>();
        Ok(Self {
            accounts: match properties.account_names.trim() {
                // An empty parameter may be one that was left out: only the word deregisters.
                "" => return Err(Invalid::NoAccount),
                "none" => Vec::new(),
                some => listed(some).iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
            },
            api,
            services: match properties.services.trim() {
                "all" => api.services().iter().map(|&service| service.to_owned()).collect(),
                some => listed(some),
            },
            platform_url: match properties.platform_url.as_str() {
                "" => api.home().to_owned(),
                other => other.to_owned(),
            },
            callback_base_url: properties.callback_base_url.clone(),
        })
    }

    /// What should be registered for an account.
    ///
    /// # Errors
    ///
    /// What the platform would not take.
    pub fn registrations(
        &self,
        account: &AccountName,
        credentials: &Credentials,
    ) -> Result<Vec<Registration>, Invalid> {
        let registration = |service: &String| {
            let (account, credentials) = (account.clone(), credentials.clone());
            Registration::below(self.api, account, service, &self.callback_base_url, credentials)
        };
        self.services.iter().map(registration).collect()
    }

    /// Whether a registration is part of it, whatever its credentials.
    #[must_use]
    pub fn has(&self, registration: &Registration) -> bool {
        let registrations = self.registrations(registration.account(), &Credentials::default());
        self.accounts.contains(registration.account())
            && registrations.is_ok_and(|all| all.iter().any(|one| one.url() == registration.url()))
    }

    /// What of this is no part of another target: a part for each account.
    #[must_use]
    pub fn without(&self, other: &Self) -> Vec<Self> {
        let alike = (self.api, &self.platform_url, &self.callback_base_url)
            == (other.api, &other.platform_url, &other.callback_base_url);
        let left = |account: &AccountName| {
            let kept =
                |service: &&String| !(alike && other.accounts.contains(account) && other.services.contains(service));
            let services: Vec<String> = self.services.iter().filter(kept).cloned().collect();
            let accounts = vec![account.clone()];
            (!services.is_empty()).then(|| Self { accounts, services, ..self.clone() })
        };
        self.accounts.iter().filter_map(left).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(accounts: &str, services: &str) -> Properties {
        Properties {
            account_names: accounts.to_owned(),
            api: "rest".to_owned(),
            services: services.to_owned(),
            callback_base_url: "https://example.com/v1/callbacks/".to_owned(),
            platform_url: String::new(),
        }
    }

    fn target(accounts: &str, services: &str) -> Target {
        Target::read(&properties(accounts, services)).unwrap()
    }

    #[test]
    fn all_services_of_the_api_or_those_named_are_registered_below_the_base_url() {
        let all = target("0000123456-00001", "all");
        assert_eq!(all.platform_url, "https://thingspace.verizon.com/api");
        let account = &all.accounts[0];
        assert_eq!(all.registrations(account, &Credentials::default()).unwrap().len(), 13);
        let some = target("0000123456-00001", "DeviceUsage, CarrierService");
        let made = some.registrations(account, &Credentials::default()).unwrap();
        let urls: Vec<_> = made.iter().map(Registration::url).collect();
        assert_eq!(
            urls,
            ["https://example.com/v1/callbacks/DeviceUsage", "https://example.com/v1/callbacks/CarrierService"]
        );
        let wrong = target("0000123456-00001", "DeviceUse").registrations(account, &Credentials::default());
        assert!(wrong.unwrap_err().to_string().contains("\"DeviceUse\" is not a callback service"));
    }

    #[test]
    fn what_an_update_gives_up_is_what_the_old_parameters_had_and_the_new_have_not() {
        let old = target("0000123456-00001,0000123456-00002", "DeviceUsage,CarrierService");
        let new = target("0000123456-00002", "DeviceUsage,StateService");
        let left: Vec<_> =
            old.without(&new).into_iter().map(|part| (part.accounts[0].to_string(), part.services)).collect();
        let expected = [
            ("0000123456-00001".to_owned(), vec!["DeviceUsage".to_owned(), "CarrierService".to_owned()]),
            ("0000123456-00002".to_owned(), vec!["CarrierService".to_owned()]),
        ];
        assert_eq!(left, expected);
        assert!(old.without(&old).is_empty());

        let elsewhere = Properties {
            callback_base_url: "https://other.example.com".to_owned(),
            ..properties("0000123456-00002", "DeviceUsage")
        };
        assert!(new.without(&Target::read(&elsewhere).unwrap()).iter().any(|part| part.services.len() == 2));
    }
}
