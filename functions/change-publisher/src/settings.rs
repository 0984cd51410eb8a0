//! The settings of the function.

use settings::{SettingError, Variables};

/// The settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The topics.
    pub topics: Topics,
    /// `DEAD_LETTER_QUEUE_URL`: the queue for records that can never be published.
    pub dead_letter_queue_url: String,
}

/// The topics that events are published to.
#[derive(Debug, Clone)]
pub struct Topics {
    /// `PROVISIONING_CHANGES_TOPIC_ARN`: events of ExternalProvisioningChanges.
    pub provisioning_changes: String,
    /// `DEVICE_EVENTS_TOPIC_ARN`: events of all other callback services.
    pub device_events: String,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// The first setting that is missing.
    pub fn read(variables: &Variables<'_>) -> Result<Self, SettingError> {
        Ok(Self {
            topics: Topics {
                provisioning_changes: variables.required("PROVISIONING_CHANGES_TOPIC_ARN")?,
                device_events: variables.required("DEVICE_EVENTS_TOPIC_ARN")?,
            },
            dead_letter_queue_url: variables.required("DEAD_LETTER_QUEUE_URL")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_setting_is_named() {
        let only_one = |name: &str| (name == "PROVISIONING_CHANGES_TOPIC_ARN").then(|| "arn".to_owned());
        let error = Settings::read(&Variables::new(&only_one)).unwrap_err();
        assert_eq!(error.to_string(), "DEVICE_EVENTS_TOPIC_ARN is not set.");
    }
}
