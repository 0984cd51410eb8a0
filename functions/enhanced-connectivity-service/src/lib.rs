//! EnhancedConnectivityService: two different messages on one registration.
//!
//! - A text message that a device sent. SOAP is documented and has a root of its own, `SmsCallbackRequest`, with
//!   `SmsMessage`, several `Device` elements for one device, and neither a request id nor a time. REST is not documented.
//! - A notice that the network sent a text message to a device, asked for by request. Not documented.

use callback::{Message, Part};
use device::{CallbackService, Facet, Observation, operation};
use jiff::SignedDuration;

/// The service, as registered.
///
/// A device may well send the same text twice, and its messages have no id: an equal one is the same delivery repeated
/// only while the platform is seen to repeat itself. That was measured to be 1.3 s after a refusal and 4 s after no
/// answer; ten seconds leave room. A text that comes twice does less harm than one that is lost.
pub const SERVICE: CallbackService = CallbackService {
    resent_within: SignedDuration::from_secs(10),
    ..CallbackService::new("EnhancedConnectivityService", interpret)
};

fn interpret(message: &Message) -> Vec<Observation> {
    message.parts().into_iter().map(|part| observe(message, part)).collect()
}

fn observe(message: &Message, part: Part) -> Observation {
    let (values, outcome) = (part.values.clone(), part.outcome.clone());
    // Only what a device sent has no request id; `SmsMessage` is its documented member.
    let from_device = message.request_id.is_none() || message.member("SmsMessage").is_some();
    let mut observation = Observation::new(SERVICE.name, part);
    if from_device {
        // It stands where other messages have `Data`.
        observation.unknown.retain(|name, _| !name.eq_ignore_ascii_case("SmsMessage"));
        return observation.reporting(Facet::SmsReceived, values);
    }
    let name = operation(&observation.change).to_owned();
    observation.answering(&name, &outcome).reporting(Facet::SmsSent, values)
}
