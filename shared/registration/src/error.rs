//! Errors of the platform. No text contains a secret or a body.

use std::fmt;

use crate::invalid::Invalid;

/// The platform's error for a refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `<Service>.<CLASS>.<Specific>`, or the number of a fault of the platform's API gateway.
    pub code: String,
    /// A text for people.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a full stop, since it is embedded in other texts.
        match (self.code.as_str(), self.message.trim_end_matches('.')) {
            ("", message) => f.write_str(message),
            (code, "") => f.write_str(code),
            (code, message) => write!(f, "{code}: {message}"),
        }
    }
}

/// Maximum length of the platform's code and message, in characters.
const MAX_TEXT_CHARS: usize = 300;

impl Fault {
    /// The platform's code and message without these secrets, which it might quote.
    pub(crate) fn new(code: &str, message: &str, secrets: &[&str]) -> Self {
        let clean = |text: &str| {
            let mut text = text.trim().to_owned();
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                text = text.replace(secret, "…");
            }
            text.chars().filter(|character| !character.is_control()).take(MAX_TEXT_CHARS).collect()
        };
        Self { code: clean(code), message: clean(message) }
    }

    /// Whether the service is registered through the other API.
    #[must_use]
    pub fn is_registered_by_other_api(&self) -> bool {
        self.code.ends_with("RegisteredByOtherApi")
    }

    /// Whether the session token is expired, unknown or malformed (`…SessionToken.Expired`, `.Invalid`, `.Format`).
    pub(crate) fn is_session_error(&self) -> bool {
        self.code.contains("SessionToken.")
    }

    /// Whether the request is invalid.
    pub(crate) fn is_input_error(&self) -> bool {
        self.code.contains("INPUT_INVALID")
    }

    /// Whether the login is locked, as after five wrong passwords. The error code is not documented.
    pub(crate) fn is_lock(&self) -> bool {
        [&self.code, &self.message].iter().any(|text| text.to_ascii_lowercase().contains("locked"))
    }
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Invalid, so not sent.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// No response, or a response that says that the platform is temporarily unavailable.
    #[error("the platform cannot be reached: {0}")]
    Unreachable(String),
    /// A response that is not from the platform's API.
    #[error("the platform answers {status}, {reason}")]
    UnexpectedResponse {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Wrong user name, password, key or secret. Never retried: five wrong passwords lock the login.
    #[error("the platform refuses the {what}: {fault}")]
    LoginRefused {
        /// The part of the login.
        what: &'static str,
        /// The platform's error.
        fault: Fault,
    },
    /// Locked after five wrong passwords, until the password is changed or the platform's support unlocks it.
    #[error("the platform has locked the login: {0}")]
    Locked(Fault),
    /// The request was refused.
    #[error("the platform refuses: {0}")]
    Refused(Fault),
    /// Not sent, because an earlier request failed for a reason that affects all requests.
    #[error("not attempted after that")]
    NotAttempted,
}

impl Error {
    /// Whether the login was refused.
    #[must_use]
    pub fn is_login_error(&self) -> bool {
        matches!(self, Self::LoginRefused { .. } | Self::Locked(_))
    }

    /// Whether every other request would fail for the same reason.
    #[must_use]
    pub fn affects_all_requests(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::LoginRefused { .. } | Self::Locked(_) | Self::NotAttempted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_contains_no_secret_and_has_a_maximum_length() {
        let message = format!("hunter2 is wrong for\nkey {}", "é".repeat(1000));
        let fault = Fault::new("A.hunter2", &message, &["hunter2", ""]);
        assert_eq!(fault.code, "A.…");
        assert!(fault.message.starts_with("… is wrong forkey é"));
        assert_eq!(fault.message.chars().count(), MAX_TEXT_CHARS);
    }

    #[test]
    fn a_fault_is_embedded_without_its_full_stop() {
        let fault = Fault::new("A.B", "It is refused.", &[]);
        let error = Error::LoginRefused { what: "user name and password", fault };
        let expected = "the platform refuses the user name and password: A.B: It is refused";
        assert_eq!(error.to_string(), expected);
    }
}
