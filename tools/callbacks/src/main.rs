//! `callbacks`: the operator's command line. `callbacks local` and `callbacks platform` are crates of their own, and
//! features of this one.

mod account;
mod command;
mod deployment;
mod error;
mod events;
mod progress;
mod quarantine;
mod rebuild;
mod register;
mod show;
mod table;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use command::Arguments;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    Arguments::parse().run().await.unwrap_or_else(|error| {
        // `Debug` would print a stack trace if RUST_BACKTRACE is set.
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}
