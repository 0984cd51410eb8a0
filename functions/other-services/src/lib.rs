//! All callback services beyond the thirteen, whatever their names: what comes is kept whole, and stands on the device
//! under `otherServices` by the service's name.
//!
//! Known of them is:
//!
//! - `NiddService` (data without IP): messages in `niddResponse`, named by the one member in it. A device's own message
//!   has no `status`. The report on a message to a device has `Delivered`, `Queued` or `DeliveryFailed`; the answer to
//!   a configuration, `ConfigCreated` or `ConfigFailed`. Documented, and seen in public programs.
//! - `IntelligenceService`: likewise in `intelligenceResponse`. Documented in part.
//! - `DiagnosticsService` (reachability): events for up to ten years under one request id. Documented in prose.
//! - `DevicePromoUsage`, `ExtendedEnhancedConnectivityService`, `NetworkEventService`, `PwnService`, `QoS`,
//!   `SubscriptionNotificationService`, `VIPCallbackService`: their names.

use std::borrow::Cow;
use std::sync::Arc;

use callback::{DeviceIdentifier, Message, Outcome, Part, Value, identifiers_in, text_of, truncate};
use device::{CallbackService, Facet, Identification, MAX_IDENTIFIERS, Observation, Resends};

/// What all of them are counted as: a sender must not make a metric of its own with each name.
pub const COUNTED_AS: &str = "OtherServices";

/// The longest name of a service, in characters. The longest known one has 35.
const MAX_NAME: usize = 64;

/// The longest name of a change that is taken from within a message, in bytes.
const MAX_CHANGE_BYTES: usize = 256;

/// NIDD's messages stand in it.
const NIDD: &str = "niddResponse";

/// Members that say only which service it is; the one member within says what happened.
const AROUND: [&str; 2] = [NIDD, "intelligenceResponse"];

/// The service of this name: ASCII letters, digits, `-`, `_` and `.`, and at least one letter or digit among them.
/// `None` if the name cannot be a service's.
#[must_use]
pub fn service(name: &str) -> Option<CallbackService> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let named = name.len() <= MAX_NAME && name.bytes().all(allowed) && name.contains(|one: char| one.is_alphanumeric());
    named.then(|| CallbackService {
        name: Cow::Owned(name.to_owned()),
        counted_as: COUNTED_AS,
        aliases: &[],
        // One request id stands for events of years: equal messages of different days are different events.
        resends: Resends::Documented,
        interpret,
    })
}

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    let requested = message.request_id.is_some();
    let parts = message.into_parts();
    let alone = parts.len() == 1;
    parts.into_iter().map(|part| observe(service, part, requested, alone)).collect()
}

/// A message with a request id that states an outcome is the answer to that request; any other one is a notification.
fn observe(service: &str, part: Part, requested: bool, alone: bool) -> Observation {
    let values = Arc::clone(&part.values);
    let around = AROUND.into_iter().find(|around| around.eq_ignore_ascii_case(&part.name));
    let nidd = around == Some(NIDD);
    let outcome = if nidd { delivered_or_configured(&part.outcome, &values) } else { part.outcome.clone() };
    // NIDD's envelope names the device by its imei, and the member within by all that the network knows.
    let names = (nidd && alone).then(|| all_names(&part.devices, &values)).flatten();

    let mut observation = Observation::new(service, part);
    if let Some(around) = around {
        observation.unknown.retain(|name, _| !name.eq_ignore_ascii_case(around));
        if let Some((name, _)) = only_member(&values) {
            observation.change = truncate(name, MAX_CHANGE_BYTES);
        }
    }
    if let Some(names) = names {
        observation.identification = Identification::some(&names);
    }
    if requested && outcome != Outcome::Unstated {
        observation = observation.responding(&outcome);
    }
    observation.reporting(Facet::Other(service.to_owned()), values)
}

/// The outcome by NIDD's own words; `Queued` is none yet, and stays as sent.
fn delivered_or_configured(outcome: &Outcome, values: &Value) -> Outcome {
    let Outcome::Other(status) = outcome else { return outcome.clone() };
    let is = |words: [&str; 2]| words.iter().any(|word| word.eq_ignore_ascii_case(status));
    if is(["Delivered", "ConfigCreated"]) {
        Outcome::Succeeded
    } else if is(["DeliveryFailed", "ConfigFailed"]) {
        let reason = only_member(values).and_then(|(_, within)| text_of(within, "reason"));
        Outcome::Failed { code: Some(status.clone()), text: reason }
    } else {
        outcome.clone()
    }
}

/// The one member that an object has, if its value has members too.
fn only_member(values: &Value) -> Option<(&str, &Value)> {
    let mut members = values.as_object()?.iter().filter(|(_, value)| !value.is_null());
    let (name, value) = members.next()?;
    (value.is_object() && members.next().is_none()).then_some((name, value))
}

/// The identifiers in the envelope and those within, if they can be one device's: no kind has two values.
fn all_names(envelope: &[DeviceIdentifier], values: &Value) -> Option<Vec<DeviceIdentifier>> {
    let within = identifiers_in(values);
    let names = [envelope, &within].concat();
    let contradicts = |one: &DeviceIdentifier| {
        let value = one.kind().canonical(&one.value);
        names.iter().any(|other| other.kind() == one.kind() && other.kind().canonical(&other.value) != value)
    };
    let few = within.len() <= MAX_IDENTIFIERS && envelope.len() <= MAX_IDENTIFIERS;
    (few && !envelope.is_empty() && !names.iter().any(contradicts)).then_some(names)
}

#[cfg(test)]
mod tests;
