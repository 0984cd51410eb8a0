//! The settings of the function.

use settings::{SettingError, Variables};

/// The topics that events are published to.
#[derive(Debug, Clone)]
pub struct Topics {
    /// `PROVISIONING_CHANGES_TOPIC_ARN`: events of ExternalProvisioningChanges.
    pub provisioning_changes: String,
    /// `DEVICE_EVENTS_TOPIC_ARN`: events of all other callback services.
    pub device_events: String,
}

impl Topics {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// The first setting that is missing.
    pub fn read(variables: &Variables<'_>) -> Result<Self, SettingError> {
        Ok(Self {
            provisioning_changes: variables.required("PROVISIONING_CHANGES_TOPIC_ARN")?,
            device_events: variables.required("DEVICE_EVENTS_TOPIC_ARN")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_topic_is_named() {
        let only_one = |name: &str| (name == "PROVISIONING_CHANGES_TOPIC_ARN").then(|| "arn".to_owned());
        let error = Topics::read(&Variables::new(&only_one)).unwrap_err();
        assert_eq!(error.to_string(), "DEVICE_EVENTS_TOPIC_ARN is not set.");
    }
}
