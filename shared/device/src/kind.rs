//! What happened, in one vocabulary: the platform has several names for one thing, by service, transport and case.

use serde::{Deserialize, Serialize};

use crate::facet::Facet;

macro_rules! kinds {
    ($($(#[$about:meta])* $kind:ident = $name:literal,)*) => {
        /// What happened, whatever the platform calls it.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$about])* #[serde(rename = $name)] $kind,)*
        }

        impl EventKind {
            /// As it is recorded and published.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A line of service is active.
    Activate = "activate",
    /// A line of service is suspended.
    Suspend = "suspend",
    /// A suspended line of service is active again.
    Restore = "restore",
    /// A line of service has ended.
    Deactivate = "deactivate",
    /// A device has another number, SIM or hardware.
    ChangeIdentifier = "change-identifier",
    /// A device has another service plan.
    ChangeServicePlan = "change-service-plan",
    /// A device has another cost center.
    ChangeCostCenter = "change-cost-center",
    /// A device has other custom fields.
    ChangeCustomFields = "change-custom-fields",
    /// A device has another contact.
    ChangeContactInfo = "change-contact-info",
    /// A device belongs to another account.
    Move = "move",
    /// The network saw a SIM in other hardware.
    DeviceDetection = "device-detection",
    /// A request was not done; `result` says why. A failure does not say which operation it answers.
    RequestFailed = "request-failed",
    /// A usage report.
    Usage = "usage",
    /// The condition of a trigger is met.
    Alert = "alert",
    /// A device sent a text message.
    SmsReceived = "sms-received",
    /// The network sent a text message to a device.
    SmsSent = "sms-sent",
    /// A device acknowledged a text message, or it expired.
    SmsDelivery = "sms-delivery",
    /// The answer to a request for an eUICC profile.
    Profile = "profile",
    /// A preferred roaming list.
    Prl = "prl",
    /// Whether a device can be reached.
    Availability = "availability",
    /// Since when and until when a device is suspended.
    SuspensionStatus = "suspension-status",
    /// A device went to another customer-defined state.
    CustomState = "custom-state",
    /// A promotional package was removed.
    PromotionLost = "promotion-lost",
    /// A suspended device will return to service.
    ResumeAnnounced = "resume-announced",
    /// A device lost names to another one, or merged into it. Not the platform's.
    IdentifiersMoved = "identifiers-moved",
    /// What none of these is; `change` has the platform's own name.
    #[default]
    #[serde(other)]
    Other = "other",
}

impl Facet {
    /// What a report on it is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Usage => EventKind::Usage,
            Self::Alert => EventKind::Alert,
            Self::SmsReceived => EventKind::SmsReceived,
            Self::SmsSent => EventKind::SmsSent,
            Self::SmsDelivery(_) => EventKind::SmsDelivery,
            Self::Profile(_) => EventKind::Profile,
            Self::Prl(_) => EventKind::Prl,
            Self::Availability => EventKind::Availability,
            Self::Suspension(_) => EventKind::SuspensionStatus,
            Self::CustomState => EventKind::CustomState,
            Self::PromotionLost => EventKind::PromotionLost,
            Self::Resume => EventKind::ResumeAnnounced,
            Self::Other(_) => EventKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_recorded_by_its_name_and_an_unknown_one_is_other() {
        for kind in [EventKind::Suspend, EventKind::ChangeContactInfo, EventKind::Other] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(serde_json::from_value::<EventKind>(kind.name().into()).unwrap(), kind);
        }
        assert_eq!(serde_json::from_value::<EventKind>("of-a-later-version".into()).unwrap(), EventKind::Other);
    }
}
