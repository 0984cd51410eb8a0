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
mod events;
mod quarantine;
mod rebuild;
mod registrations;
mod sms;

use std::process::{Command, Output};

use local_stack::{self as local, Local};
use serde_json::Value;

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

/// A running `callbacks local` and its URL.
async fn stack() -> (Local, String) {
    let any = "127.0.0.1:0".parse().unwrap();
    let options = local::Options {
        listen: any,
        dynamodb: any,
        data: None,
        reset: false,
        seed: false,
        username: None,
        password: None,
        allow: listener::AllowedAddresses::Any,
        quiet: true,
    };
    let local = local::start(options).await.unwrap();
    let url = format!("http://{}", local.address);
    (local, url)
}

async fn post(url: &str, service: &str, body: &Value) {
    let request = reqwest::Client::new().post(format!("{url}/callbacks/{service}")).json(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
}
