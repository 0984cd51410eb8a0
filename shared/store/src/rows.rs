//! Keys of rows, and conversions of their attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use device::{DeviceId, Digest, Identifier, Receipt, Subject};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::limits::MAX_ACCOUNT_CHARS;

pub(crate) type Row = HashMap<String, AttributeValue>;

/// A row's primary key: partition key and sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pk: String,
    sk: String,
}

/// Prefix of the sort keys of events; the sequence follows in 12 digits.
pub(crate) const EVENT: &str = "EVENT#";

impl Key {
    fn new(pk: String, sk: &str) -> Self {
        Self { pk, sk: sk.to_owned() }
    }

    pub(crate) fn state(subject: &Subject) -> Self {
        Self::new(partition(subject), "STATE")
    }

    pub(crate) fn device(id: &DeviceId) -> Self {
        Self::state(&Subject::Device(id.clone()))
    }

    pub(crate) fn event(subject: &Subject, sequence: u64) -> Self {
        Self::new(partition(subject), &format!("{EVENT}{sequence:012}"))
    }

    pub(crate) fn identifier(identifier: &Identifier) -> Self {
        Self::new(format!("IDENTIFIER#{}#{}", identifier.kind.as_str(), identifier.value), "DEVICE")
    }

    pub(crate) fn receipt(digest: &Digest) -> Self {
        Self::new(format!("RECEIPT#{}", digest.full()), "RECEIPT")
    }

    /// Sorts the outcomes of one subject together, oldest first.
    pub(crate) fn request(request_id: &str, subject: &Subject, sequence: u64) -> Self {
        let partition = partition(subject);
        let slice = Digest::of(&[&partition]).full();
        Self::new(
            request_partition(request_id, slice.get(..1).unwrap_or_default()),
            &format!("{partition}#{sequence:012}"),
        )
    }

    pub(crate) fn row(&self) -> Row {
        Row::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }

    pub(crate) fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { pk: get_text(row, "pk")?.to_owned(), sk: get_text(row, "sk")?.to_owned() })
    }
}

pub(crate) fn partition(subject: &Subject) -> String {
    match subject {
        Subject::Device(id) => format!("DEVICE#{id}"),
        Subject::Account(name) => {
            let name = name.as_deref().unwrap_or_default();
            format!("ACCOUNT#{}", name.chars().take(MAX_ACCOUNT_CHARS).collect::<String>())
        }
    }
}

/// Outcomes of a request come from thousands of devices at once, and a partition of DynamoDB is throttled above 1,000
/// writes a second: they are spread over 16 partitions, by the first digit of a digest.
pub(crate) const SLICES: [&str; 16] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];

pub(crate) fn request_partition(request_id: &str, slice: &str) -> String {
    format!("REQUEST#{request_id}#{slice}")
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Serialize(error.to_string()))
}

pub(crate) fn get_text<'a>(row: &'a Row, name: &str) -> Result<&'a str, StoreError> {
    row.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| missing(name))
}

pub(crate) fn get_number<T: std::str::FromStr>(row: &Row, name: &str) -> Result<T, StoreError> {
    row.get(name).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok()).ok_or_else(|| missing(name))
}

pub(crate) fn get_json<T: DeserializeOwned>(row: &Row, name: &str) -> Result<T, StoreError> {
    serde_json::from_str(get_text(row, name)?).map_err(|error| {
        // The parser's own text could quote the row.
        StoreError::Corrupt(format!("{name}: line {}, column {}", error.line(), error.column()))
    })
}

/// The receipt in a row.
pub(crate) fn receipt(row: &Row) -> Result<Receipt, StoreError> {
    let attempt = row.get("attempt").map(|_| get_number(row, "attempt")).transpose()?;
    Ok(Receipt {
        received_at: get_number(row, "receivedAt")?,
        attempt,
        subject: get_text(row, "subject")?.to_owned(),
        sequence: get_number(row, "sequence")?,
        earlier: match row.get("earlier") {
            Some(AttributeValue::Ns(times)) => times.iter().filter_map(|time| time.parse().ok()).collect(),
            _ => Vec::new(),
        },
    })
}

fn missing(name: &str) -> StoreError {
    StoreError::Corrupt(format!("attribute {name} is missing or has the wrong type"))
}
