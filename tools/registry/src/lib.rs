//! All callback services with a function of their own. A new service is one more entry of the array.

use std::borrow::Cow;

use device::CallbackService;

/// The thirteen callback services with a function of their own.
pub static SERVICES: [&CallbackService; 13] = [
    &alert_service::SERVICE,
    &carrier_service::SERVICE,
    &device_prl_information::SERVICE,
    &device_profile_service::SERVICE,
    &device_service::SERVICE,
    &device_suspension_status::SERVICE,
    &device_usage::SERVICE,
    &enhanced_connectivity_service::SERVICE,
    &external_provisioning_changes::SERVICE,
    &promo_changes::SERVICE,
    &resume_tracking_notification::SERVICE,
    &sms_delivery_confirmation::SERVICE,
    &state_service::SERVICE,
];

/// The service with this name or alias. Any other valid service name is served by `other-services`; `None` if the name
/// is not valid.
#[must_use]
pub fn service(name: &str) -> Option<Cow<'static, CallbackService>> {
    let own = SERVICES.iter().copied().find(|service| service.name == name || service.aliases.contains(&name));
    own.map(Cow::Borrowed).or_else(|| other_services::service(name).map(Cow::Owned))
}
