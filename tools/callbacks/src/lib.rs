//! The command line of the project, as a library: `main` only parses arguments, and tests start [`local`] themselves.

mod account;
mod address;
pub mod command;
mod environment;
mod line;
pub mod local;
pub mod platform;
pub mod register;
pub mod registry;
pub mod show;
