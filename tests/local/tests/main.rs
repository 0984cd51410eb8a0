//! Tests across crates, on the embedded DynamoDB: a module per subject, in one binary, since linking a binary per
//! subject takes longer than running the tests. `memory` is a separate binary, since it replaces the global allocator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod accounts;
mod bad_input;
mod canaries;
mod costs;
mod credentials;
mod external_provisioning_changes;
mod faults;
mod histories;
mod identity;
mod local_store;
mod lossless;
mod lost_races;
mod other_services;
mod parking;
mod platform;
mod platform_send;
mod publishing;
mod registrar;
mod registration;
mod replay;
mod services;
mod sms;
mod sms_resume;
mod trouble;
mod whole_messages;
