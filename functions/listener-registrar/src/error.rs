//! Why a run of the registrar fails.

use credentials::SecretError;
use registration::Invalid;

use crate::registrar_table::TableError;

/// Five wrong passwords in a row lock a login. A login that was refused this often is not used until its secret
/// changes, which leaves two attempts for the person who corrects it.
pub(crate) const MAX_LOGIN_REFUSALS: u32 = 3;

/// Why a run fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrarError {
    /// A parameter of the stack is invalid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the secret with the platform's login does not exist")]
    NoLogin,
    /// The secret with the login is malformed. Unlike an invalid parameter, this fails no deployment by itself.
    #[error(transparent)]
    MalformedLogin(Invalid),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Platform(registration::Error),
    #[error("the platform has refused this login {MAX_LOGIN_REFUSALS} times: it is not used until its secret changes")]
    LoginSuspended,
    /// Some registrations failed.
    #[error("{} of {total} failed: {}", .failed.len(), .failed.join("; "))]
    Incomplete { failed: Vec<String>, total: usize },
    /// A step of a rotation is refused.
    #[error("{0}")]
    RotationRefused(&'static str),
    #[error("the stack is not being deleted: its registrations remain, but are no longer checked")]
    StackRemains,
    #[error("the run has timed out")]
    TimedOut,
    #[error("the function panicked; see its log")]
    Panicked,
    #[error("CloudFormation does not accept the response")]
    ResponseNotAccepted,
}

impl From<registration::Error> for RegistrarError {
    fn from(error: registration::Error) -> Self {
        match error {
            registration::Error::Invalid(invalid) => Self::Invalid(invalid),
            error => Self::Platform(error),
        }
    }
}
