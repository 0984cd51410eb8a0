//! Devices and events in one DynamoDB table. What a message changes is decided in `shared/device`; this crate only
//! reads and writes: strongly consistent reads, then one transaction of conditional writes with optimistic locking.
//!
//! | row | pk | sk |
//! |---|---|---|
//! | device | `DEVICE#<id>` | `STATE` |
//! | event of a device | `DEVICE#<id>` | `EVENT#<sequence>` |
//! | identifier | `IDENTIFIER#<kind>#<value>` | `DEVICE` |
//! | receipt (idempotency record) | `RECEIPT#<digest>` | `RECEIPT` |
//! | account | `ACCOUNT#<name>` | `STATE` |
//! | event of an account | `ACCOUNT#<name>` | `EVENT#<sequence>` |
//! | answer to a request | `REQUEST#<id>#<slice>` | `DEVICE#<id>#<sequence>` or `ACCOUNT#<name>#<sequence>` |
//!
//! Rows hold their contents as JSON (`device`, `event`). Beside it are the few attributes that conditions, time-to-live
//! and the console need.

mod error;
mod history;
mod items;
mod limits;
mod parts;
mod read;
mod record;
mod recording;
mod replace;
mod rows;
mod runtime;
mod table;

pub use error::StoreError;
pub use history::{EventFilter, EventRow, Page, Position};
pub use read::{EventCursor, OutcomeCursor};
pub use recording::{Oversized, Recording};
pub use replace::StoredDevice;
pub use runtime::Runtime;
pub use table::Store;
