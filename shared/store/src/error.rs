//! Why the table cannot be read or written.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// The longest text of DynamoDB's that an error keeps.
const MAX_DETAIL_CHARS: usize = 500;

/// DynamoDB's error codes for a request that is throttled, or that another one is still in the way of.
const THROTTLED: [&str; 4] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionInProgressException",
];

/// Why the table was not read or written. The text names no device.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB could not be reached, throttled or rejected the request, or failed.
    #[error("DynamoDB failed ({code}): {detail}")]
    Unavailable {
        /// DynamoDB's own error code, or `none`.
        code: String,
        /// The error without anything that was sent or answered.
        detail: String,
    },
    /// Not recorded before the deadline: writers of the same device won every race, or there was too much to record.
    #[error("the deadline came first: other writers of the same device were faster, or there was too much to record")]
    DeadlineExceeded,
    /// A row is not as this program writes it.
    #[error("cannot read a row of the table: {0}")]
    Corrupt(String),
    /// A value cannot be serialized as JSON.
    #[error("cannot serialize a row: {0}")]
    Serialize(String),
    /// The SDK cannot build a request.
    #[error("cannot build a request to DynamoDB: {0}")]
    Request(#[from] BuildError),
}

impl StoreError {
    pub(crate) fn unavailable<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        Self::Unavailable {
            code: error.code().unwrap_or("none").to_owned(),
            detail: aws::reason(error).chars().take(MAX_DETAIL_CHARS).collect(),
        }
    }

    /// Whether the table does not exist.
    #[must_use]
    pub fn is_missing_table(&self) -> bool {
        matches!(self, Self::Unavailable { code, .. } if code == "ResourceNotFoundException")
    }

    /// Whether a retry may succeed.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { code, .. } => THROTTLED.contains(&code.as_str()),
            Self::DeadlineExceeded => true,
            Self::Corrupt(_) | Self::Serialize(_) | Self::Request(_) => false,
        }
    }
}
