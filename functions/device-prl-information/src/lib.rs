//! DevicePRLInformation: the preferred roaming list of 2G and 3G devices, asked for by request. The contents are not
//! documented.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("DevicePRLInformation", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    answers(SERVICE.name, message, |_| Facet::Prl)
}
