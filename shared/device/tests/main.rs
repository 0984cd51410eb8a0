//! The tests of this crate: one binary, which links once, with a module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod fleet;
mod identities;
mod late;
mod merging;
mod rebuild;
mod support;
mod world;
