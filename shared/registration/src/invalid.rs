//! Why a value would be rejected by the platform. Such a value is not sent.

use crate::api::{Api, UnknownApi};

/// Maximum length of a user name or a password, in characters.
pub(crate) const MAX_CREDENTIAL_CHARS: usize = 40;

/// A value that the platform would reject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The API does not exist.
    #[error(transparent)]
    Api(#[from] UnknownApi),
    /// Not an account name.
    #[error("\"{0}\" is not an account name: they look like 0123456789-00001, including leading zeros")]
    Account(String),
    /// No account is given, and `none` is not given either.
    #[error("no account is given: list billing accounts separated by commas, or use none to deregister")]
    NoAccount,
    /// The API does not register this service.
    #[error("\"{service}\" is not a callback service that the {api} API registers; it registers {}", .api.services().join(", "))]
    Service {
        /// The service as given.
        service: String,
        /// The API.
        api: Api,
    },
    /// The platform would not call this URL.
    #[error("\"{url}\" cannot be registered: {reason}")]
    Url {
        /// The URL as given.
        url: String,
        /// Why it is invalid.
        reason: &'static str,
    },
    /// A user name or password is too long.
    #[error("the {0} for callbacks is longer than {MAX_CREDENTIAL_CHARS} characters")]
    CredentialTooLong(&'static str),
    /// The user name of an account is too long.
    #[error(
        "the user name for callbacks of the account {account} has {length} characters, and the platform accepts \
         {MAX_CREDENTIAL_CHARS}: user name, hyphen and account name. Use a shorter user name"
    )]
    UserNameTooLong {
        /// The account.
        account: String,
        /// The length of its user name, in characters.
        length: usize,
    },
    /// A password without a user name, or a user name without a password.
    #[error("user name and password for callbacks go together: give both or neither")]
    HalfCredentials,
    /// The platform's own login would be repeated in clear in every callback.
    #[error("the platform's own login must not be registered for callbacks: every callback would contain it in clear")]
    OwnLogin,
    /// A login must not be sent to this address.
    #[error("\"{0}\" is not an address of a platform: it must be an https URL, or an http URL of this machine")]
    Platform(String),
    /// The login is incomplete or malformed.
    #[error("the platform's login is not {{\"username\", \"password\"}}, with \"key\" and \"secret\" for REST")]
    Login,
    /// REST needs an application.
    #[error("the REST API needs an application's key and secret besides user name and password")]
    NoApplication,
}
