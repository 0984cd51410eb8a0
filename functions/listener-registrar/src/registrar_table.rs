//! The registrar's own table. It has two rows.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

/// The row with the version of the login's secret and the number of its refusals in a row.
const LOGIN: &str = "LOGIN";

/// The row with the time of the last change of the registered credentials.
const CREDENTIALS_CHANGE: &str = "CREDENTIALS_CHANGE";

#[derive(Debug)]
pub(crate) struct RegistrarTable {
    client: Client,
    table: String,
}

/// The table cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the registrar's table: {0}")]
pub(crate) struct TableError(String);

impl RegistrarTable {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The number of refusals in a row of this version of the login. If the row cannot be read it is 0: using a login
    /// that may be valid is better than saving one attempt.
    pub(crate) async fn login_refusals(&self, version: &str) -> u32 {
        let row = self.row(LOGIN).await.unwrap_or_else(|error| {
            tracing::warn!(message = "Cannot read the number of refused logins.", %error);
            HashMap::new()
        });
        let same = row.get("version").and_then(|value| value.as_s().ok()).is_some_and(|known| known == version);
        if same { number(&row, "refusals").unwrap_or_default() } else { 0 }
    }

    pub(crate) async fn record_login_refusals(&self, version: &str, refusals: u32) {
        let version = ("version", AttributeValue::S(version.to_owned()));
        let written = self.write(LOGIN, [version, ("refusals", AttributeValue::N(refusals.to_string()))]).await;
        if let Err(error) = written {
            tracing::warn!(message = "Cannot record the number of refused logins.", %error);
        }
    }

    /// The time since the registered credentials last changed.
    pub(crate) async fn since_credentials_change(&self) -> Result<Option<Duration>, TableError> {
        let at = number(&self.row(CREDENTIALS_CHANGE).await?, "at");
        Ok(at.map(|at| now().saturating_sub(Duration::from_secs(at))))
    }

    /// Records that the registered credentials have just changed.
    pub(crate) async fn record_credentials_change(&self) -> Result<(), TableError> {
        self.write(CREDENTIALS_CHANGE, [("at", AttributeValue::N(now().as_secs().to_string()))]).await
    }

    async fn row(&self, pk: &str) -> Result<HashMap<String, AttributeValue>, TableError> {
        let key = AttributeValue::S(pk.to_owned());
        let read = self.client.get_item().table_name(&self.table).key("pk", key).consistent_read(true).send().await;
        let read = read.map_err(|error| TableError(aws::reason(&error)))?;
        Ok(read.item.unwrap_or_default())
    }

    async fn write<const N: usize>(&self, pk: &str, row: [(&str, AttributeValue); N]) -> Result<(), TableError> {
        let mut put = self.client.put_item().table_name(&self.table).item("pk", AttributeValue::S(pk.to_owned()));
        for (name, value) in row {
            put = put.item(name, value);
        }
        put.send().await.map(drop).map_err(|error| TableError(aws::reason(&error)))
    }
}

fn number<T: std::str::FromStr>(row: &HashMap<String, AttributeValue>, name: &str) -> Option<T> {
    row.get(name)?.as_n().ok()?.parse().ok()
}

/// Time since the Unix epoch.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
