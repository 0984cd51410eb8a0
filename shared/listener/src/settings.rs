//! A function's settings: read once at start. A wrong one fails the start, with a sentence.

use std::str::FromStr;

use crate::AllowedAddresses;

/// The settings of a callback function, from its environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STACK_NAME`, which the metrics are told by.
    pub stack_name: String,
    /// `TABLE_NAME`.
    pub table_name: String,
    /// `CREDENTIALS_SECRET_ARN`; `None` only where `CALLBACK_CREDENTIALS` is `none`.
    pub credentials_secret_arn: Option<String>,
    /// `ALLOWED_ADDRESSES`: `any`, or addresses and networks with commas between.
    pub allowed_addresses: AllowedAddresses,
    /// `QUARANTINE_QUEUE_URL`.
    pub quarantine_queue_url: String,
    /// `EVENT_RETENTION_DAYS`; 0, the default, keeps events for ever.
    pub event_retention_days: u32,
}

/// A setting is missing or wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Not there.
    #[error("{0} is not set.")]
    Missing(&'static str),
    /// Not as it must be.
    #[error("{name} is \"{value}\": {why}.")]
    Wrong {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Settings {
    /// Reads the settings from variables of this name.
    ///
    /// # Errors
    ///
    /// A [`SettingError`] for the first that is missing or wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let required = |name| variable(name).ok_or(SettingError::Missing(name));
        let credentials_secret_arn = match variable("CALLBACK_CREDENTIALS").as_deref() {
            Some("none") => None,
            Some(other) => return Err(wrong("CALLBACK_CREDENTIALS", other, "only none can be said here")),
            None => Some(required("CREDENTIALS_SECRET_ARN")?),
        };
        Ok(Self {
            stack_name: required("STACK_NAME")?,
            table_name: required("TABLE_NAME")?,
            credentials_secret_arn,
            allowed_addresses: parsed("ALLOWED_ADDRESSES", &required("ALLOWED_ADDRESSES")?)?,
            quarantine_queue_url: required("QUARANTINE_QUEUE_URL")?,
            event_retention_days: parsed(
                "EVENT_RETENTION_DAYS",
                variable("EVENT_RETENTION_DAYS").as_deref().unwrap_or("0"),
            )?,
        })
    }
}

fn parsed<T: FromStr<Err: ToString>>(name: &'static str, value: &str) -> Result<T, SettingError> {
    value.trim().parse().map_err(|error: T::Err| wrong(name, value, &error.to_string()))
}

fn wrong(name: &'static str, value: &str, why: &str) -> SettingError {
    SettingError::Wrong { name, value: value.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: [(&str, &str); 5] = [
        ("STACK_NAME", "cb"),
        ("TABLE_NAME", "callbacks"),
        ("CREDENTIALS_SECRET_ARN", "arn"),
        ("ALLOWED_ADDRESSES", "137.117.33.109, 168.62.173.0/24"),
        ("QUARANTINE_QUEUE_URL", "https://queue"),
    ];

    /// What is said of the right settings with one of them set to this.
    fn said(name: &str, value: &str) -> String {
        let read = Settings::read(|wanted| {
            let right = RIGHT.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
            if wanted == name { Some(value.to_owned()) } else { right.map(str::to_owned) }
        });
        read.map_or_else(|error| error.to_string(), |settings| format!("{:?}", settings.credentials_secret_arn))
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_is_wrong() {
        assert_eq!(said("TABLE_NAME", "other"), "Some(\"arn\")");
        assert_eq!(said("TABLE_NAME", ""), "TABLE_NAME is not set.");
        assert_eq!(
            said("ALLOWED_ADDRESSES", "10.0.0.1,here"),
            "ALLOWED_ADDRESSES is \"10.0.0.1,here\": \"here\" is neither an address nor a network."
        );
        assert_eq!(
            said("EVENT_RETENTION_DAYS", "-1"),
            "EVENT_RETENTION_DAYS is \"-1\": invalid digit found in string."
        );
    }

    #[test]
    fn doing_without_credentials_must_be_said() {
        assert_eq!(said("CREDENTIALS_SECRET_ARN", ""), "CREDENTIALS_SECRET_ARN is not set.");
        assert_eq!(said("CALLBACK_CREDENTIALS", "none"), "None");
        assert_eq!(said("CALLBACK_CREDENTIALS", "no"), "CALLBACK_CREDENTIALS is \"no\": only none can be said here.");
    }

    #[test]
    fn only_listed_addresses_and_networks_are_allowed() {
        let allowed: AllowedAddresses = "137.117.33.109, 168.62.173.0/24".parse().unwrap();
        let contains = |address: &str| allowed.contains(Some(address.parse().unwrap()));
        assert!(contains("137.117.33.109") && contains("168.62.173.7"));
        assert!(!contains("137.117.33.110") && !contains("::1"));
        assert!(!allowed.contains(None));
        assert!("any".parse::<AllowedAddresses>().unwrap().contains(None));
    }
}
