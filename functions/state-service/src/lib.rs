//! StateService: a device went to another customer-defined state, on request. The format is not documented.

use callback::Message;
use device::{CallbackService, Facet, Observation, observe_responses};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("StateService", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    observe_responses(service, message, |_| Facet::CustomState)
}
