//! What the tests across crates share: a running `callbacks local`, a running simulator of the platform, scripted
//! endpoints, and the golden messages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod cloud;
mod contents;
mod endpoint;
mod faults;
mod log;
mod messages;
mod recording;
mod simulator;
mod stack;

pub use self::cloud::{Answer, Cloud, REGISTRAR_TABLE, Request, State, TABLE};
pub use self::contents::{Contents, Row};
pub use self::endpoint::{aws_config, serve, silent_endpoint, unreachable_endpoint};
pub use self::faults::{Call, Connections, Fault, Injection};
pub use self::log::Log;
pub use self::messages::{
    EXTERNAL, GOLDEN, REGISTER_CALLBACK_REQUEST, REGISTER_CALLBACK_RESPONSE, content_type, identifier_xml,
    provisioning_change,
};
pub use self::recording::{block_on, events_recorded, record};
pub use self::simulator::{registrations, send_options, simulator, simulator_options};
pub use self::stack::{Stack, options};
