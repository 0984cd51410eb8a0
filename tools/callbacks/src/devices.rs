//! `callbacks devices`: what is known of a device, locally or in a deployed stack.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use device::store::Store;
use device_query::{Page, Query, answer};
use http::StatusCode;
use serde_json::Value;

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a device as JSON
    Show(Show),
}

/// Which device, and where from.
#[derive(Debug, Args)]
pub struct Show {
    /// The device: an identifier of it, as mdn:2300329133, or our own name of it, as id:…
    #[arg(value_parser = identifier)]
    identifier: (String, String),
    /// Print its events instead
    #[arg(long)]
    events: bool,
    /// Read from this table of a deployed stack (its output TableName), with your AWS credentials
    #[arg(long, env = "CALLBACKS_TABLE")]
    table: Option<String>,
    /// Read from `callbacks local` at this address
    #[arg(long, default_value = "http://127.0.0.1:9000", conflicts_with = "table")]
    local: String,
}

fn identifier(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((kind, value)) if !kind.is_empty() && !value.is_empty() => Ok((kind.to_owned(), value.to_owned())),
        _ => Err("an identifier is kind:value, as mdn:2300329133".to_owned()),
    }
}

/// Prints what was asked for.
///
/// # Errors
///
/// No such device, or nobody there to ask.
pub async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Show(show) = command;
    let mut page = show.events.then(Page::default);
    loop {
        let (kind, value) = show.identifier.clone();
        let query = Query { kind, value, events: page };
        let (status, body, next) = match &show.table {
            Some(table) => from_table(table, &query).await?,
            None => from_local(&show.local, &query).await?,
        };
        if status != StatusCode::OK {
            let why = body.get("errorMessage").and_then(Value::as_str).unwrap_or("The answer is not understood.");
            bail!("{}:{}: {why}", query.kind, query.value);
        }
        println!("{}", serde_json::to_string_pretty(&body)?);
        match next {
            Some(after) => page = Some(Page { after: Some(after), limit: None }),
            None => return Ok(()),
        }
    }
}

/// Status, body, and where the next page starts.
type Answer = (StatusCode, Value, Option<String>);

async fn from_table(table: &str, query: &Query) -> anyhow::Result<Answer> {
    let client = aws_sdk_dynamodb::Client::new(&aws::config(Duration::from_secs(20)).await);
    let response = answer(&Store::new(client, table, 0), query).await;
    Ok((response.status(), serde_json::from_str(response.body())?, next_page(response.headers())))
}

async fn from_local(base: &str, query: &Query) -> anyhow::Result<Answer> {
    let mut url = reqwest::Url::parse(base).context("the address of callbacks local is no URL")?;
    url.path_segments_mut().ok().context("the address of callbacks local has no path")?.pop_if_empty().extend([
        "devices",
        &query.kind,
        &query.value,
    ]);
    if let Some(page) = &query.events {
        url.path_segments_mut().ok().context("the address of callbacks local has no path")?.push("events");
        url.query_pairs_mut().extend_pairs(page.after.as_ref().map(|after| ("after", after)));
    }
    let response = reqwest::get(url).await.context("callbacks local does not answer; is it running?")?;
    let (status, next) = (response.status(), next_page(response.headers()));
    Ok((status, response.json().await.context("the answer is not JSON")?, next))
}

/// The `after` of a `Link: <?limit=…&after=…>; rel="next"`.
fn next_page(headers: &http::HeaderMap) -> Option<String> {
    let link = headers.get(http::header::LINK)?.to_str().ok()?;
    let (_, query) = link.split_once("<?")?;
    let (query, _) = query.split_once('>')?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after").map(|(_, after)| after.into_owned())
}
