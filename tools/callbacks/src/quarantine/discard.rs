//! `callbacks quarantine drop`.

use clap::Args;

use super::{Selection, WORK_TIMEOUT, count, list, receive, with_queue};
use crate::deployment::Target;
use crate::error::CommandError;
use crate::table;
use crate::terminal::is_interactive;

/// Options of `drop`.
#[derive(Debug, Args)]
pub(crate) struct Discard {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    target: Target,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn discard(options: Discard) -> Result<bool, CommandError> {
    if !options.yes && !is_interactive() {
        return Err(CommandError::Invalid("without a terminal, --yes is required".to_owned()));
    }
    with_queue(&options.target, WORK_TIMEOUT, async |queue, _| {
        let (entries, complete) = options.selection.select(receive(queue, &options.selection.ids).await?);
        table::print(entries.iter().map(list::row));
        let callbacks = count(entries.len());
        if !options.yes && !entries.is_empty() {
            let question = format!("Delete {callbacks} without recording what they say?");
            if !queue.interrupt.ask(&question).await? {
                println!("nothing deleted");
                return Ok(false);
            }
        }
        for (deleted, entry) in entries.iter().enumerate() {
            let result = queue.interrupt.check();
            let result = if result.is_ok() { queue.delete(&entry.ids).await } else { result };
            result.inspect_err(|_| println!("{} deleted", count(deleted)))?;
        }
        println!("{callbacks} deleted");
        Ok(complete)
    })
    .await
}
