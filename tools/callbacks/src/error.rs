//! Why a command fails, and its exit code.

use std::process::ExitCode;

use registration::Error;

/// Not everything is as expected.
const INCOMPLETE: u8 = 1;
/// The command is invalid. Clap uses the same code.
const INVALID: u8 = 2;
/// The platform or the stack is unreachable.
const UNREACHABLE: u8 = 3;

/// Ctrl-C or SIGTERM. Shells use this code.
const INTERRUPTED: u8 = 130;

/// Why a command ends early.
pub(crate) enum CommandError {
    Invalid(String),
    /// What the command is about does not exist.
    NotFound(String),
    Interrupted,
    /// The platform refuses the account as a whole.
    Refused(String),
    Unreachable(String),
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(invalid) => Self::Invalid(invalid.to_string()),
            Error::Refused(fault) => Self::Refused(format!("the platform refuses: {fault}")),
            error @ Error::LoginRefused { .. } => {
                Self::Unreachable(format!("{error}; five wrong passwords in a row lock the login"))
            }
            error => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<registration::Invalid> for CommandError {
    fn from(invalid: registration::Invalid) -> Self {
        Self::Invalid(invalid.to_string())
    }
}

/// The exit code of a command: whether everything is as expected, or an error, which is printed.
pub(crate) fn exit_code(result: Result<bool, CommandError>) -> ExitCode {
    let (text, code) = match result {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(INCOMPLETE),
        Err(CommandError::Invalid(text)) => (text, INVALID),
        Err(CommandError::NotFound(text) | CommandError::Refused(text)) => (text, INCOMPLETE),
        Err(CommandError::Interrupted) => ("interrupted".to_owned(), INTERRUPTED),
        Err(CommandError::Unreachable(text)) => (text, UNREACHABLE),
    };
    // A text of the platform may end with a full stop.
    eprintln!("Error: {}.", text.trim_end_matches('.'));
    ExitCode::from(code)
}
