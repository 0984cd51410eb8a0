//! What can go wrong with the platform. No text here holds a secret or a body.

use std::fmt;

use crate::Invalid;

/// What the platform says of a request that it does not grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `<Service>.<CLASS>.<Specific>`, or the number of a fault of the platform's gateway.
    pub code: String,
    /// For a person.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It stands in sentences, which have an end of their own.
        match (self.code.as_str(), self.message.trim_end_matches('.')) {
            ("", message) => f.write_str(message),
            (code, "") => f.write_str(code),
            (code, message) => write!(f, "{code}: {message}"),
        }
    }
}

/// The longest part of the platform's own words that is kept, in characters.
const MAX_WORDS: usize = 300;

impl Fault {
    /// The platform's own words, without these secrets, which it might quote.
    pub(crate) fn new(code: &str, message: &str, secrets: &[&str]) -> Self {
        let clean = |text: &str| {
            let mut text = text.trim().to_owned();
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                text = text.replace(secret, "…");
            }
            text.chars().filter(|character| !character.is_control()).take(MAX_WORDS).collect()
        };
        Self { code: clean(code), message: clean(message) }
    }

    /// Whether the service is registered through the other API.
    #[must_use]
    pub fn is_of_the_other_api(&self) -> bool {
        self.code.ends_with("RegisteredByOtherApi")
    }

    /// Whether it is about the session: expired, unknown or of a wrong form (`…SessionToken.Expired`, `.Invalid`, `.Format`).
    pub(crate) fn is_of_the_session(&self) -> bool {
        self.code.contains("SessionToken.")
    }

    /// Whether something in the request is wrong, rather than with what it asks for.
    pub(crate) fn is_of_the_input(&self) -> bool {
        self.code.contains("INPUT_INVALID")
    }

    /// Whether the login is locked, as it is after five wrong passwords. The code of it is not public.
    pub(crate) fn is_a_lock(&self) -> bool {
        [&self.code, &self.message].iter().any(|text| text.to_ascii_lowercase().contains("locked"))
    }
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not sent at all.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Nobody answers, or only that there is no time now.
    #[error("the platform cannot be reached: {0}")]
    Unreachable(String),
    /// Somebody answers, but not the platform's API.
    #[error("the platform answers {status}, {why}")]
    NotUnderstood {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Wrong user name, password, key or secret. It is not tried again: five wrong passwords lock the login.
    #[error("the platform does not take the {what}: {fault}")]
    LoginRefused {
        /// Which half of the login.
        what: &'static str,
        /// The platform's words.
        fault: Fault,
    },
    /// After five wrong passwords. Only the platform's support, or a new password, opens it.
    #[error("the platform has locked the login: {0}")]
    Locked(Fault),
    /// This request, for itself.
    #[error("the platform refuses: {0}")]
    Refused(Fault),
    /// One before it met something that stops all.
    #[error("not tried after that")]
    NotTried,
}

impl Error {
    /// Whether it is about who asks, rather than about what is asked for.
    #[must_use]
    pub fn is_of_the_login(&self) -> bool {
        matches!(self, Self::LoginRefused { .. } | Self::Locked(_))
    }

    /// Whether any other request would meet the same.
    #[must_use]
    pub fn stops_all(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::LoginRefused { .. } | Self::Locked(_) | Self::NotTried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_quotes_no_secret_and_is_of_bounded_length() {
        let message = format!("hunter2 is wrong for\nkey {}", "é".repeat(1000));
        let fault = Fault::new("A.hunter2", &message, &["hunter2", ""]);
        assert_eq!(fault.code, "A.…");
        assert!(fault.message.starts_with("… is wrong forkey é"));
        assert_eq!(fault.message.chars().count(), MAX_WORDS);
    }

    #[test]
    fn a_fault_can_stand_within_a_sentence() {
        let fault = Fault::new("A.B", "It is refused.", &[]);
        let error = Error::LoginRefused { what: "user name and password", fault };
        let expected = "the platform does not take the user name and password: A.B: It is refused";
        assert_eq!(error.to_string(), expected);
    }
}
