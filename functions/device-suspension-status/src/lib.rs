//! DeviceSuspensionStatus: since when, until when and how often a device is suspended, on request. Its content is
//! documented, the names of its members are not. They are assumed to equal those in CarrierService's answer to a
//! suspension.

use callback::Message;
use device::{CallbackService, Facet, Observation, SuspensionTerms, observe_responses};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("DeviceSuspensionStatus", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    observe_responses(service, message, |part| Facet::Suspension(SuspensionTerms::of(&part.values)))
}
