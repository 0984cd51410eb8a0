//! The expected registrations: the parameters of the stack.

use registration::{AccountName, Api, Credentials, Invalid, Registration};
use serde::{Deserialize, Serialize};

/// The parameters of the stack. They are in the function's environment, and again in the properties of the custom
/// resource, so that CloudFormation detects changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Properties {
    /// Account names separated by commas, or `none`.
    pub account_names: String,
    /// `rest` or `soap`.
    pub api: String,
    /// Callback services separated by commas, or `all`.
    pub services: String,
    /// A callback URL is this, a slash and the name of the service.
    pub callback_base_url: String,
    /// Address of the platform; empty for Verizon's.
    pub platform_url: String,
}

/// The expected registrations of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The accounts.
    pub accounts: Vec<AccountName>,
    /// The API to register through.
    pub api: Api,
    /// The callback services.
    pub services: Vec<String>,
    /// Address of the platform.
    pub platform_url: String,
    callback_base_url: String,
}

impl Target {
    /// Parses the parameters.
    ///
    /// # Errors
    ///
    /// The first invalid one. Services and URLs are validated by [`Target::registrations`].
    pub fn read(properties: &Properties) -> Result<Self, Invalid> {
        let api: Api = properties.api.parse()?;
        let listed = |text: &str| text.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>();
        Ok(Self {
            accounts: match properties.account_names.trim() {
                // An empty parameter may have been forgotten, so it must not deregister anything.
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
                "" => api.default_url().to_owned(),
                other => other.to_owned(),
            },
            callback_base_url: properties.callback_base_url.clone(),
        })
    }

    /// The expected registrations of an account, with its user name for these credentials.
    ///
    /// # Errors
    ///
    /// The first value that the platform would reject.
    pub fn registrations(
        &self,
        account: &AccountName,
        credentials: &Credentials,
    ) -> Result<Vec<Registration>, Invalid> {
        let registration = |service: &String| {
            Registration::below(self.api, account.clone(), service, &self.callback_base_url, credentials)
        };
        self.services.iter().map(registration).collect()
    }

    /// Whether it contains a registration, with any credentials.
    #[must_use]
    pub fn contains(&self, registration: &Registration) -> bool {
        let registrations = self.registrations(registration.account(), &Credentials::default());
        self.accounts.contains(registration.account())
            && registrations.is_ok_and(|own| own.iter().any(|one| one.url() == registration.url()))
    }

    /// The part of this target that another one does not contain: a target for each account.
    #[must_use]
    pub fn without(&self, other: &Self) -> Vec<Self> {
        let comparable = (self.api, &self.platform_url, &self.callback_base_url)
            == (other.api, &other.platform_url, &other.callback_base_url);
        let remainder = |account: &AccountName| {
            let missing = |service: &&String| {
                !(comparable && other.accounts.contains(account) && other.services.contains(service))
            };
            let services: Vec<String> = self.services.iter().filter(missing).cloned().collect();
            let accounts = vec![account.clone()];
            (!services.is_empty()).then(|| Self { accounts, services, ..self.clone() })
        };
        self.accounts.iter().filter_map(remainder).collect()
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
    fn all_services_of_the_api_or_the_listed_ones_are_registered_below_the_base_url() {
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
    fn an_update_deregisters_what_only_the_old_parameters_contain() {
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
