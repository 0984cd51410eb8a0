//! Results of requests.

use callback::{Outcome, truncate};
use serde::{Deserialize, Serialize};

use crate::bound::MAX_TEXT_BYTES;

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestResult {
    /// The requested operation, as the response names it (`suspend`), or the callback service.
    pub operation: String,
    /// The outcome.
    #[serde(flatten)]
    pub status: RequestStatus,
}

/// The outcome of a request. As JSON, `outcome` is `succeeded`, `failed`, `other` or `unstated`, and the members
/// `status` and `fault` are always there, null where they do not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub enum RequestStatus {
    /// The request succeeded.
    Succeeded,
    /// The request failed.
    Failed(Fault),
    /// Any other status (`warning`), as sent.
    Other(String),
    /// The response states no outcome.
    Unstated,
}

/// Why a request failed, in the platform's own text, truncated where it is very long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `<ServiceName>.<error code>`: match on the error code.
    pub code: Option<String>,
    /// A text for people.
    pub text: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    outcome: String,
    status: Option<String>,
    fault: Option<Fault>,
}

impl From<RequestStatus> for Wire {
    fn from(status: RequestStatus) -> Self {
        let (outcome, status, fault) = match status {
            RequestStatus::Succeeded => ("succeeded", None, None),
            RequestStatus::Failed(fault) => ("failed", None, Some(fault)),
            RequestStatus::Other(status) => ("other", Some(status), None),
            RequestStatus::Unstated => ("unstated", None, None),
        };
        Self { outcome: outcome.to_owned(), status, fault }
    }
}

impl TryFrom<Wire> for RequestStatus {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        match (wire.outcome.as_str(), wire.status, wire.fault) {
            ("succeeded", None, None) => Ok(Self::Succeeded),
            ("failed", None, Some(fault)) => Ok(Self::Failed(fault)),
            ("other", Some(status), None) => Ok(Self::Other(status)),
            ("unstated", None, None) => Ok(Self::Unstated),
            (outcome, ..) => Err(format!("an outcome \"{outcome}\" with a status or fault that does not belong to it")),
        }
    }
}

impl From<&Outcome> for RequestStatus {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed { code, text } => Self::Failed(Fault { code: code.clone(), text: text.clone() }),
            Outcome::Other(status) => Self::Other(status.clone()),
            Outcome::Unstated => Self::Unstated,
        }
    }
}

impl RequestResult {
    pub(crate) fn new(operation: &str, outcome: &Outcome) -> Self {
        Self { operation: truncate(operation, MAX_TEXT_BYTES), status: outcome.into() }
    }
}
