//! The user name and password that the platform echoes in every message, in clear.

use std::fmt;

/// Credentials as a message carries them; `None` where the member is absent or nil.
///
/// Never serialised, and shown redacted: a callback can be printed without giving them away.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// `Username` (SOAP) or `username` (REST); empty when none was registered.
    pub username: Option<String>,
    /// `Password` (SOAP) or `password` (REST); empty when none was registered.
    pub password: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}
