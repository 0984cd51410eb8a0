//! DevicePRLInformation: the preferred roaming list of 2G and 3G devices, on request. For REST, the member's name
//! and `prlVersion` were seen in a public listener. For SOAP, only the slot's name is documented.

use callback::{Message, Part, text_of};
use device::{CallbackService, Facet, Observation, observe_responses};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("DevicePRLInformation", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    observe_responses(service, message, |part: &Part| Facet::Prl(text_of(&part.values, "prlVersion")))
}
