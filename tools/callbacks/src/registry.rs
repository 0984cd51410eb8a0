//! All callback services. A new one is one line here.

use device::CallbackService;

/// Every callback service that there is a function for.
pub const SERVICES: [CallbackService; 1] = [external_provisioning_changes::SERVICE];

/// The service of this name, as registered.
#[must_use]
pub fn service(name: &str) -> Option<&'static CallbackService> {
    SERVICES.iter().find(|service| service.name == name)
}
