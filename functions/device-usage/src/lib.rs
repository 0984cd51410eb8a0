//! DeviceUsage: usage, asked for by request. Of REST the first levels are documented: an array whose items name their
//! devices.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("DeviceUsage", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    answers(service, message, |_| Facet::Usage)
}
