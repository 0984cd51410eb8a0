//! Keeps the registrations at the platform equal to the stack's endpoints: on deployment and deletion (`deployment`),
//! when the callback credentials are rotated (`rotation`), and on a daily schedule (`check`). After an outage it
//! requests the text messages that the platform has queued (`sms`).
//!
//! This crate decides when to register, and with which URLs and credentials. The registration APIs are in
//! `shared/registration`.

mod check;
mod deployment;
mod error;
mod event;
mod notification;
mod registrar;
mod registrar_table;
mod rotation;
mod settings;
mod sms;
mod target;

pub use deployment::Deployment;
pub use event::{CheckKind, Event, ResumeKind};
pub use registrar::Registrar;
pub use rotation::Rotation;
pub use settings::Settings;
pub use target::{Properties, Target};
