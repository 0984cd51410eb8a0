//! Tests across crates, on the embedded DynamoDB: a module per subject. One binary, since linking one per subject takes longer than
//! running them. Only `memory` is a binary of its own: it replaces the global allocator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod bad_input;
mod costs;
mod credentials;
mod external_provisioning_changes;
mod histories;
mod identity;
mod local_store;
mod lossless;
mod lost_races;
mod other_services;
mod platform;
mod platform_send;
mod publishing;
mod registrar;
mod registration;
mod services;
mod sms;
mod trouble;
mod whole_messages;
