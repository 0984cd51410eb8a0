//! StateService: a device went to another customer-defined state, asked for by request. Nothing of it is documented.

use callback::Message;
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("StateService", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    answers(SERVICE.name, message, |_| Facet::CustomState)
}
