//! Devices and events in one DynamoDB table. What a message does to them is decided in `shared/device`; here it is read,
//! and written.
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
//! Rows carry their contents as JSON (`device`, `event`), beside the few attributes that conditions, expiry and a
//! person's eye need.

mod batch;
mod items;
mod read;
mod record;
mod rows;
mod task;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

pub use read::{EventsFrom, RequestFrom};
pub use record::{Oversized, Recording};

/// The table, and how long events stay in it.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
    event_retention_days: u32,
}

/// Why the table did not do as asked. The text names no device.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB could not be reached, refused, or failed.
    #[error("DynamoDB failed ({code}): {detail}")]
    Unavailable {
        /// DynamoDB's own error code, where it gave one.
        code: String,
        /// What the SDK says of it.
        detail: String,
    },
    /// It was not recorded by the deadline: other writers of the same device were faster, or there was too much to record.
    #[error("The deadline came first: other writers of the same device were faster, or there was too much to record.")]
    Contention,
    /// A row is not as this program writes it.
    #[error("A row of the table cannot be read: {0}")]
    Corrupt(String),
}

impl Store {
    /// A store in this table. Events expire after so many days; 0 keeps them for ever.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, event_retention_days: u32) -> Self {
        Self { client, table: table.into(), event_retention_days }
    }
}

/// DynamoDB's codes for being asked for more than it takes at the moment.
const THROTTLED: [&str; 4] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionInProgressException",
];

impl StoreError {
    fn unavailable<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        Self::Unavailable {
            code: error.code().unwrap_or("none").to_owned(),
            detail: aws::reason(error).chars().take(500).collect(),
        }
    }

    /// Whether there is no such table.
    #[must_use]
    pub fn is_no_table(&self) -> bool {
        matches!(self, Self::Unavailable { code, .. } if code == "ResourceNotFoundException")
    }

    /// Whether another try soon may well succeed.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { code, .. } => THROTTLED.contains(&code.as_str()),
            Self::Contention => true,
            Self::Corrupt(_) => false,
        }
    }
}
