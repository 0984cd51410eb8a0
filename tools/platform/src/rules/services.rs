//! The callback services that each API knows, as its page spells them.

use super::Api;

/// Of the REST API's page.
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

/// Of the SOAP API's page, whose newer copy has AlertService too.
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

    /// The service that a deregistration means: each page of deregistration spells one service in its own way.
    pub(super) fn deregistered(self, name: &str) -> &str {
        match (self, name) {
            (Self::Rest, "AlertsService") => "AlertService",
            (Self::Soap, "PromoChange") => "PromoChanges",
            _ => name,
        }
    }
}
