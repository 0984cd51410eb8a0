//! All callback services beyond the thirteen, with any names. Messages are kept whole, and are on the device under
//! `otherServices` by the service's name.
//!
//! Known services:
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

/// The common `service` dimension of metrics, so that a sender cannot create metrics with invented names.
pub const COUNTED_AS: &str = "OtherServices";

/// Maximum length of the name of a service, in characters. The longest known one has 35.
const MAX_NAME: usize = 64;

/// Maximum length of the name of a change that is taken from a message, in bytes.
const MAX_CHANGE_BYTES: usize = 256;

/// The member with the messages of NIDD.
const NIDD: &str = "niddResponse";

/// Members that only state the service. The only member within states the change.
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
        // One request id covers events of years: equal messages on different days are different events.
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
    // NIDD's envelope contains the imei, and the member within all identifiers that the network knows.
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

/// The outcome in NIDD's own words. `Queued` is not final and remains as sent.
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

/// The only member of an object, if its value has members too.
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
