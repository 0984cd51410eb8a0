//! The callback services, and duplicate detection for a delivery to one of them.

use std::borrow::Cow;

use callback::{Message, Value};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::digest::{Digest, canonical};
use crate::event::Event;
use crate::observation::Observation;

/// A callback service of the platform: its name, and what its messages say about devices.
#[derive(Debug, Clone)]
pub struct CallbackService {
    /// As the platform spells it, `ExternalProvisioningChanges`.
    pub name: Cow<'static, str>,
    /// The value of the `service` dimension of metrics. Services beyond the thirteen share one.
    pub counted_as: &'static str,
    /// Other spellings that the platform uses.
    pub aliases: &'static [&'static str],
    /// When two equal messages are duplicates.
    pub resends: Resends,
    /// Interprets a message to the service with this name. Returns at least one observation, since nothing is dropped.
    pub interpret: fn(&str, Message) -> Vec<Observation>,
}

/// How long an equal message is a resend rather than another message with equal content. See
/// [`CallbackDelivery::repeats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resends {
    /// With a request id, as long as the platform can resend from its archive; without one, for the time of the
    /// documented resends.
    Archived,
    /// For the time of the documented resends, even with a request id: one request id covers events of years.
    Documented,
    /// For the time of the measured resends: equal messages are common and have no request id.
    Measured,
}

/// A receipt remembers this many earlier equal messages. A queue may deliver each of them again.
const MAX_EARLIER: usize = 32;

/// The platform archives a message and can resend it for 30 days.
const ARCHIVED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// There are three documented resends, five minutes apart. With a margin.
const DOCUMENTED: SignedDuration = SignedDuration::from_mins(20);

/// The measured resend comes 1.3 s after a refusal, or after 4 s without an answer. With a margin.
const MEASURED: SignedDuration = SignedDuration::from_secs(10);

/// A recorded message is only resent if its answer was late or lost, about 4 s later. A higher counter after that
/// belongs to another message with equal content, whose first attempt was refused.
const MEASURED_WITH_COUNTER: SignedDuration = SignedDuration::from_secs(6);

impl CallbackService {
    /// A service of this name, with the common rules and no other spelling.
    #[must_use]
    pub const fn new(name: &'static str, interpret: fn(&str, Message) -> Vec<Observation>) -> Self {
        Self { name: Cow::Borrowed(name), counted_as: name, aliases: &[], resends: Resends::Archived, interpret }
    }

    /// The same, with other spellings that the platform uses.
    #[must_use]
    pub const fn also_spelled(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same, with another rule for resends.
    #[must_use]
    pub const fn resending(mut self, resends: Resends) -> Self {
        self.resends = resends;
        self
    }
}

/// One delivery of a message: the values that its observations share.
#[derive(Debug, Clone)]
pub struct CallbackDelivery {
    /// The name of the callback service that received it.
    pub service: String,
    /// The platform's request id, if the message has one.
    pub request_id: Option<String>,
    /// When the gateway received it. Messages contain no timestamp, so this is their order.
    pub received_at: Timestamp,
    /// The platform's attempt number (`callbackCount`), if the message contains one.
    pub attempt: Option<u32>,
    resends: Resends,
    digest: Digest,
}

/// The idempotency record of an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// When the gateway received the message, in milliseconds since the Unix epoch.
    pub received_at: i64,
    /// The platform's attempt number (`callbackCount`), if the message contained one.
    pub attempt: Option<u32>,
    /// The device or account that it was recorded for.
    pub subject: String,
    /// The sequence of its event.
    pub sequence: u64,
    /// When the earlier equal messages were received that are recorded too, if the request id is not unique.
    pub earlier: Vec<i64>,
}

impl CallbackDelivery {
    /// The delivery of a message to a service at this time.
    #[must_use]
    pub fn new(service: &CallbackService, message: &Message, received_at: Timestamp) -> Self {
        Self {
            service: service.name.clone().into_owned(),
            request_id: message.request_id.clone(),
            received_at,
            attempt: message.attempt.count,
            resends: service.resends,
            digest: digest(&service.name, message),
        }
    }

