//! A function's settings: read once at start. A wrong one fails the start, with a sentence.

use std::str::FromStr;

use crate::AllowedAddresses;

/// The settings of a callback function, from its environment.
#[derive(Debug, Clone)]
pub struct Settings {
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
