//! `callbacks`: the command line.

use std::process::ExitCode;

use callbacks::{local, platform, register, show};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Verizon ThingSpace callbacks: run the listener here, and look at what it knows.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all endpoints on this machine, with an embedded DynamoDB; nothing else is needed
    Local(local::Options),
    /// Register the stack's endpoints at the platform
    Register(register::Register),
    /// Show what is registered at the platform, against what the stack expects
    Registrations(register::Registrations),
    /// Deregister the stack's endpoints
    Deregister(register::Deregister),
    /// Run a stand-in for the carrier: both registration APIs, with their rules
    Platform(Box<platform::Command>),
    /// Look at devices
    #[command(subcommand)]
    Devices(show::Devices),
    /// Look at what became of requests
    #[command(subcommand)]
    Requests(show::Requests),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Arguments::parse().command {
        Command::Local(options) => local::run(options).await?,
        Command::Platform(command) => return platform::run(*command).await,
        Command::Register(command) => return register::register(command).await,
        Command::Registrations(command) => return register::registrations(command).await,
        Command::Deregister(command) => return register::deregister(command).await,
        Command::Devices(command) => show::devices(command).await?,
        Command::Requests(command) => show::requests(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}
