//! The tests that need no process of their own: one binary, which links once, with a module per subject.
//!
//! `memory` and `properties` measure memory and time of the whole process, and have a binary each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod envelope;
mod golden;
mod notation;
mod parts;
mod rest;
mod soap;
