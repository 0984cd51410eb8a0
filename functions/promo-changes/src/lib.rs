//! PromoChanges: a promotional package was removed during a billing cycle. Unsolicited; SOAP's members are documented.

use callback::Message;
use device::{CallbackService, Facet, Observation, notifications};

/// The service, as registered. The page on deregistration spells it differently.
pub const SERVICE: CallbackService =
    CallbackService { aliases: &["PromoChange"], ..CallbackService::new("PromoChanges", interpret) };

fn interpret(message: &Message) -> Vec<Observation> {
    notifications(SERVICE.name, message, |_| Facet::PromotionLost)
}
