//! The rows of tables of registrations.

use registration::{Action, Comparison, RegistrationStatus};

use crate::error::CommandError;
use crate::table::print;

/// A row of the table: service, status, URL.
pub(super) fn row(comparison: &Comparison, status: &str, url: &str) -> [String; 3] {
    [comparison.expected.service().to_owned(), status.to_owned(), url.to_owned()]
}

/// The URL that is registered.
pub(super) fn current_url(comparison: &Comparison) -> &str {
    match &comparison.status {
        RegistrationStatus::Elsewhere { url } => url,
        RegistrationStatus::Missing => "-",
        _ => comparison.expected.url(),
    }
}

/// The status before an action, with the URL if it was a different one.
pub(super) fn before(comparison: &Comparison) -> String {
    match &comparison.status {
        RegistrationStatus::Elsewhere { url } => format!("at {url}"),
        RegistrationStatus::CredentialsHidden => "here, credentials not shown".to_owned(),
        status => status.to_string(),
    }
}

/// Prints the result of each action, with a status and a URL for those that succeeded. Returns whether all succeeded.
pub(super) fn print_actions(
    actions: &[Action],
    verb: &str,
    describe: impl Fn(&Comparison) -> (String, String),
) -> Result<bool, CommandError> {
    print(actions.iter().map(|Action { comparison, result }| match result {
        Some(Err(error)) => row(comparison, &format!("NOT {verb}: {error}"), current_url(comparison)),
        _ => {
            let (status, url) = describe(comparison);
            row(comparison, &status, &url)
        }
    }));
    let mut failures = actions.iter().filter_map(|action| action.result.as_ref()?.as_ref().err()).peekable();
    let none = failures.peek().is_none();
    match failures.find(|error| error.affects_all_requests()) {
        Some(error) => Err(CommandError::Unreachable(error.to_string())),
        None => Ok(none),
    }
}
