//! The settings of the function.

use settings::{SettingError, Variables};

use crate::target::Properties;

/// The settings of the registrar, from its environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STACK_NAME`: a dimension of the metrics.
    pub stack_name: String,
    /// `CREDENTIALS_SECRET_ARN`; `None` only if `CALLBACK_CREDENTIALS` is `none`.
    pub callback_secret_arn: Option<String>,
    /// `PLATFORM_CREDENTIALS_SECRET_ARN`: the secret with the login at the platform.
    pub platform_secret_arn: String,
    /// `REGISTRAR_TABLE_NAME`.
    pub table_name: String,
    /// `DEVICE_EVENTS_TOPIC_ARN`.
    pub topic_arn: String,
    /// The parameters that a customer sets. They are validated when they are used, so that an invalid one fails the
    /// deployment with its reason instead of the start of the function.
    pub properties: Properties,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// The first setting that is missing or malformed.
    pub fn read(variables: &Variables<'_>) -> Result<Self, SettingError> {
        let unvalidated = |name| variables.optional(name).unwrap_or_default();
        Ok(Self {
            stack_name: variables.required("STACK_NAME")?,
            callback_secret_arn: variables.callback_secret_arn()?,
            platform_secret_arn: variables.required("PLATFORM_CREDENTIALS_SECRET_ARN")?,
            table_name: variables.required("REGISTRAR_TABLE_NAME")?,
            topic_arn: variables.required("DEVICE_EVENTS_TOPIC_ARN")?,
            properties: Properties {
                account_names: unvalidated("ACCOUNT_NAMES"),
                api: unvalidated("PLATFORM_API"),
                services: unvalidated("CALLBACK_SERVICES"),
                callback_base_url: unvalidated("CALLBACK_BASE_URL"),
                platform_url: unvalidated("PLATFORM_URL"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_the_stack_provides_must_be_there_and_one_of_the_customer_may_be_empty() {
        let all_but = |missing: &'static str| {
            let variable = move |name: &str| match name {
                "ACCOUNT_NAMES" | "CALLBACK_CREDENTIALS" => None,
                name => (name != missing).then(|| name.to_lowercase()),
            };
            Settings::read(&Variables::new(&variable)).map_err(|error| error.to_string())
        };
        assert_eq!(all_but("").unwrap().properties.account_names, "");
        for missing in ["STACK_NAME", "CREDENTIALS_SECRET_ARN", "REGISTRAR_TABLE_NAME", "DEVICE_EVENTS_TOPIC_ARN"] {
            assert_eq!(all_but(missing).unwrap_err(), format!("{missing} is not set."));
        }
    }
}
