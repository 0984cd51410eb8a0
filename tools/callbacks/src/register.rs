//! `callbacks register`, `registrations` and `deregister`: manage the registrations of a stack's endpoints by hand.
//!
//! The registration APIs are in `shared/registration`. This module reads the options and prints the result. Exit codes: 0 everything
//! is as expected, 1 something is not, 2 the command is invalid, 3 the platform or the stack is unreachable.

mod error;
mod options;
mod stack;
mod table;

use std::io::IsTerminal;
use std::process::ExitCode;

use registration::{Comparison, Credentials, Error, RegistrationStatus, Scope, compare};

use error::{CommandError, exit_code};
use options::{Change, Services};
pub(crate) use options::{Deregister, Register, Registrations};
use table::{before, current_url, print, print_actions, row};

/// Registers what is not as expected.
pub(crate) async fn register(options: Register) -> ExitCode {
    exit_code(try_register(options).await)
}

/// Compares the registrations with the expected ones.
pub(crate) async fn registrations(options: Registrations) -> ExitCode {
    exit_code(try_registrations(options).await)
}

/// Deregisters the stack's endpoints.
pub(crate) async fn deregister(options: Deregister) -> ExitCode {
    exit_code(try_deregister(options).await)
}

async fn try_register(Register { change, take_over }: Register) -> Result<bool, CommandError> {
    let Change { common, services, dry_run } = change;
    let credentials = common.stack.credentials().await?;
    let expected = common.expected(services.of(common.api), &credentials).await?;
    let platform = common.platform().await?;
    expected.iter().try_for_each(|one| platform.check(one))?;
    let comparisons = compare(expected, &[], &platform.list(&common.account).await?);
    let is_elsewhere = |one: &Comparison| matches!(one.status, RegistrationStatus::Elsewhere { .. });
    if dry_run {
        platform.log_out().await;
        print(comparisons.iter().map(|one| match one.status {
            RegistrationStatus::AsExpected => row(one, "stays as it is", one.expected.url()),
            RegistrationStatus::Elsewhere { .. } if !take_over => row(one, SKIPPED, current_url(one)),
            _ => row(one, &format!("would be registered (is {})", before(one)), one.expected.url()),
        }));
        return Ok(!comparisons.iter().any(|one| one.status.is_drift()));
    }
    let elsewhere: Vec<_> = comparisons.iter().filter(|one| is_elsewhere(one)).collect();
    let take_over = take_over || elsewhere.is_empty() || confirm_take_over(&elsewhere);
    let skipped = |one: &Comparison| !take_over && is_elsewhere(one);
    let actions = platform.apply(comparisons, |one| !skipped(one)).await;
    platform.log_out().await;
    let describe = |one: &Comparison| match one.status {
        RegistrationStatus::AsExpected => ("stays as it is".to_owned(), one.expected.url().to_owned()),
        _ if skipped(one) => (SKIPPED.to_owned(), current_url(one).to_owned()),
        _ => (format!("registered (was {})", before(one)), one.expected.url().to_owned()),
    };
    let complete = print_actions(&actions, "registered", describe)?;
    if actions
        .iter()
        .any(|one| matches!(&one.result, Some(Err(Error::Refused(fault))) if fault.is_registered_by_other_api()))
    {
        eprintln!("{}", common.other_api_advice());
    }
    Ok(complete && !actions.iter().any(|one| skipped(&one.comparison)))
}

/// The note on a registration of another listener.
const SKIPPED: &str = "goes somewhere else: stays, without --take-over";

/// Asks on the terminal whether to take over these registrations. In a script the answer is no.
fn confirm_take_over(elsewhere: &[&Comparison]) -> bool {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return false;
    }
    eprintln!("These are registered elsewhere, and their listeners would receive no more callbacks:");
    for one in elsewhere {
        eprintln!("  {}  {}", one.expected.service(), current_url(one));
    }
    eprint!("Take them over? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

async fn try_deregister(Deregister { change, wherever }: Deregister) -> Result<bool, CommandError> {
    let Change { common, services, dry_run } = change;
    let services = services.of(common.api);
    let expected = if wherever {
        // The URL does not matter, so no stack is needed.
        common.below(common.api.default_url(), services, &Credentials::default())?
    } else {
        common.expected(services, &Credentials::default()).await?
    };
    let platform = common.platform().await?;
    let skipped = |one: &Comparison| match one.status {
        RegistrationStatus::Missing => Some("is not registered through this API"),
        RegistrationStatus::Elsewhere { .. } if !wherever => Some("goes somewhere else: stays"),
        _ => None,
    };
    if dry_run {
        let comparisons = compare(expected, &[], &platform.list(&common.account).await?);
        platform.log_out().await;
        print(
            comparisons.iter().map(|one| row(one, skipped(one).unwrap_or("would be deregistered"), current_url(one))),
        );
        return Ok(true);
    }
    let scope = if wherever { Scope::AnyUrl } else { Scope::ExpectedUrl };
    let actions = platform.deregister_all(&common.account, expected, scope).await?;
    platform.log_out().await;
    print_actions(&actions, "deregistered", |one| {
        (skipped(one).unwrap_or("deregistered").to_owned(), current_url(one).to_owned())
    })
}

async fn try_registrations(Registrations { common, service }: Registrations) -> Result<bool, CommandError> {
    let services = if service.is_empty() { Services::all(common.api) } else { service };
    let credentials = common.stack.credentials().await?;
    let expected = common.expected(services, &credentials).await?;
    let platform = common.platform().await?;
    let listed = platform.list(&common.account).await?;
    platform.log_out().await;
    let comparisons = compare(expected, &[], &listed);
    let compared: Vec<_> = comparisons.iter().filter_map(|one| one.listed_as.clone()).collect();
    let others = listed.iter().filter(|one| !compared.contains(&one.service));
    let others = others.map(|one| [one.service.clone(), "not compared".to_owned(), one.url.clone()]);
    print(comparisons.iter().map(|one| row(one, &one.status.to_string(), current_url(one))).chain(others));
    Ok(!comparisons.iter().any(|one| one.status.is_drift()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_a_confirmation() {
        for yes in ["y\n", "Y\n", " yes \n", "YES"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yy\n", "yes please\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
