//! DeviceSuspensionStatus: since when, until when and how often a device is suspended, asked for by request. What it
//! tells is documented, the names of its members are not.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("DeviceSuspensionStatus", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    answers(SERVICE.name, message, |_| Facet::Suspension)
}
