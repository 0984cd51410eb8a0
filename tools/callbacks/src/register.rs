//! `callbacks register`, `registrations` and `deregister`: manage the registrations of a stack's endpoints by hand.
//! `callbacks sms resume` requests what the platform has queued for them.
//!
//! The registration APIs are in `shared/registration`. This module reads the options and prints the result. Exit codes:
//! 0 everything is as expected, 1 something is not, 2 the command is invalid, 3 the platform or the stack is
//! unreachable.

mod options;
mod sms;
mod stack;
mod table;

use std::process::ExitCode;

use registration::{Action, Comparison, Credentials, Error, RegistrationStatus, Scope, compare};

use crate::error::{CommandError, exit_code};
use crate::table::print;
use crate::terminal::{is_interactive, is_yes};
use options::{Change, Services};
pub(crate) use options::{Deregister, Register, Registrations};
pub(crate) use sms::{Sms, sms};
use table::{before, current_url, print_actions, row};

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
    expected.iter().try_for_each(|registration| platform.check(registration))?;
    let comparisons = compare(expected, &[], &platform.list(&common.account).await?);
    let is_elsewhere = |comparison: &Comparison| matches!(comparison.status, RegistrationStatus::Elsewhere { .. });
    if dry_run {
        platform.log_out().await;
        print(comparisons.iter().map(|comparison| match comparison.status {
            RegistrationStatus::AsExpected => row(comparison, "stays as it is", comparison.expected.url()),
            RegistrationStatus::Elsewhere { .. } if !take_over => row(comparison, SKIPPED, current_url(comparison)),
            _ => {
                row(comparison, &format!("would be registered (is {})", before(comparison)), comparison.expected.url())
            }
        }));
        return Ok(!comparisons.iter().any(|comparison| comparison.status.is_drift()));
    }
    let elsewhere: Vec<_> = comparisons.iter().filter(|comparison| is_elsewhere(comparison)).collect();
    let take_over = take_over || elsewhere.is_empty() || confirm_take_over(&elsewhere);
    let skipped = |comparison: &Comparison| !take_over && is_elsewhere(comparison);
    let actions = platform.apply(comparisons, |comparison| !skipped(comparison)).await;
    platform.log_out().await;
    let describe = |comparison: &Comparison| match comparison.status {
        RegistrationStatus::AsExpected => ("stays as it is".to_owned(), comparison.expected.url().to_owned()),
        _ if skipped(comparison) => (SKIPPED.to_owned(), current_url(comparison).to_owned()),
        _ => (format!("registered (was {})", before(comparison)), comparison.expected.url().to_owned()),
    };
    let complete = print_actions(&actions, "registered", describe)?;
    let has_other_api = |action: &Action| match &action.result {
        Some(Err(Error::Refused(fault))) => fault.is_registered_by_other_api(),
        _ => false,
    };
    if actions.iter().any(has_other_api) {
        eprintln!("{}", common.other_api_advice());
    }
    Ok(complete && !actions.iter().any(|action| skipped(&action.comparison)))
}

/// The note on a registration of another listener.
const SKIPPED: &str = "goes somewhere else: stays, without --take-over";

/// Asks on the terminal whether to take over these registrations. In a script the answer is no.
fn confirm_take_over(elsewhere: &[&Comparison]) -> bool {
    if !is_interactive() {
        return false;
    }
    eprintln!("These are registered elsewhere, and their listeners would receive no more callbacks:");
    for comparison in elsewhere {
        eprintln!("  {}  {}", comparison.expected.service(), current_url(comparison));
    }
    eprint!("Take them over? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
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
    let skipped = |comparison: &Comparison| match comparison.status {
        RegistrationStatus::Missing => Some("is not registered through this API"),
        RegistrationStatus::Elsewhere { .. } if !wherever => Some("goes somewhere else: stays"),
        _ => None,
    };
    if dry_run {
        let comparisons = compare(expected, &[], &platform.list(&common.account).await?);
        platform.log_out().await;
        print(comparisons.iter().map(|comparison| {
            row(comparison, skipped(comparison).unwrap_or("would be deregistered"), current_url(comparison))
        }));
        return Ok(true);
    }
    let scope = if wherever { Scope::AnyUrl } else { Scope::ExpectedUrl };
    let actions = platform.deregister_all(&common.account, expected, scope).await?;
    platform.log_out().await;
    print_actions(&actions, "deregistered", |comparison| {
        (skipped(comparison).unwrap_or("deregistered").to_owned(), current_url(comparison).to_owned())
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
    let compared: Vec<_> = comparisons.iter().filter_map(|comparison| comparison.listed_as.clone()).collect();
    let others = listed.iter().filter(|listed| !compared.contains(&listed.service));
    let others = others.map(|other| [other.service.clone(), "not compared".to_owned(), other.url.clone()]);
    print(
        comparisons
            .iter()
            .map(|comparison| row(comparison, &comparison.status.to_string(), current_url(comparison)))
            .chain(others),
    );
    Ok(!comparisons.iter().any(|comparison| comparison.status.is_drift()))
}
