//! DeviceUsage: usage, on request. For REST, the first levels are documented: an array whose items name their
//! devices.

use callback::Message;
use device::{CallbackService, Facet, Observation, observe_responses};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("DeviceUsage", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    observe_responses(service, message, |_| Facet::Usage)
}
