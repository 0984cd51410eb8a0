//! `callbacks quarantine retry`: parks callbacks, so that the redriver records them at their own time of receipt.

use std::time::Duration;

use callback::Repair;
use clap::Args;
use queued_callback::{QueuedBody, QueuedCallback, Verification};

use super::entry::{Content, Entry};
use super::queue::Queue;
use super::{Selection, WORK_TIMEOUT, count, receive, with_queue};
use crate::deployment::Target;
use crate::error::CommandError;

/// Options of `retry`.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    target: Target,
    /// Repair what only the transport has damaged: a missing first {, bytes before the message, a wrong content type
    #[arg(long, alias = "mend")]
    repair: bool,
    /// Record the callbacks whatever their credentials are. You vouch for the sender: whoever knows the URL can have
    /// sent them
    #[arg(long)]
    accept_credentials: bool,
    /// Print what would be retried
    #[arg(long)]
    dry_run: bool,
    /// Wait until the callbacks are recorded or quarantined again (`callbacks local` only)
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

const WARNING: &str = "Warning: the credentials of these callbacks are not checked, and devices change as the callbacks \
                       say. Whoever knows the URL can have sent them.";

/// Polling interval of `--wait`.
const PAUSE: Duration = Duration::from_millis(200);

/// What becomes of the selected callbacks.
#[derive(Default)]
struct Progress {
    retried: Vec<QueuedCallback>,
    remaining: usize,
}

pub(super) async fn retry(options: Retry) -> Result<bool, CommandError> {
    with_queue(&options.target, WORK_TIMEOUT, async |queue, deployment| {
        if options.wait && !deployment.is_local {
            return Err(CommandError::Invalid("--wait is for callbacks local".to_owned()));
        }
        let parked = deployment.output("ParkedQueueUrl")?;
        let (entries, complete) = options.selection.select(receive(queue, &options.selection.ids).await?);
        if options.accept_credentials && !options.dry_run && !entries.is_empty() {
            eprintln!("{WARNING}");
        }
        let mut progress = Progress { retried: Vec::new(), remaining: entries.len() };
        let result = retry_all(&options, queue, parked, &entries, &mut progress).await;
        let (retried, verb) =
            (count(progress.retried.len()), if options.dry_run { "would be retried" } else { "retried" });
        println!("{retried} {verb}, {} not", progress.remaining);
        result?;
        let recorded = !options.wait || wait(queue, parked, &progress.retried).await?;
        Ok(complete && progress.remaining == 0 && recorded)
    })
    .await
}

async fn retry_all(
    options: &Retry,
    queue: &mut Queue,
    parked: &str,
    entries: &[Entry],
    progress: &mut Progress,
) -> Result<(), CommandError> {
    for entry in entries {
        queue.interrupt.check()?;
        let description = entry.description().join("  ");
        match prepare(entry, options) {
            Err(reason) => println!("{description}  NOT retried: {reason}"),
            Ok(Prepared { callback, message, repairs }) => {
                if !options.dry_run {
                    // A command that is killed in between leaves the callback in both queues; it is recorded once.
                    queue.send(parked, message).await?;
                    queue.delete(&entry.ids).await?;
                }
                let verb = if options.dry_run { "would be retried" } else { "retried" };
                let repairs: String = repairs.iter().map(|repair| format!("; {repair}")).collect();
                println!("{description}  {verb}{repairs}");
                progress.retried.push(callback);
                progress.remaining -= 1;
            }
        }
    }
    Ok(())
}

/// A callback to park.
struct Prepared {
    callback: QueuedCallback,
    message: String,
    repairs: Vec<Repair>,
}

/// The callback to park, or why it is not retried.
fn prepare(entry: &Entry, options: &Retry) -> Result<Prepared, String> {
    let callback = match (&entry.content, entry.defect()) {
        (Content::Callback(callback), None) => callback,
        (_, defect) => return Err(defect.unwrap_or_default()),
    };
    let (mut callback, mut repairs) = (QueuedCallback::clone(callback), Vec::new());
    if options.repair {
        let repaired = callback::repair(callback.body(), callback.content_type.as_deref());
        let repaired = repaired.map_err(|error| format!("cannot be repaired: {error}"))?;
        callback.body = QueuedBody::new(repaired.body);
        callback.content_type = repaired.content_type;
        repairs = repaired.repairs;
    }
    if options.accept_credentials && callback.verification == Verification::Unverified {
        callback.verification = Verification::Verified { account: None, parts: None };
    }
    let message = callback.to_message().ok_or_else(|| {
        "it does not fit into one message of the queue of parked callbacks; ask Verizon's support to resend it, by request id"
            .to_owned()
    })?;
    Ok(Prepared { callback, message, repairs })
}

/// Waits until no callback is parked, and reports which ones are in the quarantine again. Returns whether none is.
async fn wait(queue: &mut Queue, parked: &str, retried: &[QueuedCallback]) -> Result<bool, CommandError> {
    while !queue.is_empty(parked).await? {
        queue.interrupt.check()?;
        tokio::time::sleep(PAUSE).await;
    }
    let is_retried = |entry: &Entry| {
        let same = |callback: &QueuedCallback, other: &QueuedCallback| {
            let time = callback.received_at == other.received_at;
            time && callback.service == other.service && callback.body == other.body
        };
        entry.callback().is_some_and(|callback| retried.iter().any(|other| same(callback, other)))
    };
    let mut rejected = receive(queue, &[]).await?;
    rejected.retain(is_retried);
    for entry in &rejected {
        println!("{}  quarantined again: {}", entry.description().join("  "), entry.reason());
    }
    let recorded = retried.len().saturating_sub(rejected.len());
    println!("{} recorded, {} quarantined again", count(recorded), rejected.len());
    Ok(rejected.is_empty())
}
