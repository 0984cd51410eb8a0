//! The commands: what each is called, and who does it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{local, platform, register, show};

/// Verizon ThingSpace callbacks: run the listener here, tell the platform of it, and look at what it knows.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all endpoints on this machine, with an embedded DynamoDB; nothing else is needed
    Local(local::Options),
    /// Register the stack's endpoints at the platform
    Register(register::Registering),
    /// Show what is registered at the platform, against what the stack expects
    Registrations(register::Registrations),
    /// Deregister the stack's endpoints
    Deregister(register::Withdrawal),
    /// Run a simulator of the platform: both registration APIs, with their rules
    Platform(Box<platform::Command>),
    /// Look at devices
    #[command(subcommand)]
    Devices(show::Devices),
    /// Look at what became of requests
    #[command(subcommand)]
    Requests(show::Requests),
}

impl Arguments {
    /// Does what they say.
    ///
    /// # Errors
    ///
    /// The command's own.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Local(options) => local::run(options).await?,
            Command::Register(command) => return Ok(register::register(command).await),
            Command::Registrations(command) => return Ok(register::registrations(command).await),
            Command::Deregister(command) => return Ok(register::deregister(command).await),
            Command::Platform(command) => return platform::run(*command).await,
            Command::Devices(command) => show::devices(command).await?,
            Command::Requests(command) => show::requests(command).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
