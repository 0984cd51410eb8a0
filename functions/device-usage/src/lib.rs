//! DeviceUsage: usage, asked for by request. Of REST the first levels are documented: an array whose items name their
//! devices.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("DeviceUsage", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    answers(SERVICE.name, message, |_| Facet::Usage)
}
