//! What must be remembered from one run to the next: a table of its own, of two rows.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

/// The row about the platform's login: `version` of its secret, and how often in a row it was refused.
const LOGIN: &str = "LOGIN";

/// The row about the listener's credentials: when the platform was last given others.
const HANDOVER: &str = "HANDOVER";

#[derive(Debug)]
pub(crate) struct Memory {
    client: Client,
    table: String,
}

/// The table cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the registrar's table cannot be used: {0}")]
pub(crate) struct MemoryError(String);

impl Memory {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// How often in a row this version of the login was refused. What cannot be read is none: a login that may be right is
    /// worth more than one try that is saved.
    pub(crate) async fn refusals(&self, version: &str) -> u32 {
        let row = self.row(LOGIN).await.unwrap_or_else(|error| {
            tracing::warn!(message = "Refused logins are not known.", %error);
            HashMap::new()
        });
        let same = row.get("version").and_then(|value| value.as_s().ok()).is_some_and(|known| known == version);
        if same { number(&row, "refusals").unwrap_or_default() } else { 0 }
    }

    /// So often in a row was it refused.
    pub(crate) async fn refused(&self, version: &str, refusals: u32) {
        let version = ("version", AttributeValue::S(version.to_owned()));
        let written = self.write(LOGIN, [version, ("refusals", AttributeValue::N(refusals.to_string()))]).await;
        if let Err(error) = written {
            tracing::warn!(message = "A refused login is not remembered.", %error);
        }
    }

    /// How long ago the platform was last given other credentials.
    pub(crate) async fn since_handover(&self) -> Result<Option<Duration>, MemoryError> {
        let at = number(&self.row(HANDOVER).await?, "at");
        Ok(at.map(|at| now().saturating_sub(Duration::from_secs(at))))
    }

    /// The platform was given other credentials just now.
    pub(crate) async fn handed_over(&self) -> Result<(), MemoryError> {
        self.write(HANDOVER, [("at", AttributeValue::N(now().as_secs().to_string()))]).await
    }

    async fn row(&self, pk: &str) -> Result<HashMap<String, AttributeValue>, MemoryError> {
        let key = AttributeValue::S(pk.to_owned());
        let found = self.client.get_item().table_name(&self.table).key("pk", key).consistent_read(true).send().await;
        let found = found.map_err(|error| MemoryError(aws::reason(&error)))?;
        Ok(found.item.unwrap_or_default())
    }

    async fn write<const N: usize>(&self, pk: &str, row: [(&str, AttributeValue); N]) -> Result<(), MemoryError> {
        let mut put = self.client.put_item().table_name(&self.table).item("pk", AttributeValue::S(pk.to_owned()));
        for (name, value) in row {
            put = put.item(name, value);
        }
        put.send().await.map(drop).map_err(|error| MemoryError(aws::reason(&error)))
    }
}

fn number<T: std::str::FromStr>(row: &HashMap<String, AttributeValue>, name: &str) -> Option<T> {
    row.get(name)?.as_n().ok()?.parse().ok()
}

/// Since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
