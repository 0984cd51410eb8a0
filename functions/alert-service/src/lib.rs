//! AlertService: the condition of a usage trigger is met. Unsolicited; the shape is not documented.
//!
//! An alert may be about a device or about a whole account.

use callback::Message;
use device::{CallbackService, Facet, Observation, notifications};

/// The service, as registered. One page of the platform spells it differently.
pub const SERVICE: CallbackService =
    CallbackService { aliases: &["AlertsService"], ..CallbackService::new("AlertService", interpret) };

fn interpret(message: &Message) -> Vec<Observation> {
    notifications(SERVICE.name, message, |_| Facet::Alert)
}
