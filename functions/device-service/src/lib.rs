//! DeviceService: whether devices can be reached, on request. The contents are not documented.
//!
//! Unlike those of other services, one message concerns all devices of the request, up to 2,000. Each is requested as a
//! pair of device and SIM, so an answer does not prove that the two belong together. Uploads and order status are
//! answered here too.

use callback::Message;
use device::{CallbackService, EventKind, Facet, Observation, observe_responses};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("DeviceService", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    observe_responses(service, message, |_| Facet::Availability).into_iter().map(only_about_availability).collect()
}

/// Without the pairing, and without a report if the request was about something else.
fn only_about_availability(mut observation: Observation) -> Observation {
    let name = observation.change.to_ascii_lowercase();
    if name.contains("upload") || name.contains("order") {
        observation.updates.clear();
        if observation.kind == EventKind::Availability {
            observation.kind = EventKind::Other;
        }
    }
    observation.claiming_no_names()
}
