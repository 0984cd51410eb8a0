//! Tells a poison record from an outage, by what SNS answers.

use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::types::BatchResultErrorEntry;

/// Why SNS did not take a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// SNS will never accept the message.
    Poison(String),
    /// SNS may accept it later: it is unreachable, throttles, fails, or denies access.
    Outage(String),
}

/// Codes of requests that SNS refuses for their content. Any other code is an outage: the records then wait, which loses
/// less than a wrong guess in the other direction.
const CONTENT: [&str; 6] = [
    "BatchRequestTooLong",
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
    "Validation",
    "ValidationException",
];

/// Parts of the codes of faults that SNS attributes to the sender, but which end without a change of the message: limits,
/// permissions, the topic, and its key in KMS.
const TEMPORARY: [&str; 9] =
    ["Throttl", "RequestLimit", "Authoriz", "AccessDenied", "Token", "Signature", "NotFound", "Disabled", "KMS"];

impl Refusal {
    /// The refusal of an entry of a batch, and its position.
    pub(crate) fn of_entry(failed: &BatchResultErrorEntry) -> (usize, Self) {
        let code = failed.code();
        let reason = match failed.message() {
            Some(message) => format!("SNS refused the message: {code}: {message}"),
            None => format!("SNS refused the message: {code}"),
        };
        let refusal = if failed.sender_fault() && !TEMPORARY.iter().any(|part| code.contains(part)) {
            Self::Poison(reason)
        } else {
            // Without SNS's own text, which may quote the message.
            Self::Outage(format!("SNS refused a message: {code}"))
        };
        (failed.id().parse().unwrap_or(0), refusal)
    }

    /// The refusal of a whole batch.
    pub(crate) fn of_request<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let reason = format!("SNS failed: {}", aws::reason(error));
        let Some(service) = error.as_service_error() else { return Self::Outage(reason) };
        // A topic that is not valid is not the message's fault.
        let about_topic = service.message().is_some_and(|message| message.contains("TopicArn"));
        match service.code() {
            Some(code) if CONTENT.contains(&code) && !about_topic => Self::Poison(reason),
            _ => Self::Outage(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_poison(code: &str, sender_fault: bool) -> bool {
        let failed = BatchResultErrorEntry::builder().id("3").code(code).sender_fault(sender_fault).build().unwrap();
        let (position, refusal) = Refusal::of_entry(&failed);
        assert_eq!(position, 3);
        matches!(refusal, Refusal::Poison(_))
    }

    #[test]
    fn an_entry_is_poison_only_if_its_content_is_at_fault() {
        for code in ["InvalidParameter", "InvalidParameterValue", "MessageTooLong"] {
            assert!(is_poison(code, true), "{code}");
        }
        for code in ["Throttling", "ThrottledException", "KMSThrottling", "AuthorizationError", "KMSAccessDenied"] {
            assert!(!is_poison(code, true), "{code}");
        }
        for code in ["NotFound", "EndpointDisabled", "KMSDisabled", "InvalidClientTokenId", "ExpiredToken"] {
            assert!(!is_poison(code, true), "{code}");
        }
        assert!(!is_poison("InternalError", false));
        assert!(!is_poison("InvalidParameter", false));
    }
}
