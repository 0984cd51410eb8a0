//! The settings of a callback function.

use settings::{SettingError, Variables};

use crate::addresses::AllowedAddresses;

/// The settings of a callback function, from its environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STACK_NAME`: a dimension of the metrics.
    pub stack_name: String,
    /// `TABLE_NAME`.
    pub table_name: String,
    /// `CREDENTIALS_SECRET_ARN`; `None` only if `CALLBACK_CREDENTIALS` is `none`.
    pub credentials_secret_arn: Option<String>,
    /// `ALLOWED_ADDRESSES`: `any`, or addresses and CIDR ranges separated by commas.
    pub allowed_addresses: AllowedAddresses,
    /// `PARKED_QUEUE_URL`.
    pub parked_queue_url: String,
    /// `QUARANTINE_QUEUE_URL`.
    pub quarantine_queue_url: String,
    /// `EVENT_RETENTION_DAYS`; 0, the default, keeps events indefinitely.
    pub event_retention_days: u32,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// The first setting that is missing or malformed.
    pub fn read(variables: &Variables<'_>) -> Result<Self, SettingError> {
        Ok(Self {
            stack_name: variables.required("STACK_NAME")?,
            table_name: variables.required("TABLE_NAME")?,
            credentials_secret_arn: variables.callback_secret_arn()?,
            allowed_addresses: variables.parsed("ALLOWED_ADDRESSES")?,
            parked_queue_url: variables.required("PARKED_QUEUE_URL")?,
            quarantine_queue_url: variables.required("QUARANTINE_QUEUE_URL")?,
            event_retention_days: variables.parsed_or_default("EVENT_RETENTION_DAYS")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: [(&str, &str); 6] = [
        ("STACK_NAME", "cb"),
        ("TABLE_NAME", "callbacks"),
        ("CREDENTIALS_SECRET_ARN", "arn"),
        ("ALLOWED_ADDRESSES", "137.117.33.109, 168.62.173.0/24"),
        ("PARKED_QUEUE_URL", "https://parked"),
        ("QUARANTINE_QUEUE_URL", "https://queue"),
    ];

    /// The error with valid settings of which one is changed.
    fn error_with(changed: &str, value: &str) -> Option<String> {
        let variable = |name: &str| {
            let valid = VALID.iter().find(|(valid, _)| *valid == name).map(|(_, value)| *value);
            if name == changed { Some(value.to_owned()) } else { valid.map(str::to_owned) }
        };
        Settings::read(&Variables::new(&variable)).err().map(|error| error.to_string())
    }

    #[test]
    fn a_missing_or_malformed_setting_is_named() {
        assert_eq!(error_with("TABLE_NAME", "other"), None);
        let error = |name, value| error_with(name, value).unwrap();
        assert_eq!(error("TABLE_NAME", ""), "TABLE_NAME is not set.");
        assert_eq!(error("CREDENTIALS_SECRET_ARN", ""), "CREDENTIALS_SECRET_ARN is not set.");
        assert_eq!(
            error("ALLOWED_ADDRESSES", "10.0.0.1,here"),
            "ALLOWED_ADDRESSES is \"10.0.0.1,here\": \"here\" is neither an address nor a CIDR range."
        );
        assert_eq!(
            error("EVENT_RETENTION_DAYS", "-1"),
            "EVENT_RETENTION_DAYS is \"-1\": invalid digit found in string."
        );
    }
}
