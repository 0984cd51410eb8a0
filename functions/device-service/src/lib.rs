//! DeviceService: whether devices can be reached, asked for by request. The contents are not documented.
//!
//! Unlike all others, one message speaks of all devices of the request, up to 2,000.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("DeviceService", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    answers(SERVICE.name, message, |_| Facet::Availability)
}
