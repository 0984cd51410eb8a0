//! `callbacks quarantine`: what to do about the callbacks that were rejected but may be genuine. Exit codes are those of
//! `register`, and 130 after Ctrl-C.
//!
//! SQS cannot list messages. Each command receives them, which hides them for a short time, and makes those visible
//! again that stay in the queue. A command that is killed loses nothing: what it has received becomes visible again
//! later.

mod discard;
mod entry;
mod list;
mod queue;
mod retry;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::deployment::{Deployment, Target};
use crate::error::{CommandError, exit_code};
use entry::{Entry, entries};
use queue::Queue;

/// How long received messages are hidden from others, in seconds: to print them, and to work on them.
const PRINT_TIMEOUT: i32 = 60;
const WORK_TIMEOUT: i32 = 300;

/// `callbacks quarantine`.
#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// List the callbacks
    List(list::List),
    /// Print a callback, with masked secrets
    Show(show::Show),
    /// Record callbacks as if they had come today, but at their own time of receipt. What still cannot be recorded is
    /// quarantined again, with the new reason
    Retry(retry::Retry),
    /// Delete callbacks without recording them
    Drop(discard::Discard),
}

/// The callbacks to work on.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Selection {
    /// These callbacks, by the ids that `list` prints
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All callbacks of this callback service; can be given several times
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// All callbacks
    #[arg(long)]
    all: bool,
}

impl Selection {
    /// The selected ones of these entries. Prints the ids that are not among them.
    fn select(&self, mut entries: Vec<Entry>) -> (Vec<Entry>, bool) {
        let missing = self.ids.iter().filter(|id| !entries.iter().any(|entry| entry.has_id(id)));
        let complete = missing.inspect(|id| println!("{id}  {}", not_found())).count() == 0;
        entries.retain(|entry| {
            self.all || entry.is_of_service(&self.service) || self.ids.iter().any(|id| entry.has_id(id))
        });
        (entries, complete)
    }
}

fn not_found() -> String {
    format!("is not in the quarantine, or another command has received it within the last {WORK_TIMEOUT} seconds")
}

/// Runs the command.
pub(crate) async fn run(command: Quarantine) -> ExitCode {
    exit_code(match command {
        Quarantine::List(options) => list::list(options).await,
        Quarantine::Show(options) => show::show(options).await,
        Quarantine::Retry(options) => retry::retry(options).await,
        Quarantine::Drop(options) => discard::discard(options).await,
    })
}

/// Runs a command on the queue, and then makes the remaining messages visible again, also after an error.
async fn with_queue<T>(
    target: &Target,
    timeout: i32,
    work: impl AsyncFnOnce(&mut Queue, &Deployment) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let deployment = target.find().await?;
    let mut queue = Queue::new(deployment.queues(), deployment.output("QuarantineQueueUrl")?, timeout);
    let result = work(&mut queue, &deployment).await;
    queue.release().await;
    result
}

/// Receives these callbacks, or all.
async fn receive(queue: &mut Queue, ids: &[String]) -> Result<Vec<Entry>, CommandError> {
    let found = |messages: &[queue::Message]| {
        let is_whole = |id: &String| messages.iter().any(|message| message.id == *id && !message.is_piece());
        !ids.is_empty() && ids.iter().all(is_whole)
    };
    Ok(entries(queue.receive(found).await?))
}

fn count(callbacks: usize) -> String {
    format!("{callbacks} callback{}", if callbacks == 1 { "" } else { "s" })
}
