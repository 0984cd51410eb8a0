//! Invocations of the publisher function.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::error::CommandError;

/// Maximum number of records of an invocation, as in the event source mapping.
pub(super) const MAX_RECORDS: usize = 100;

/// Maximum size of the records of an invocation. Lambda accepts 6 MB, and a record has at most 1 MB.
const MAX_BYTES: usize = 4_000_000;

/// After so many invocations in a row that published nothing, SNS is considered to be down.
const MAX_ATTEMPTS: u32 = 5;

/// The publisher function.
pub(super) struct PublisherFunction {
    client: Client,
    name: String,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Published,
    /// It can never be published.
    Rejected(String),
}

/// The outcomes of the first records, and why there are no more.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) stopped: Option<String>,
}

/// The response of the function.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    batch_item_failures: Vec<Item>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    rejected: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    item_identifier: String,
    #[serde(default)]
    reason: String,
}

impl Item {
    /// The number that the record was given.
    fn number(&self) -> usize {
        self.item_identifier.parse().unwrap_or_default()
    }
}

impl PublisherFunction {
    pub(super) fn of(deployment: &Deployment) -> Result<Self, CommandError> {
        let name = deployment.output("PublisherFunctionName")?.to_owned();
        Ok(Self { client: deployment.functions(), name })
    }

    /// Publishes records in their order. If SNS is throttled or down, it is retried with backoff for some seconds.
    pub(super) async fn publish(&self, records: &[Value], cause: &Value) -> Result<Progress, CommandError> {
        let mut progress = Progress::default();
        let mut attempt = 0;
        loop {
            let before = progress.outcomes.len();
            let next = records.get(before..).map(chunk).unwrap_or_default();
            if next.is_empty() {
                return Ok(progress);
            }
            let response = self.invoke(next, cause).await?;
            let stopped = response.batch_item_failures.first().map(Item::number);
            let mut outcomes = vec![Outcome::Published; stopped.unwrap_or(next.len()).min(next.len())];
            for rejected in response.rejected {
                if let Some(outcome) = outcomes.get_mut(rejected.number()) {
                    *outcome = Outcome::Rejected(rejected.reason);
                }
            }
            attempt = if outcomes.is_empty() { attempt + 1 } else { 0 };
            progress.outcomes.extend(outcomes);
            if attempt >= MAX_ATTEMPTS {
                progress.stopped = Some(response.reason);
                return Ok(progress);
            }
            if stopped.is_some() {
                tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(attempt)).await;
            }
        }
    }

    async fn invoke(&self, records: &[Value], cause: &Value) -> Result<Response, CommandError> {
        let failed = |reason| CommandError::Unreachable(format!("the function {} failed: {reason}", self.name));
        let numbered = records.iter().enumerate().map(|(number, record)| {
            let mut record = record.clone();
            if let Some(sequence_number) = record.pointer_mut("/dynamodb/SequenceNumber") {
                *sequence_number = number.to_string().into();
            }
            record
        });
        let input = json!({ "Records": numbered.collect::<Vec<_>>(), "cause": cause });
        let request = self.client.invoke().function_name(&self.name).payload(Blob::new(input.to_string()));
        let output = request.send().await.map_err(|error| failed(aws::reason(&error)))?;
        let payload = output.payload().map(Blob::as_ref).unwrap_or_default();
        if output.function_error().is_some() {
            let error: Value = serde_json::from_slice(payload).unwrap_or_default();
            return Err(failed(error.get("errorMessage").and_then(Value::as_str).unwrap_or("no reason").to_owned()));
        }
        serde_json::from_slice(payload).map_err(|_| failed("its response is not one of the publisher".to_owned()))
    }
}

/// The first records, as many as one invocation takes.
fn chunk(records: &[Value]) -> &[Value] {
    let mut bytes = 0;
    let fits = |record: &&Value| {
        bytes += record.to_string().len();
        bytes <= MAX_BYTES
    };
    // A record alone always fits.
    let count = records.iter().take(MAX_RECORDS).take_while(fits).count().max(1);
    records.get(..count).unwrap_or(records)
}

/// A record of the stream for a new row, without the members that the publisher ignores.
pub(super) fn stream_record(partition: &str, sort: &str, event: Option<&str>) -> Value {
    json!({
        "awsRegion": "",
        "eventID": "",
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": { "pk": { "S": partition }, "sk": { "S": sort } },
            "NewImage": event.map_or_else(|| json!({}), |event| json!({ "event": { "S": event } })),
            "SequenceNumber": "",
            "SizeBytes": 0,
            "ApproximateCreationDateTime": 0.0,
        },
    })
}

/// The key of a record's row.
pub(super) fn row_key(record: &Value) -> String {
    let key = |name: &str| {
        let key = record.pointer(&format!("/dynamodb/Keys/{name}/S"));
        key.and_then(Value::as_str).unwrap_or("?").replace(char::is_control, "\u{fffd}")
    };
    format!("{} {}", key("pk"), key("sk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_takes_as_many_records_as_fit() {
        let small = vec![json!("x"); 250];
        assert_eq!(chunk(&small).len(), MAX_RECORDS);
        let large = vec![json!("x".repeat(1_500_000)); 5];
        assert_eq!(chunk(&large).len(), 2);
        let huge = vec![json!("x".repeat(5_000_000)); 2];
        assert_eq!(chunk(&huge).len(), 1);
        assert!(chunk(&[]).is_empty());
    }
}
