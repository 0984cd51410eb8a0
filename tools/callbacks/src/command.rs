//! The commands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::exit_code;
use crate::{events, quarantine, rebuild, register, show};

/// Verizon ThingSpace callbacks: run the listener locally, register it at the platform, and query devices.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all endpoints on this machine, with an embedded DynamoDB
    #[cfg(feature = "local")]
    Local(local_stack::Options),
    /// Register the stack's endpoints at the platform
    Register(register::Register),
    /// Compare the registrations at the platform with the stack's endpoints
    Registrations(register::Registrations),
    /// Deregister the stack's endpoints
    Deregister(register::Deregister),
    /// Text messages (SMS) from devices
    #[command(subcommand)]
    Sms(register::Sms),
    /// Run a simulator of the platform, with both registration APIs
    #[cfg(feature = "platform")]
    Platform(Box<platform_simulator::Command>),
    /// Query devices, and compare them with their events
    #[command(subcommand)]
    Devices(show::Devices),
    /// Publish recorded events again
    #[command(subcommand)]
    Events(events::Events),
    /// Callbacks that were rejected but may be genuine
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Query the outcomes of requests
    #[command(subcommand)]
    Requests(show::Requests),
}

impl Arguments {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// The error of the command.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            #[cfg(feature = "local")]
            Command::Local(options) => local_stack::run(options).await?,
            Command::Register(options) => return Ok(register::register(options).await),
            Command::Registrations(options) => return Ok(register::registrations(options).await),
            Command::Deregister(options) => return Ok(register::deregister(options).await),
            Command::Sms(command) => return Ok(register::sms(command).await),
            #[cfg(feature = "platform")]
            Command::Platform(command) => return platform_simulator::run(*command).await,
            Command::Devices(show::Devices::Rebuild(options)) => return Ok(exit_code(rebuild::rebuild(options).await)),
            Command::Devices(show::Devices::Show(options)) => show::device(options).await?,
            Command::Events(command) => return Ok(events::run(command).await),
            Command::Quarantine(command) => return Ok(quarantine::run(command).await),
            Command::Requests(command) => show::requests(command).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
