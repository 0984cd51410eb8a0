//! `callbacks events republish`: publish recorded events again, with the same ids, marked as replays.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use device::Subject;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::{EventFilter, EventRow, Page, Position, Store};

use super::position::{Parameters, PositionFile, Run};
use super::publisher::{MAX_RECORDS, Outcome, PublisherFunction, stream_record};
use crate::deployment::Target;
use crate::error::CommandError;
use crate::progress::{Progress, counted};
use crate::show::{find_device, identifier};

/// Options of `republish`.
#[derive(Debug, Args)]
pub(crate) struct Republish {
    #[command(flatten)]
    target: Target,
    /// Events whose callbacks were received at this time or later: RFC 3339 as 2026-03-01T10:00:00Z, or a date, which
    /// starts at midnight UTC
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Timestamp,
    /// Events whose callbacks were received before this time, if not now
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Only events of this callback service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only events of this device: one of its identifiers, such as mdn:2300329133, or its id, as id:…
    #[arg(long, value_name = "KIND:VALUE", value_parser = identifier)]
    device: Option<(String, String)>,
    /// Print the number of events without publishing them
    #[arg(long)]
    dry_run: bool,
    /// The file with the position of an interrupted run, at which the same command continues, if not one in the state
    /// directory
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

/// A time in RFC 3339, or the start of a date in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|time| time.timestamp());
    text.parse()
        .or_else(|_| Date::strptime("%Y-%m-%d", text).and_then(midnight))
        .map_err(|_| "a time is 2026-03-01T10:00:00Z or, for the start of a day in UTC, 2026-03-01".to_owned())
}

/// Where events are read.
enum Source {
    Table,
    /// The devices and accounts, one after another.
    Subjects(Vec<Subject>),
}

impl Source {
    async fn page(
        &self,
        store: &Store,
        filter: &EventFilter,
        after: Option<&Position>,
    ) -> Result<Page<EventRow>, CommandError> {
        let failed = |error| CommandError::Unreachable(format!("the table cannot be read: {error}"));
        let Self::Subjects(subjects) = self else { return store.all_events(filter, after).await.map_err(failed) };
        let is_current = |subject: &&Subject| after.is_none_or(|after| after.is_of(subject));
        let mut rest = subjects.iter().skip_while(|subject| !is_current(subject));
        let Some(subject) = rest.next() else { return Ok(Page { rows: Vec::new(), examined: 0, next: None }) };
        let mut page = store.events_of(subject, filter, after).await.map_err(failed)?;
        page.next = page.next.or_else(|| rest.next().map(Position::before));
        Ok(page)
    }
}

pub(crate) async fn republish(options: Republish) -> Result<bool, CommandError> {
    let now = Timestamp::now();
    if options.until.unwrap_or(now) < options.since {
        return Err(CommandError::Invalid("--until is before --since".to_owned()));
    }
    let deployment = options.target.find().await?;
    let store = deployment.store()?;
    let source = match &options.device {
        None => Source::Table,
        Some((kind, value)) => {
            let device = find_device(&store, kind, value).await?;
            Source::Subjects(device.merged_from.into_iter().chain([device.id]).map(Subject::Device).collect())
        }
    };
    let parameters = Parameters {
        deployment: deployment.options.clone(),
        since: options.since,
        until: options.until,
        service: options.service.clone(),
        device: options.device.map(|(kind, value)| format!("{kind}:{value}")),
    };
    let mut progress = Progress::new(match source {
        // An estimate for the progress bar: it is not worth an error.
        Source::Table => store.approximate_rows().await.unwrap_or_default(),
        Source::Subjects(_) => 0,
    });
    if options.dry_run {
        let filter =
            EventFilter { since: options.since, until: options.until.unwrap_or(now), service: options.service };
        return count(&store, &source, &filter, &mut progress).await;
    }
    let publisher = PublisherFunction::of(&deployment)?;
    let file = PositionFile::of(options.resume, &parameters)?;
    let mut run = file.run(parameters, now)?;
    let filter = EventFilter { since: options.since, until: run.until, service: options.service };
    let replay = Replay { publisher, cause: json!({ "replay": { "run": run.id } }), file };
    loop {
        let Page { rows, examined, next } = source.page(&store, &filter, run.after.as_ref()).await?;
        for chunk in rows.chunks(MAX_RECORDS) {
            replay.publish(chunk, &mut run, &progress).await?;
            progress.advance(0, &format!("{} published", counted(run.published, "event")));
        }
        progress.advance(examined, &format!("{} published", counted(run.published, "event")));
        if next.is_none() {
            break;
        }
        run.after = next;
        replay.file.save(&run)?;
    }
    replay.file.delete();
    progress.print(&format!("{} published again as replay {}", counted(run.published, "event"), run.id));
    if run.rejected > 0 {
        progress.print(&format!("{} can never be published", counted(run.rejected, "event")));
    }
    Ok(run.rejected == 0)
}

async fn count(
    store: &Store,
    source: &Source,
    filter: &EventFilter,
    progress: &mut Progress,
) -> Result<bool, CommandError> {
    let (mut services, mut after): (BTreeMap<String, u64>, _) = (BTreeMap::new(), None);
    loop {
        let page = source.page(store, filter, after.as_ref()).await?;
        for row in page.rows {
            *services.entry(row.service).or_default() += 1;
        }
        let count: u64 = services.values().sum();
        progress.advance(page.examined, &counted(count, "event"));
        after = page.next;
        if after.is_none() {
            for (service, count) in &services {
                progress.print(&format!("{service}: {count}"));
            }
            progress.print(&format!("{} would be published again", counted(count, "event")));
            return Ok(true);
        }
    }
}

/// A run.
struct Replay {
    publisher: PublisherFunction,
    cause: Value,
    file: PositionFile,
}

impl Replay {
    /// Publishes rows in their order, and keeps the position.
    async fn publish(&self, rows: &[EventRow], run: &mut Run, progress: &Progress) -> Result<(), CommandError> {
        let record = |EventRow { position, event, .. }: &EventRow| {
            stream_record(&position.partition, &position.sort, Some(event))
        };
        let published = self.publisher.publish(&rows.iter().map(record).collect::<Vec<_>>(), &self.cause).await?;
        for (EventRow { position, .. }, outcome) in rows.iter().zip(published.outcomes) {
            run.after = Some(position.clone());
            match outcome {
                Outcome::Published => run.published += 1,
                Outcome::Rejected(reason) => {
                    run.rejected += 1;
                    progress.print(&format!("{} {}: {reason}", position.partition, position.sort));
                }
            }
        }
        self.file.save(run)?;
        match published.stopped {
            None => Ok(()),
            Some(reason) => Err(CommandError::Unreachable(format!(
                "no more events can be published at the moment, and the same command continues after the first {}: {reason}",
                run.published
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_start_in_utc() {
        assert_eq!(time("2026-03-01"), time("2026-03-01T00:00:00Z"));
        assert_eq!(time("2026-03-01T01:30:00+01:00"), time("2026-03-01T00:30:00Z"));
        for wrong in ["", "yesterday", "2026-13-01", "2026-03-01T10:00:00"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
