//! `callbacks devices show` and `callbacks requests show`: query `callbacks local` or a deployed stack.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use cli_support::variable;
use device::{Device, DeviceId, Identifier};
use device_query::{Name, Page, Query, try_answer};
use http::StatusCode;
use http::header::LINK;
use serde_json::Value;
use store::Store;

use crate::error::CommandError;
use crate::{account, rebuild};

/// `callbacks devices`.
#[derive(Debug, Subcommand)]
pub(crate) enum Devices {
    /// Print a device as JSON
    Show(Show),
    /// Recompute devices from their recorded events, and print every difference from the stored ones
    Rebuild(rebuild::Rebuild),
}

/// Options of `devices show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The device: one of its identifiers, such as mdn:2300329133, or its id, as id:…
    #[arg(value_parser = identifier)]
    identifier: (String, String),
    /// Print its events instead
    #[arg(long)]
    events: bool,
    #[command(flatten)]
    from: From,
}

/// `callbacks requests`.
#[derive(Debug, Subcommand)]
pub(crate) enum Requests {
    /// Print the outcome of a request for each device as JSON
    Show {
        /// The id that the platform returned for the request
        request_id: String,
        #[command(flatten)]
        from: From,
    },
}

/// The stack to query.
#[derive(Debug, Clone, Args)]
pub(crate) struct From {
    /// Query this table of a deployed stack (its output TableName), with your AWS credentials [env: CALLBACKS_TABLE]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    table: Option<String>,
    /// Query `callbacks local` at this address, if not http://127.0.0.1:9001
    #[arg(long, value_name = "URL", conflicts_with = "table")]
    local: Option<String>,
}

impl From {
    /// The table, or `None` for `callbacks local`. Options take precedence over the variable.
    fn table(&self) -> Option<String> {
        match self.local {
            Some(_) => None,
            None => self.table.clone().or_else(|| variable("CALLBACKS_TABLE")),
        }
    }
}

/// Parses an identifier.
pub(crate) fn identifier(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((kind, value)) if !kind.is_empty() && !value.is_empty() => Ok((kind.to_owned(), value.to_owned())),
        _ => Err("an identifier is kind:value, such as mdn:2300329133".to_owned()),
    }
}

/// The device with this identifier.
pub(crate) async fn find_device(store: &Store, kind: &str, value: &str) -> Result<Device, CommandError> {
    let device = match Identifier::new(kind, value) {
        _ if kind.eq_ignore_ascii_case("id") => store.device(&DeviceId::from(value)).await,
        Some(identifier) => store.device_with(&identifier).await,
        None => Ok(None),
    };
    let device = device.map_err(|error| CommandError::Unreachable(format!("the table cannot be read: {error}")))?;
    device.ok_or_else(|| CommandError::Invalid("no device has this identifier".to_owned()))
}

/// Prints a device or its events.
///
/// # Errors
///
/// The device does not exist, or the stack is unreachable.
pub(crate) async fn device(options: Show) -> anyhow::Result<()> {
    let Show { identifier: (kind, value), events, from } = options;
    let name = Name { kind, value };
    if events {
        return print_all(&from, |page| Query::Events(name.clone(), page)).await;
    }
    let (device, _) = query_page(&from, &Query::Device(name)).await?;
    print(&device)
}

/// Prints the outcome of a request.
///
/// # Errors
///
/// There is no answer to the request, or the stack is unreachable.
pub(crate) async fn requests(command: Requests) -> anyhow::Result<()> {
    let Requests::Show { request_id, from } = command;
    print_all(&from, |page| Query::Request(request_id.clone(), page)).await
}

/// Prints all pages as one document.
async fn print_all(from: &From, query: impl Fn(Page) -> Query) -> anyhow::Result<()> {
    let (mut all, mut after) = query_page(from, &query(Page::default())).await?;
    while after.is_some() {
        let (page, next) = query_page(from, &query(Page { after, limit: None })).await?;
        append(&mut all, page);
        after = next;
    }
    print(&all)
}

/// Appends a page: events are an array, and the outcome of a request contains one.
fn append(all: &mut Value, page: Value) {
    match (all, page) {
        (Value::Array(all), Value::Array(page)) => all.extend(page),
        (Value::Object(all), Value::Object(page)) => {
            for (name, value) in page {
                append(all.entry(name).or_insert(Value::Null), value);
            }
        }
        _ => {}
    }
}

fn print(value: &Value) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// The response, and the cursor of the next page.
async fn query_page(from: &From, query: &Query) -> anyhow::Result<(Value, Option<String>)> {
    let (status, next, body) = match from.table() {
        Some(table) => {
            let config = account::config(Duration::from_secs(20)).await?;
            let store = Store::new(aws_sdk_dynamodb::Client::new(&config), &table, 0);
            let response = try_answer(&store, query).await.map_err(|error| {
                let region = account::region(&config);
                if error.is_missing_table() {
                    anyhow!("no table '{table}' in {region}")
                } else {
                    anyhow!("cannot read the table '{table}' in {region}: {error}")
                }
            })?;
            (response.status(), next_page(response.headers()), serde_json::from_str(response.body())?)
        }
        None => {
            let local = from.local.as_deref().unwrap_or("http://127.0.0.1:9001");
            let response = reqwest::get(url(local, query)?).await;
            // The path is omitted, since it contains an identifier.
            let response = response.map_err(reqwest::Error::without_url);
            let response = response.with_context(|| format!("{local} does not answer; is callbacks local running?"))?;
            let (status, next) = (response.status(), next_page(response.headers()));
            (status, next, response.json::<Value>().await.context("the response is not JSON")?)
        }
    };
    if status != StatusCode::OK {
        bail!("{}", body.get("errorMessage").and_then(Value::as_str).unwrap_or("unexpected response"));
    }
    Ok((body, next))
}

fn url(local: &str, query: &Query) -> anyhow::Result<reqwest::Url> {
    let mut url =
        reqwest::Url::parse(&cli_support::url(local)).context("the address of callbacks local is not a URL")?;
    let (path, page) = match query {
        Query::Device(name) => (vec!["devices", &name.kind, &name.value], None),
        Query::Events(name, page) => (vec!["devices", &name.kind, &name.value, "events"], Some(page)),
        Query::Request(id, page) => (vec!["requests", id], Some(page)),
    };
    url.path_segments_mut().ok().context("the address of callbacks local has no path")?.pop_if_empty().extend(path);
    if let Some(after) = page.and_then(|page| page.after.as_ref()) {
        url.query_pairs_mut().append_pair("after", after);
    }
    Ok(url)
}

/// The `after` of a `Link: <?limit=…&after=…>; rel="next"`.
fn next_page(headers: &http::HeaderMap) -> Option<String> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (_, query) = link.split_once("<?")?;
    let (query, _) = query.split_once('>')?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after").map(|(_, after)| after.into_owned())
}
