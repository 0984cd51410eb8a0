//! What the tests share: a table that a plan is carried out in, and messages as the platform sends them.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test may panic, and shares its modules"
)]

pub mod services;
pub mod table;
pub mod wire;
