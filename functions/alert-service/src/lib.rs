//! AlertService: the condition of a usage trigger is met. Unsolicited; the shape is not documented.
//!
//! An alert may be about a device or about a whole account.

use callback::Message;
use device::{CallbackService, Facet, Observation, notifications};

/// The service, as registered. One page of the platform spells it differently.
pub static SERVICE: CallbackService = CallbackService::new("AlertService", interpret).also_spelled(&["AlertsService"]);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    notifications(service, message, |_| Facet::Alert)
}
