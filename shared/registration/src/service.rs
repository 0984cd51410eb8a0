//! The two APIs, and the callback services that each can register.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;

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

/// Only a newer copy of the SOAP page has it, so it is registered when it is named and not among all.
const SOAP_LATER: &str = "AlertService";

/// Two services are spelled in another way on the pages that tell how to deregister them.
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
        let later = (self == Self::Soap).then_some(&SOAP_LATER);
        self.services().iter().chain(later).copied().find(|known| is(name, known))
    }

    /// Where the platform has this API.
    #[must_use]
    pub fn home(self) -> &'static str {
        match self {
            Self::Rest => "https://thingspace.verizon.com/api",
            Self::Soap => "https://uws.apps.nphase.com/api/v2",
        }
    }
}

impl FromStr for Api {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rest" => Ok(Self::Rest),
            "soap" => Ok(Self::Soap),
            _ => Err(Invalid::Api),
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

/// Whether a name is this service, in either spelling.
pub(crate) fn is(name: &str, service: &str) -> bool {
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
