//! EnhancedConnectivityService: two different messages on one registration.
//!
//! - A text message that a device sent. SOAP is documented and has a root of its own, `SmsCallbackRequest`, with
//!   `SmsMessage`, several `Device` elements for one device, and neither a request id nor a time. REST has `smsMessage`
//!   beside `deviceIds`, seen in a public listener.
//! - A notice that the network sent a text message to a device, on request. Not documented.

use std::sync::Arc;

use callback::{Message, Outcome, Part};
use device::{CallbackService, EventKind, Facet, Observation, Resends};

/// The service, as registered. A device can send the same text twice, and its messages have no id.
pub static SERVICE: CallbackService =
    CallbackService::new("EnhancedConnectivityService", interpret).resending(Resends::Measured);

/// The member with the text that a device sent.
const SMS_MESSAGE: &str = "SmsMessage";

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    // Apart from failures, only messages from a device have no request id.
    let failed = matches!(message.outcome, Outcome::Failed { .. });
    let from_device = message.member(SMS_MESSAGE).is_some() || (message.request_id.is_none() && !failed);
    message.into_parts().into_iter().map(|part| observe(service, part, from_device)).collect()
}

fn observe(service: &str, part: Part, from_device: bool) -> Observation {
    let (values, outcome) = (Arc::clone(&part.values), part.outcome.clone());
    let mut observation = Observation::new(service, part);
    if from_device {
        // In the place of `Data` in other messages.
        observation.unknown.retain(|name, _| !name.eq_ignore_ascii_case(SMS_MESSAGE));
        return observation.of_kind(EventKind::SmsReceived).reporting(Facet::SmsReceived, values);
    }
    observation.of_kind(EventKind::SmsSent).responding(&outcome).reporting(Facet::SmsSent, values)
}
