//! SMSDeliveryConfirmation: a device acknowledged a text message, or it expired after 120 hours. The contents are not
//! documented.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("SMSDeliveryConfirmation", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    answers(SERVICE.name, message, |_| Facet::SmsDelivery)
}
