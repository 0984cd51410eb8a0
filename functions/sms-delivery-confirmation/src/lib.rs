//! SMSDeliveryConfirmation: a device acknowledged a text message, or it expired after 120 hours. For REST, the
//! member's name and `confirmation` were seen in a public listener. For SOAP, only the slot's name is documented.

use callback::{Message, Part, text_of};
use device::{CallbackService, EventKind, Facet, Observation, observe_responses};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("SMSDeliveryConfirmation", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    let observations =
        observe_responses(service, message, |part: &Part| Facet::SmsDelivery(text_of(&part.values, "confirmation")));
    // An expired message is reported in both transports; only REST was seen to report it as a failure.
    observations.into_iter().map(|one| one.of_kind(EventKind::SmsDelivery)).collect()
}
