//! StateService: a device went to another customer-defined state, asked for by request. Nothing of it is documented.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("StateService", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    answers(service, message, |_| Facet::CustomState)
}
