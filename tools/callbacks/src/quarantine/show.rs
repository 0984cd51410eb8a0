//! `callbacks quarantine show`.

use std::io::{IsTerminal, Write};

use callback::Repair;
use clap::Args;
use queued_callback::QueuedCallback;

use super::entry::{Content, Entry, printable, verification};
use super::{PRINT_TIMEOUT, not_found, receive, with_queue};
use crate::deployment::Target;
use crate::error::CommandError;
use crate::table;

/// Options of `show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The callback, by the id that `list` prints
    id: String,
    #[command(flatten)]
    target: Target,
    /// Print the body as received, including passwords
    #[arg(long)]
    secrets: bool,
}

pub(super) async fn show(options: Show) -> Result<bool, CommandError> {
    let ids = std::slice::from_ref(&options.id);
    let entries = with_queue(&options.target, PRINT_TIMEOUT, async |queue, _| receive(queue, ids).await).await?;
    let Some(entry) = entries.into_iter().find(|entry| entry.has_id(&options.id)) else {
        return Err(CommandError::NotFound(format!("{} {}", options.id, not_found())));
    };
    table::print(description(&entry).into_iter());
    println!();
    let body = match &entry.content {
        Content::Callback(callback) | Content::Piece(callback) if options.secrets => callback.body().to_vec(),
        Content::Callback(callback) | Content::Piece(callback) => {
            callback::masked(callback.body(), callback.content_type.as_deref()).into_bytes()
        }
        Content::Unknown(_, text) if options.secrets => text.clone().into_bytes(),
        Content::Unknown(_, text) => format!("[masked: {} bytes in another format]", text.len()).into_bytes(),
    };
    print(body);
    Ok(true)
}

fn description(entry: &Entry) -> Vec<[String; 2]> {
    let row = |name: &str, value: &str| [name.to_owned(), printable(value)];
    let mut rows = vec![row("id", &entry.ids.join(" "))];
    if let Some(callback) = entry.callback() {
        rows.push(row("received at", &callback.received_at.to_string()));
        rows.push(row("service", &callback.service));
        rows.push(row("source", &callback.source.map_or_else(|| "unknown".to_owned(), |source| source.to_string())));
        rows.push(row("content type", callback.content_type.as_deref().unwrap_or("none")));
        rows.push(row("bytes", &callback.body.length().to_string()));
        rows.push(row("credentials", verification(callback)));
    }
    rows.push(row("reason", &entry.reason()));
    match (entry.defect(), entry.callback()) {
        (Some(defect), _) => rows.push(row("cannot be retried", &defect)),
        (None, Some(callback)) => {
            rows.extend(repairs(callback).iter().map(|repair| row("can be repaired", &repair.to_string())));
        }
        (None, None) => {}
    }
    rows
}

fn repairs(callback: &QueuedCallback) -> Vec<Repair> {
    let repaired = callback::repair(callback.body(), callback.content_type.as_deref());
    repaired.map(|repaired| repaired.repairs).unwrap_or_default()
}

/// Prints a body. On a terminal, control characters other than tabs and line breaks are replaced.
fn print(mut body: Vec<u8>) {
    let mut output = std::io::stdout().lock();
    if output.is_terminal() {
        let control = |letter: char| letter.is_control() && !matches!(letter, '\t' | '\n' | '\r');
        body = String::from_utf8_lossy(&body).replace(control, "\u{fffd}").into_bytes();
        body.push(b'\n');
    }
    // A closed pipe is no error.
    let _ = output.write_all(&body).and_then(|()| output.flush());
}
