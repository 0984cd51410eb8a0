//! The line that is printed for a callback.

use std::error::Error;
use std::time::Duration;

use device::{Fault, Observation, RequestResult, RequestStatus};
use jiff::Timestamp;
use listener::{ANSWER_TIMEOUT, Accepted, Outcome, Refusal};

use cli_support::log_line;

/// A callback as one line: time, service, device, change and result.
pub(super) fn callback_line(at: Timestamp, service: &str, status: u16, outcome: &Outcome, took: Duration) -> String {
    let content = content(&outcome.observations);
    let result = result(outcome);
    let slow = if took > ANSWER_TIMEOUT {
        let (took, within) = (took.as_secs_f64(), ANSWER_TIMEOUT.as_secs_f64());
        format!(" (took {took:.1} s; when deployed, what is not recorded within {within} s is parked)")
    } else {
        String::new()
    };
    log_line(at, &format!("{service}{content} ▶ {status} {result}{slow}"))
}

fn content(observations: &[Observation]) -> String {
    let Some(first) = observations.first() else { return String::new() };
    let device = match first.identification.names().first() {
        Some(name) => name.to_string(),
        None => format!("account:{}", first.account.as_deref().unwrap_or("unstated")),
    };
    let others = match observations.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    format!(" {device}{others} {}{}", first.change, request_result(first.result.as_ref()))
}

fn request_result(result: Option<&RequestResult>) -> String {
    match result.map(|result| &result.status) {
        Some(RequestStatus::Succeeded) => " succeeded".to_owned(),
        Some(RequestStatus::Failed(Fault { code, text })) => {
            let reason: Vec<_> = [code, text].into_iter().flatten().map(String::as_str).collect();
            if reason.is_empty() { " failed".to_owned() } else { format!(" failed: {}", reason.join(" ")) }
        }
        Some(RequestStatus::Other(status)) => format!(" {status}"),
        Some(RequestStatus::Unstated) | None => String::new(),
    }
}

fn result(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(Accepted { recording: _, parked: Some(reason) }) => format!("parked: {}", with_cause(reason)),
        Ok(Accepted { recording, parked: None }) if recording.recorded == 0 => "duplicate".to_owned(),
        Ok(Accepted { recording, parked: None }) if recording.oversized.is_empty() => "recorded".to_owned(),
        Ok(Accepted { recording, .. }) => format!("recorded, except {} in the quarantine", recording.oversized.len()),
        Err(refusal) => with_cause(refusal),
    }
}

fn with_cause(refusal: &Refusal) -> String {
    match refusal.source() {
        Some(cause) => format!("{refusal} {cause}"),
        None => refusal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn refused(refusal: Refusal, took: u64) -> String {
        let outcome = Outcome { observations: Vec::new(), result: Err(refusal) };
        callback_line(AT, "DeviceUsage\u{1b}[31m", 503, &outcome, Duration::from_secs(took))
    }

    #[test]
    fn a_line_states_the_reason_of_a_refusal() {
        let store = store::StoreError::Unavailable { code: "Some".to_owned(), detail: "of this".to_owned() };
        let expected = "00:00:00Z DeviceUsage\u{fffd}[31m ▶ 503 The message cannot be recorded now. DynamoDB failed (Some): of this";
        assert_eq!(refused(Refusal::StoreUnavailable(store), 1), expected);
    }

    #[test]
    fn a_line_states_wrong_credentials_once() {
        let line = refused(Refusal::WrongCredentials, 1);
        assert!(line.ends_with("503 The user name or password is not the registered one."), "{line}");
    }

    #[test]
    fn a_line_shows_that_the_deployed_function_would_have_timed_out() {
        let line = refused(Refusal::DeadlineExceeded, 4);
        assert!(
            line.ends_with("in time. (took 4.0 s; when deployed, what is not recorded within 2.9 s is parked)"),
            "{line}"
        );
    }
}
