//! The two registration APIs, and the callback services that each can register.

use std::fmt;
use std::str::FromStr;

/// One of the platform's registration APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// ThingSpace: JSON over HTTP.
    Rest,
    /// Unified Web Services (UWS) version 2: SOAP 1.1.
    Soap,
}

/// The callback services of the REST page «Register Callback Listener».
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

/// Those of the SOAP page «RegisterCallback».
const SOAP: [&str; 10] = [
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

/// Listed only on a newer copy of the SOAP page, so it is registered if it is named, but is not part of `all`.
const SOAP_NAMED_ONLY: &str = "AlertService";

/// Two services are spelled differently on the pages about deregistration.
const SPELLINGS: [(&str, &str); 2] = [("AlertService", "AlertsService"), ("PromoChanges", "PromoChange")];

impl Api {
    /// All callback services that this API is documented to register.
    #[must_use]
    pub fn services(self) -> &'static [&'static str] {
        match self {
            Self::Rest => &REST,
            Self::Soap => &SOAP,
        }
    }

    /// The service of this name as the API spells it, if it can register it.
    pub(crate) fn service(self, name: &str) -> Option<&'static str> {
        let named_only = (self == Self::Soap).then_some(&SOAP_NAMED_ONLY);
        self.services().iter().chain(named_only).copied().find(|known| is_same_service(name, known))
    }

    /// The URL of the platform's API.
    #[must_use]
    pub fn default_url(self) -> &'static str {
        match self {
            Self::Rest => "https://thingspace.verizon.com/api",
            Self::Soap => "https://uws.apps.nphase.com/api/v2",
        }
    }
}

/// Neither `rest` nor `soap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the API must be rest or soap")]
pub struct UnknownApi;

impl FromStr for Api {
    type Err = UnknownApi;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rest" => Ok(Self::Rest),
            "soap" => Ok(Self::Soap),
            _ => Err(UnknownApi),
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "rest",
            Self::Soap => "soap",
        })
    }
}

/// Whether two names are the same service in either spelling.
pub(crate) fn is_same_service(name: &str, service: &str) -> bool {
    name == service || other_spelling(service) == Some(name) || other_spelling(name) == Some(service)
}

/// The platform's other spelling of a service.
pub(crate) fn other_spelling(service: &str) -> Option<&'static str> {
    SPELLINGS.iter().find_map(|(one, other)| match service {
        name if name == *one => Some(*other),
        name if name == *other => Some(*one),
        _ => None,
    })
}
