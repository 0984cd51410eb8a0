//! One vocabulary for changes: the platform's own names differ by service, transport and case.

use serde::{Deserialize, Serialize};

use crate::facet::Facet;

macro_rules! kinds {
    ($($(#[$about:meta])* $kind:ident = $name:literal,)*) => {
        /// The kind of a change, independent of the platform's own name.
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
    /// The number, SIM or hardware of a device was changed.
    ChangeIdentifier = "change-identifier",
    /// The service plan was changed.
    ChangeServicePlan = "change-service-plan",
    /// The cost center was changed.
    ChangeCostCenter = "change-cost-center",
    /// The custom fields were changed.
    ChangeCustomFields = "change-custom-fields",
    /// The contact was changed.
    ChangeContactInfo = "change-contact-info",
    /// The device was moved to another account.
    Move = "move",
    /// The network saw a SIM in other hardware.
    DeviceDetection = "device-detection",
    /// A request failed; `result` contains the reason. A failure does not state which operation it answers.
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
    /// A device lost identifiers to another one, or was merged into it. An event of our own.
    IdentifiersMoved = "identifiers-moved",
    /// Any other change; `change` is the platform's own name.
    #[default]
    #[serde(other)]
    Other = "other",
}

impl Facet {
    /// The kind of a report on this facet.
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
