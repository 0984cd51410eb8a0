//! The callback services of each API, as spelled on its page.

use super::Api;

/// The services on the REST API's page.
const REST: [&str; 13] = [
    "AlertService",
    "CarrierService",
    "DevicePRLInformation",
    "DeviceProfileService",
    "DeviceService",
    "DeviceSuspensionStatus",
    "DeviceUsage",
    "EnhancedConnectivityService",
    "ExternalProvisioningChanges",
    "PromoChanges",
    "ResumeTrackingNotification",
    "SMSDeliveryConfirmation",
    "StateService",
];

/// The services on the SOAP API's page. AlertService is only on a newer copy of it.
const SOAP: [&str; 11] = [
    "AlertService",
    "CarrierService",
    "DevicePRLInformation",
    "DeviceService",
    "DeviceSuspensionStatus",
    "DeviceUsage",
    "EnhancedConnectivityService",
    "ExternalProvisioningChanges",
    "PromoChanges",
    "ResumeTrackingNotification",
    "SMSDeliveryConfirmation",
];

impl Api {
    /// The names under which a listener can be registered.
    #[must_use]
    pub const fn services(self) -> &'static [&'static str] {
        match self {
            Self::Rest => &REST,
            Self::Soap => &SOAP,
        }
    }

    /// The service of a deregistration: each page about deregistration spells one service differently.
    pub(super) fn deregistered(self, name: &str) -> &str {
        match (self, name) {
            (Self::Rest, "AlertsService") => "AlertService",
            (Self::Soap, "PromoChange") => "PromoChanges",
            _ => name,
        }
    }
}
