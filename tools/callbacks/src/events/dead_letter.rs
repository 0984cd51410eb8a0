//! The messages of the publisher's dead-letter queue.

use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use serde_json::Value;

/// A message of the queue.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum DeadLetter {
    /// Of the publisher: a record that could never be published at the time.
    Poison {
        reason: String,
        /// The stream record as Lambda sent it.
        record: Value,
    },
    /// Of Lambda: a pointer to records that could not be published within a day.
    Pointer {
        #[serde(rename = "DDBStreamBatchInfo")]
        batch: Batch,
    },
}

/// The records that a pointer names.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    pub(super) stream_arn: String,
    pub(super) shard_id: String,
    pub(super) start_sequence_number: SequenceNumber,
    pub(super) end_sequence_number: SequenceNumber,
    approximate_arrival_of_first_record: Timestamp,
    approximate_arrival_of_last_record: Timestamp,
}

/// The position of a record in a stream: a number of up to 40 digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct SequenceNumber(pub(super) String);

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl DeadLetter {
    /// The position of its first record.
    pub(super) fn position(&self) -> SequenceNumber {
        match self {
            Self::Poison { record, .. } => {
                let number = record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str);
                SequenceNumber(number.unwrap_or_default().to_owned())
            }
            Self::Pointer { batch } => batch.start_sequence_number.clone(),
        }
    }
}

impl Batch {
    /// The options of `callbacks events republish` for the time of these records. Events have the time at which their
    /// callback was received, up to an hour before they were recorded.
    pub(super) fn period(&self) -> String {
        let since = self.approximate_arrival_of_first_record.saturating_sub(1.hour());
        let until = self.approximate_arrival_of_last_record.saturating_add(1.second());
        let text = |time: Result<Timestamp, jiff::Error>, or: Timestamp| time.unwrap_or(or).to_string();
        format!(
            "--since {} --until {}",
            text(since, self.approximate_arrival_of_first_record),
            text(until, self.approximate_arrival_of_last_record)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: &str = r#"{
        "requestContext": { "condition": "MaxRecordAgeExceeded" },
        "DDBStreamBatchInfo": {
            "shardId": "shardId-1", "startSequenceNumber": "900", "endSequenceNumber": "1100", "batchSize": 2,
            "approximateArrivalOfFirstRecord": "2026-03-01T10:00:00Z",
            "approximateArrivalOfLastRecord": "2026-03-01T10:05:00Z", "streamArn": "arn"
        }
    }"#;

    #[test]
    fn a_pointer_of_lambda_names_records_and_their_time() {
        let DeadLetter::Pointer { batch } = serde_json::from_str(POINTER).unwrap() else { panic!("not a pointer") };
        assert!(batch.start_sequence_number < batch.end_sequence_number, "they are numbers");
        assert_eq!(batch.period(), "--since 2026-03-01T09:00:00Z --until 2026-03-01T10:05:01Z");
    }

    #[test]
    fn a_dead_letter_of_the_publisher_has_the_position_of_its_record() {
        let text = r#"{ "reason": "why", "rejectedAt": "…", "record": { "dynamodb": { "SequenceNumber": "17" } } }"#;
        let letter: DeadLetter = serde_json::from_str(text).unwrap();
        assert_eq!(letter.position(), SequenceNumber("17".to_owned()));
        assert!(serde_json::from_str::<DeadLetter>("{}").is_err(), "a message of another origin");
    }
}
