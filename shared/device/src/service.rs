//! The callback services, and one delivery of a message to one of them: what makes it the same message as another.

use std::borrow::Cow;

use callback::{Message, Value};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::digest::{Digest, canonical};
use crate::observation::Observation;

/// A callback service of the platform: its name, and what its messages say about devices.
#[derive(Debug, Clone)]
pub struct CallbackService {
    /// As the platform spells it, `ExternalProvisioningChanges`.
    pub name: Cow<'static, str>,
    /// Other spellings of the platform's own.
    pub aliases: &'static [&'static str],
    /// What makes two equal messages the same one.
    pub resends: Resends,
    /// What a message says to the service of this name. At least one observation comes of every message: nothing is
    /// dropped.
    pub interpret: fn(&str, Message) -> Vec<Observation>,
}

/// For how long after a message an equal one is the same message, sent again, and not another one in the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resends {
    /// With a request id, as long as the platform can resend from its archive; without one, while its documented resends
    /// last.
    Archived,
    /// While its documented resends last, request id or not: one request id stands for events of years.
    Documented,
    /// Only while the platform was measured to repeat itself: equal messages are common, and have no request id. Where
    /// the delivery counter is sent, it must have grown: two first tries are two messages.
    Measured,
}

/// The platform archives a message and can resend it for 30 days.
const ARCHIVED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The documented resends are three, five minutes apart; and some more.
const DOCUMENTED: SignedDuration = SignedDuration::from_mins(20);

/// The measured resend comes 1.3 s after a refusal, and 4 s after no answer; and some more.
const MEASURED: SignedDuration = SignedDuration::from_secs(10);

impl CallbackService {
    /// A service of this name, with the common rules and no other spelling.
    #[must_use]
    pub const fn new(name: &'static str, interpret: fn(&str, Message) -> Vec<Observation>) -> Self {
        Self { name: Cow::Borrowed(name), aliases: &[], resends: Resends::Archived, interpret }
    }
}

/// One delivery of a message: what its observations have in common.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// The name of the callback service that it came to.
    pub service: String,
    /// The platform's request id, if the message has one.
    pub request_id: Option<String>,
    /// When it reached the edge. Messages carry no time of their own, so this is their order.
    pub received_at: Timestamp,
    /// Which try of the platform's it is, where the message says so.
    pub attempt: Option<u32>,
    resends: Resends,
    digest: Digest,
}

/// That an observation was recorded: DynamoDB's idempotency record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// When the message reached the edge, in milliseconds since 1970.
    pub received_at: i64,
    /// Which try of the platform's it was, where the message said so.
    pub attempt: Option<u32>,
}

impl Occasion {
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

    /// What is written down once an observation is recorded.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        Receipt { received_at: self.received_at.as_millisecond(), attempt: self.attempt }
    }

    /// Whether this is the message that a receipt of the same idempotency key is of.
    #[must_use]
    pub fn is_recorded_by(&self, receipt: &Receipt) -> bool {
        let since = self.received_at.as_millisecond().saturating_sub(receipt.received_at);
        let grown = |earlier: Option<u32>, later: Option<u32>| match (earlier, later) {
            (Some(earlier), Some(later)) => earlier < later,
            _ => true,
        };
        match self.resends {
            // Where in doubt it is another message: twice does less harm than never.
            Resends::Measured if since < 0 => -since <= millis(MEASURED) && grown(self.attempt, receipt.attempt),
            Resends::Measured => since <= millis(MEASURED) && grown(receipt.attempt, self.attempt),
            Resends::Archived | Resends::Documented => since < millis(self.remembered()),
        }
    }

    /// When the receipt may be forgotten, in seconds since 1970.
    #[must_use]
    pub fn receipt_expires_at(&self) -> i64 {
        self.received_at.as_second() + self.remembered().as_secs()
    }

    fn remembered(&self) -> SignedDuration {
        match self.resends {
            Resends::Archived if self.request_id.is_some() => ARCHIVED,
            Resends::Archived | Resends::Documented | Resends::Measured => DOCUMENTED,
        }
    }
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What the message is known by when it comes again: its service, request id, devices and payload, but neither credentials
/// nor `callbackCount`. The account is part of the payload, where it is stated at all.
fn digest(service: &str, message: &Message) -> Digest {
    let request_id = Value::from(message.request_id.as_deref()).to_string();
    let mut payload = String::new();
    canonical(&mut payload, message.payload.iter());
    Digest::of(&["message", service, &request_id, &json!(message.devices).to_string(), &payload])
}
