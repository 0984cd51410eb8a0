//! `callbacks events`: publish recorded events again, through the publisher function of the deployment, since only it may
//! publish to the topics. Exit codes are those of `register`.

mod dead_letter;
mod position;
mod publisher;
mod redrive;
mod republish;
mod stream;

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::exit_code;

/// `callbacks events`.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Publish the events in the publisher's dead-letter queue that can be published now
    Redrive(redrive::Redrive),
    /// Publish recorded events again, with the same ids, marked as replays
    Republish(republish::Republish),
}

/// Runs the command.
pub(crate) async fn run(command: Events) -> ExitCode {
    exit_code(match command {
        Events::Redrive(options) => redrive::redrive(options).await,
        Events::Republish(options) => republish::republish(options).await,
    })
}
