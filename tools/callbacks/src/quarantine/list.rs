//! `callbacks quarantine list`.

use clap::Args;
use serde_json::{Value, json};

use super::entry::{Entry, printable, verification};
use super::{PRINT_TIMEOUT, receive, with_queue};
use crate::deployment::Target;
use crate::error::CommandError;
use crate::table;

/// Options of `list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    target: Target,
    /// List the callbacks of this callback service only; can be given several times
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const HEADER: [&str; 7] = ["ID", "RECEIVED AT", "SERVICE", "SOURCE", "BYTES", "CREDENTIALS", "REASON"];

pub(super) async fn list(options: List) -> Result<bool, CommandError> {
    let mut entries = with_queue(&options.target, PRINT_TIMEOUT, async |queue, _| receive(queue, &[]).await).await?;
    entries.retain(|entry| options.service.is_empty() || entry.is_of_service(&options.service));
    if options.json {
        println!("{:#}", entries.iter().map(members).collect::<Value>());
    } else if entries.is_empty() {
        println!("no quarantined callbacks");
    } else {
        table::print(std::iter::once(HEADER.map(str::to_owned)).chain(entries.iter().map(row)));
    }
    Ok(true)
}

/// A row of the table.
pub(super) fn row(entry: &Entry) -> [String; 7] {
    let [id, received_at, service] = entry.description();
    let callback = entry.callback();
    let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        id,
        received_at,
        service,
        text(callback.and_then(|callback| callback.source).map(|source| source.to_string())),
        text(callback.map(|callback| callback.body.length().to_string())),
        text(callback.map(|callback| verification(callback).to_owned())),
        entry.reason(),
    ]
}

fn members(entry: &Entry) -> Value {
    let callback = entry.callback();
    json!({
        "id": entry.id(),
        "messageIds": entry.ids,
        "receivedAt": callback.map(|callback| callback.received_at),
        "service": callback.map(|callback| printable(&callback.service)),
        "source": callback.and_then(|callback| callback.source),
        "bytes": callback.map(|callback| callback.body.length()),
        "credentials": callback.map(verification),
        "reason": entry.reason(),
        "defect": entry.defect(),
    })
}