    /// The idempotency key of the message's observation of this number.
    #[must_use]
    pub fn key(&self, number: usize) -> Digest {
        Digest::of(&["observation", &self.digest.full(), &number.to_string()])
    }

    /// The receipt (idempotency record) of an observation that was recorded as this event. `read` is the receipt of an
    /// earlier equal message, which it replaces.
    #[must_use]
    pub fn receipt(&self, event: &Event, read: Option<&Receipt>) -> Receipt {
        let received_at = self.received_at.as_millisecond();
        let mut earlier = Vec::new();
        if let Some(read) = read.filter(|_| !self.has_unique_request_id()) {
            earlier.extend(read.earlier.iter().copied().chain([read.received_at.min(received_at)]));
            earlier.sort_unstable();
            earlier.drain(..earlier.len().saturating_sub(MAX_EARLIER));
        }
        // This message may be older than the one of the receipt that it replaces.
        let newest = read.filter(|read| read.received_at > received_at);
        Receipt {
            received_at: newest.map_or(received_at, |read| read.received_at),
            earlier,
            attempt: newest.map_or(self.attempt, |read| read.attempt),
            subject: event.subject.to_string(),
            sequence: event.sequence,
        }
    }

    /// Whether a receipt alone proves a duplicate, because the request id is unique.
    #[must_use]
    pub fn has_unique_request_id(&self) -> bool {
        self.resends == Resends::Archived && self.request_id.is_some()
    }

    /// Whether this delivery is a duplicate of the one recorded under its idempotency key. `version` is the current
    /// version of the receipt's subject, if known.
    ///
    /// Without a unique request id, only the contents can be compared. In doubt it is another message: a duplicate does
    /// less harm than a loss.
    #[must_use]
    pub fn repeats(&self, receipt: &Receipt, version: Option<u64>) -> bool {
        let since = self.received_at.as_millisecond().saturating_sub(receipt.received_at);
        if self.has_unique_request_id() {
            return since < millis(ARCHIVED);
        }
        // The same delivery once more: a queue may deliver a parked one several times.
        let received_at = self.received_at.as_millisecond();
        if (since == 0 && self.attempt == receipt.attempt) || receipt.earlier.contains(&received_at) {
            return true;
        }
        // They may have been recorded in another order than they were sent.
        let (earlier, later) =
            if since < 0 { (self.attempt, receipt.attempt) } else { (receipt.attempt, self.attempt) };
        let (resent, within) = match (earlier.zip(later), self.resends) {
            // Two first attempts are two messages.
            (Some((earlier, later)), Resends::Measured) => (earlier < later, MEASURED_WITH_COUNTER),
            (Some((earlier, later)), _) => (earlier < later, DOCUMENTED),
            // If something else happened to the device in between, the same change happens again.
            (None, resends) => {
                let within = if resends == Resends::Measured { MEASURED } else { DOCUMENTED };
                (version == Some(receipt.sequence), within)
            }
        };
        resent && since.saturating_abs() <= millis(within)
    }

    /// When the receipt expires (TTL), in seconds since the Unix epoch.
    #[must_use]
    pub fn receipt_expires_at(&self) -> i64 {
        let kept = if self.has_unique_request_id() { ARCHIVED } else { DOCUMENTED };
        self.received_at.as_second() + kept.as_secs()
    }
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The digest that identifies a resent message: its service, request id, devices and payload, but neither credentials
/// nor `callbackCount`. The account is part of the payload, where it is stated at all.
fn digest(service: &str, message: &Message) -> Digest {
    let request_id = Value::from(message.request_id.as_deref()).to_string();
    let mut payload = String::new();
    canonical(&mut payload, message.payload.iter());
    Digest::of(&["message", service, &request_id, &json!(message.devices).to_string(), &payload])
}
