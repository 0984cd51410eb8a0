//! The input and the output of the function.

use aws_lambda_events::dynamodb::EventRecord;
use serde::{Deserialize, Serialize};

/// The records to publish. Lambda sends those of the stream; `callbacks events` sends records in the same format.
#[derive(Debug, Clone, Deserialize)]
pub struct Invocation {
    /// The records.
    #[serde(rename = "Records")]
    pub records: Vec<EventRecord>,
    /// Why they are published.
    #[serde(default)]
    pub cause: Cause,
}

/// Why records are published.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// They are new in the stream.
    #[default]
    Stream,
    /// An operator redrives dead letters. Poison records are reported instead of being sent to the queue again.
    Redrive,
    /// An operator republishes recorded events. Poison records are reported, since they are in the table.
    Replay {
        /// The id of the run, by which subscribers recognize a replay: ASCII letters, digits and hyphens.
        run: String,
    },
}

impl Cause {
    /// The id of the run that republishes the events.
    pub(crate) fn replay(&self) -> Option<&str> {
        match self {
            Self::Replay { run } => Some(run),
            Self::Stream | Self::Redrive => None,
        }
    }
}

/// A partial batch response.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The first record that was not published, if there is one. The members below are for commands; Lambda ignores them.
    pub batch_item_failures: Vec<ItemFailure>,
    /// Why it was not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The poison records before it, unless they were sent to the dead-letter queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejection>,
}

/// A record that was not published.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// Its sequence number.
    pub item_identifier: String,
}

/// A poison record.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// Its sequence number.
    pub item_identifier: String,
    /// Why it can never be published.
    pub reason: String,
}
