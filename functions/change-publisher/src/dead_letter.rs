//! Poison records in the dead-letter queue.

use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use serde::Serialize;

/// SQS accepts 1 MiB per message.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The dead-letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// The client of SQS.
    pub sqs: Client,
    /// The queue's URL.
    pub queue_url: String,
}

/// A message of the queue. Lambda's own messages in the same queue have other members (`DDBStreamBatchInfo`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetter<'a> {
    /// Why the record can never be published.
    reason: &'a str,
    /// When it was rejected.
    rejected_at: Timestamp,
    /// The record as Lambda sent it: with it, the function can be invoked again.
    record: &'a EventRecord,
}

impl DeadLetters {
    /// Sends a poison record to the queue, whole.
    ///
    /// # Errors
    ///
    /// Why the queue did not take it.
    pub(crate) async fn send(&self, record: &EventRecord, reason: &str) -> Result<(), String> {
        let body = message(record, reason, Timestamp::now()).map_err(|error| format!("no dead letter: {error}"))?;
        let sent = self.sqs.send_message().queue_url(&self.queue_url).message_body(body).send().await;
        sent.map(drop).map_err(|error| format!("the dead-letter queue failed: {}", aws::reason(&error)))
    }
}

/// The message. Without the row's contents if it would be too large for SQS, as only a row can be that the store did not
/// write: the keys then lead to the row in the table.
fn message(record: &EventRecord, reason: &str, rejected_at: Timestamp) -> serde_json::Result<String> {
    let mut text = serde_json::to_string(&DeadLetter { reason, rejected_at, record })?;
    if text.len() > MAX_MESSAGE_BYTES {
        let mut record = record.clone();
        record.change.new_image = serde_dynamo::Item::default();
        text = serde_json::to_string(&DeadLetter { reason, rejected_at, record: &record })?;
    }
    // SQS rejects these two characters. They can only be inside of strings.
    Ok(text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn dead_letter(event: &str) -> (String, Value) {
        let record = json!({
            "awsRegion": "local", "eventID": "e", "eventName": "INSERT",
            "dynamodb": { "Keys": { "pk": { "S": "DEVICE#1" } }, "NewImage": { "event": { "S": event } },
                          "SequenceNumber": "7", "SizeBytes": 1, "ApproximateCreationDateTime": 1.0 },
        });
        let record = serde_json::from_value(record).unwrap();
        let text = message(&record, "why", Timestamp::UNIX_EPOCH).unwrap();
        let parsed = serde_json::from_str(&text).unwrap();
        (text, parsed)
    }

    #[test]
    fn a_dead_letter_holds_the_whole_record_in_characters_that_sqs_accepts() {
        let (text, parsed) = dead_letter("a\u{ffff}b");
        assert!(!text.contains('\u{ffff}'), "{text}");
        assert_eq!(parsed["record"]["dynamodb"]["NewImage"]["event"]["S"], "a\u{ffff}b");
        assert_eq!(parsed["record"]["dynamodb"]["SequenceNumber"], "7");
        assert_eq!((&parsed["reason"], &parsed["rejectedAt"]), (&json!("why"), &json!("1970-01-01T00:00:00Z")));
    }

    #[test]
    fn a_row_too_large_for_a_message_is_named_by_its_keys() {
        // Each of these characters takes six bytes in JSON.
        let (text, parsed) = dead_letter(&"\u{1}".repeat(400_000));
        assert!(text.len() < MAX_MESSAGE_BYTES);
        assert_eq!(parsed["record"]["dynamodb"]["Keys"]["pk"]["S"], "DEVICE#1");
    }
}
