//! The program `callbacks`, run as a process: a module per subject, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod command_line;
mod errors;
mod quarantine;
mod registrations;
mod sms;

use std::process::{Command, Output};

/// The program with these arguments and without environment variables.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callbacks"));
    command.env_clear().args(arguments);
    command
}

/// Runs the program. Returns its exit code, its output and its error output. Its servers may run in this process, so a
/// blocking task waits for it.
async fn run(mut command: Command) -> (i32, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output { status, stdout, stderr } = output.await.unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}
