//! All callback services. A new one is one line here.

use std::borrow::Cow;

use device::CallbackService;

/// Every callback service that there is a function of its own for.
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

/// The service of this name, as registered or as the platform spells it elsewhere. Any other name that can be a service's is
/// one of the services beyond those.
#[must_use]
pub fn service(name: &str) -> Option<Cow<'static, CallbackService>> {
    let own = SERVICES.iter().copied().find(|service| service.name == name || service.aliases.contains(&name));
    own.map(Cow::Borrowed).or_else(|| other_services::service(name).map(Cow::Owned))
}
