//! ResumeTrackingNotification: a suspended device returns to service in seven days. Unsolicited.
//!
//! SOAP is documented: every typed slot is nil, and `Comment` contains the date as free text:
//! `Device will be auto resumed on - 3/15/2017 12:00:00 AM`, without a zone. REST is not documented.

use std::sync::Arc;

use callback::{Map, Message, Part, Value};
use device::{CallbackService, EventKind, Facet, Observation};
use jiff::civil::DateTime;

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("ResumeTrackingNotification", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    let observe = |part: Part| {
        let values = part.payload.values().find_map(resume).map(Arc::new).unwrap_or_else(|| {
            if part.values.is_null() { Arc::new(Value::Object(part.payload.clone())) } else { Arc::clone(&part.values) }
        });
        let observation =
            Observation::new(service, part).of_kind(EventKind::ResumeAnnounced).reporting(Facet::Resume, values);
        Observation { change: service.to_owned(), ..observation }
    };
    message.into_parts().into_iter().map(observe).collect()
}

/// `resumesAt` and `asSent` of the first text in a tree that ends with a date in the platform's format.
fn resume(value: &Value) -> Option<Value> {
    match value {
        Value::Object(members) => members.values().find_map(resume),
        Value::Array(items) => items.iter().find_map(resume),
        Value::String(text) => {
            let as_sent: Vec<&str> = text.split_whitespace().rev().take(3).collect();
            let as_sent = as_sent.into_iter().rev().collect::<Vec<_>>().join(" ");
            let at = DateTime::strptime("%m/%d/%Y %I:%M:%S %p", &as_sent).ok()?;
            let values = [("resumesAt".to_owned(), at.to_string().into()), ("asSent".to_owned(), as_sent.into())];
            Some(Value::Object(values.into_iter().collect::<Map<_, _>>()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumes_at(text: &str) -> Option<Value> {
        resume(&Value::from(text)).map(|values| values["resumesAt"].clone())
    }

    #[test]
    fn the_date_is_read_from_the_end_of_the_text() {
        let documented = "Device will be auto resumed on - 3/15/2017 12:00:00 AM";
        assert_eq!(resumes_at(documented), Some("2017-03-15T00:00:00".into()));
        assert_eq!(resumes_at("12/1/2026 1:02:03 PM"), Some("2026-12-01T13:02:03".into()));
    }

    #[test]
    fn a_text_without_such_a_date_has_none() {
        for text in
            ["", "Device will be auto resumed", "15/3/2017 12:00:00 AM", "2017-03-15", "on - 2/30/2017 12:00:00 AM"]
        {
            assert_eq!(resumes_at(text), None, "{text}");
        }
    }
}
