//! Texts of errors of AWS: the reason, and nothing that was sent or answered.

use std::error::Error;
use std::fmt::Debug;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The service's error code and message; for an error outside the service, such as a timeout, the chain of causes. The
/// messages of validation errors are left out, since they quote the value: `Value '…' at '…' failed to satisfy …`.
///
/// The SDK's own `DisplayErrorContext` prints the whole response if it is malformed, with the secret or the device in
/// it.
pub fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: Debug + 'static,
{
    match error.as_service_error().and_then(|service| Some((service.code()?, service.message()))) {
        Some((code, Some(message))) if !quotes_values(code) => format!("{code}: {message}"),
        Some((code, _)) => code.to_owned(),
        None => chain(error),
    }
}

/// Whether the message of an error with this code may quote what was sent: `ValidationException`, `ValidationError`,
/// `InvalidParameterValue`, `InvalidMessageContents`, `SerializationException` and the like.
fn quotes_values(code: &str) -> bool {
    ["Validation", "Invalid", "Serialization", "Malformed"].iter().any(|part| code.contains(part))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}
