//! `callbacks`: the command line.

use std::io::IsTerminal;
use std::process::ExitCode;

use callbacks::command::Arguments;
use clap::Parser;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    Arguments::parse().run().await.unwrap_or_else(|error| {
        // Not as `Debug` has it: with RUST_BACKTRACE set, that is a stack trace of an error that is the user's.
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}
