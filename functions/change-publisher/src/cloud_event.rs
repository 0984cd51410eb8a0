//! The published form of an event: CloudEvents 1.0, structured JSON.

use device::{Device, FieldChange, RecordedEvent, RequestResult, Subject};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

/// What may stand in a path of a URI as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A message as subscribers get it.
#[derive(Debug, Serialize)]
pub struct CloudEvent<'a> {
    specversion: &'static str,
    /// The event's; the same when the event is published again.
    pub id: String,
    source: String,
    r#type: String,
    /// The device's id; for an event of an account, its name, or `unstated`.
    pub subject: String,
    time: Timestamp,
    datacontenttype: &'static str,
    data: Data<'a>,
}

/// What happened. Neither credentials nor the message's body are in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    service: &'a str,
    change: &'a str,
    /// What happened, in one vocabulary for all services and both transports.
    kind: &'static str,
    account: Option<&'a str>,
    request_id: Option<&'a str>,
    sequence: u64,
    result: Option<&'a RequestResult>,
    changes: &'a [FieldChange],
    /// What was reported on a facet, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Value>,
    /// What is too large for a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOut>,
    device: Option<&'a Device>,
}

/// A report that is too large for a message, and where it is whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LeftOut {
    member: &'static str,
    /// Its size as JSON.
    bytes: usize,
    /// Path and query of the API's resource with the event; null for an event of an account.
    read_at: Option<String>,
}

impl<'a> CloudEvent<'a> {
    /// The message about this event.
    #[must_use]
    pub fn of(recorded: &'a RecordedEvent) -> Self {
        let event = &recorded.event;
        let account = recorded.account.as_deref();
        let subject = event.subject.to_string();
        Self {
            specversion: "1.0",
            id: event.id.clone(),
            source: format!("/accounts/{}", utf8_percent_encode(account.unwrap_or("unstated"), ESCAPED)),
            r#type: format!("com.verizon.thingspace.{}.{}.v1", words(&event.service), words(&event.change)),
            subject: if subject.is_empty() { "unstated".to_owned() } else { subject },
            time: event.received_at,
            datacontenttype: "application/json",
            data: Data {
                service: &event.service,
                change: &event.change,
                kind: event.kind.name(),
                account,
                request_id: event.request_id.as_deref(),
                sequence: event.sequence,
                result: event.result.as_ref(),
                changes: &event.changes,
                report: event.reported(),
                left_out: None,
                device: recorded.device.as_ref(),
            },
        }
    }

    /// The same with a pointer to the report instead of the report.
    pub(crate) fn without_report(mut self, recorded: &RecordedEvent) -> Self {
        let event = &recorded.event;
        self.data.left_out = self.data.report.take().map(|report| LeftOut {
            member: "report",
            bytes: report.to_string().len(),
            read_at: match &event.subject {
                Subject::Device(id) => {
                    Some(format!("/devices/id/{id}/events?after={id}:{}&limit=1", event.sequence.saturating_sub(1)))
                }
                Subject::Account(_) => None,
            },
        });
        self
    }

    /// The attributes that filter policies match. One without a value is left out: SNS refuses it.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let state = self.data.device.and_then(|device| device.provisioning.state.as_deref());
        [
            ("service", Some(self.data.service)),
            ("change", Some(self.data.change)),
            ("kind", Some(self.data.kind)),
            ("account", self.data.account),
            ("state", state),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
    }
}

/// A name as a part of an event type: lower case, words with hyphens between (`DevicePRLInformation` →
/// `device-prl-information`, `SUSPEND` → `suspend`, `Device Detection` → `device-detection`).
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let characters: Vec<char> = name.chars().collect();
    for (place, character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| characters.get(place));
        let after = characters.get(place + 1);
        let is = |neighbour: Option<&char>, kind: fn(char) -> bool| neighbour.copied().is_some_and(kind);
        // A word starts at a capital after a small letter, and at the last capital of several.
        let starts = character.is_uppercase()
            && (is(before, char::is_lowercase) || (is(before, char::is_uppercase) && is(after, char::is_lowercase)));
        if starts || !character.is_alphanumeric() {
            words.push('-');
        }
        if character.is_alphanumeric() {
            words.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_of_the_platform_become_words() {
        let names =
            ["DevicePRLInformation", "SMSDeliveryConfirmation", "SUSPEND", "ChangeMDN", "Device Detection", "Usage"];
        let expected = [
            "device-prl-information",
            "sms-delivery-confirmation",
            "suspend",
            "change-mdn",
            "device-detection",
            "usage",
        ];
        assert_eq!(names.map(words), expected);
    }
}
