//! The platform's faults, with the codes that both APIs use. Each API serializes them in its own format.

/// A fault. `Display` is its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message describes each one")]
pub enum Fault {
    #[error("The session token has expired.")]
    SessionExpired,
    #[error("The session token is not valid.")]
    SessionInvalid,
    #[error("The user name or the password is wrong.")]
    WrongLogin,
    #[error("The user is locked after too many wrong passwords.")]
    Locked,
    #[error("The account is not found.")]
    AccountNotFound,
    #[error("The service name is not one of this API.")]
    ServiceName,
    #[error("The URL must be of http or https, on port 80, 443, 9001-9006, 28200-28220 or 50551-50559.")]
    Url,
    #[error("The user name and the password for callbacks may have 40 characters each.")]
    CredentialsTooLong,
    #[error("The user name and the password for callbacks must not be those of the login.")]
    CredentialsOfLogin,
    #[error("The callback service is registered through the other API.")]
    OtherApi,
    #[error("The callback service is not registered.")]
    NotRegistered,
    #[error("The request is not defined.")]
    RequestUndefined,
    #[error("The request cannot be read.")]
    DeserializationFailed,
    #[error("An unexpected error occurred.")]
    Unexpected,
}

impl Fault {
    /// `<CLASS>.<Specific>`, which is appended to the name of the service.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SessionExpired => "REQUEST_FAILED.SessionToken.Expired",
            Self::SessionInvalid => "INPUT_INVALID.SessionToken.Invalid",
            Self::WrongLogin => "REQUEST_FAILED.InvalidCredentials",
            Self::Locked => "REQUEST_FAILED.AccountLocked",
            Self::AccountNotFound => "REQUEST_FAILED.AccountNotFound",
            Self::ServiceName => "INPUT_INVALID.ServiceName.Invalid",
            Self::Url => "INPUT_INVALID.Url.Invalid",
            Self::CredentialsTooLong => "INPUT_INVALID.Credentials.TooLong",
            Self::CredentialsOfLogin => "INPUT_INVALID.Credentials.Invalid",
            Self::OtherApi => "REQUEST_FAILED.Callback.RegisteredByOtherApi",
            Self::NotRegistered => "REQUEST_FAILED.Callback.NotRegistered",
            Self::RequestUndefined => "INPUT_INVALID.RequestUndefined",
            // Documented without a class.
            Self::DeserializationFailed => "DeserializationFailed",
            Self::Unexpected => "REQUEST_FAILED.UnexpectedError",
        }
    }
}
