//! PromoChanges: a promotional package was removed during a billing cycle. Unsolicited; SOAP's members are documented.

use callback::Message;
use device::{CallbackService, Facet, Observation, observe_notifications};

/// The service, as registered. The page on deregistration spells it differently.
pub static SERVICE: CallbackService = CallbackService::new("PromoChanges", interpret).also_spelled(&["PromoChange"]);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    observe_notifications(service, message.into_parts(), |_| Facet::PromotionLost)
}
