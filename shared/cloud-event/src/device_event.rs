//! The event of a device, or of an account if the message names no device.

use device::{Device, FieldChange, RecordedEvent, RequestResult, Subject};
use serde::Serialize;
use serde_json::Value;

use crate::envelope::{CloudEvent, Context, MAX_MESSAGE_BYTES, Message};

/// What happened. Contains neither credentials nor the body of the message.
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
    /// What was reported on a facet.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Value>,
    /// Replaces a report that is too large for a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOut>,
    device: Option<&'a Device>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LeftOut {
    member: &'static str,
    /// The size of its JSON.
    bytes: usize,
    /// Path and query of the query API with the event; null for an event of an account.
    read_at: Option<String>,
}

/// The message that publishes a recorded event. A report that is too large for SNS is replaced by the path at which the
/// query API returns it.
///
/// - `replay`: the id of the run that publishes the event again. Subscribers receive it as an attribute.
///
/// # Errors
///
/// It cannot be serialized.
pub fn device_event(recorded: &RecordedEvent, replay: Option<&str>) -> serde_json::Result<Message> {
    let event = &recorded.event;
    let account = recorded.account.as_deref();
    let context = Context {
        id: event.id.clone(),
        account,
        r#type: format!("{}.{}", kebab_case(&event.service), kebab_case(&event.change)),
        subject: event.subject.to_string(),
        time: event.received_at,
        replay,
    };
    let data = Data {
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
    };
    let mut cloud_event = CloudEvent::new(context, data);
    let mut body = cloud_event.to_json()?;
    if body.len() > MAX_MESSAGE_BYTES {
        let data = &mut cloud_event.data;
        data.left_out = data.report.take().map(|report| left_out(recorded, report));
        body = cloud_event.to_json()?;
    }
    let state = recorded.device.as_ref().and_then(|device| device.provisioning.state.as_deref());
    let attributes = [
        ("service", Some(event.service.as_str())),
        ("change", Some(event.change.as_str())),
        ("kind", Some(event.kind.name())),
        ("account", account),
        ("state", state),
        ("replay", replay),
    ];
    Ok(cloud_event.into_message(body, &attributes))
}

fn left_out(recorded: &RecordedEvent, report: &Value) -> LeftOut {
    let event = &recorded.event;
    LeftOut {
        member: "report",
        bytes: report.to_string().len(),
        read_at: match &event.subject {
            Subject::Device(id) => {
                Some(format!("/devices/id/{id}/events?after={id}:{}&limit=1", event.sequence.saturating_sub(1)))
            }
            Subject::Account(_) => None,
        },
    }
}

/// A name as a part of an event type: `DevicePRLInformation` → `device-prl-information`, `SUSPEND` → `suspend`,
/// `Device Detection` → `device-detection`.
fn kebab_case(name: &str) -> String {
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
    use super::kebab_case;

    #[test]
    fn names_of_the_platform_become_kebab_case() {
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
        assert_eq!(names.map(kebab_case), expected);
    }
}
