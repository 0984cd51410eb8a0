//! `callbacks devices rebuild`: recompute devices from their recorded events, and compare them with the stored ones. Exit
//! codes: 0 all are equal, 1 some differ, 2 the command is invalid, 3 the deployment is unreachable.

use clap::Args;
use device::{DeviceId, HistoryFault, Rebuilt, rebuild as fold};
use serde_json::Value;
use store::{Page, Store, StoreError, StoredDevice};

use crate::deployment::Target;
use crate::error::CommandError;
use crate::progress::{Progress, counted};
use crate::show::{find_device, identifier};

/// How often a device is read again because callbacks change it at the same time.
const MAX_READS: u32 = 5;

/// Options of `rebuild`.
#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    target: Target,
    /// Only this device: one of its identifiers, such as mdn:2300329133, or its id, as id:…
    #[arg(long, value_name = "KIND:VALUE", value_parser = identifier)]
    device: Option<(String, String)>,
    /// Replace stored devices that differ, unless a callback changes them at the same time
    #[arg(long)]
    write: bool,
}

/// The result of a run.
#[derive(Default)]
struct Totals {
    compared: u64,
    different: u64,
    written: u64,
    /// Rebuilt from a later event than the first.
    shortened: u64,
    without_events: u64,
}

pub(crate) async fn rebuild(options: Rebuild) -> Result<bool, CommandError> {
    let store = options.target.find().await?.store()?;
    let mut comparison = Comparison { store, write: options.write, totals: Totals::default() };
    if let Some((kind, value)) = &options.device {
        let device = find_device(&comparison.store, kind, value).await?;
        let progress = Progress::new(0);
        for id in device.merged_from.iter().chain([&device.id]) {
            comparison.compare(id, &progress).await?;
        }
        return Ok(comparison.finish(&progress));
    }
    let mut progress = Progress::new(comparison.store.approximate_rows().await.unwrap_or_default());
    let (mut after, mut last) = (None, None);
    loop {
        let Page { rows, examined, next } = comparison.store.device_ids(after.as_ref()).await.map_err(failed)?;
        for id in rows {
            // The rows of a device can be on two pages.
            if last.as_ref() != Some(&id) {
                comparison.compare(&id, &progress).await?;
            }
            last = Some(id);
        }
        let Totals { compared, different, .. } = comparison.totals;
        progress.advance(examined, &format!("{} compared, {different} different", counted(compared, "device")));
        after = next;
        if after.is_none() {
            return Ok(comparison.finish(&progress));
        }
    }
}

fn failed(error: StoreError) -> CommandError {
    CommandError::Unreachable(format!("the table failed: {error}"))
}

struct Comparison {
    store: Store,
    write: bool,
    totals: Totals,
}

impl Comparison {
    async fn compare(&mut self, id: &DeviceId, progress: &Progress) -> Result<(), CommandError> {
        self.totals.compared += 1;
        let (stored, rebuilt) = match self.read(id).await {
            Ok(read) => read,
            // One row that is not as this program writes it keeps no other device from being compared.
            Err(error @ StoreError::Corrupt(_)) => {
                self.totals.different += 1;
                progress.print(&format!("{id} cannot be rebuilt: {error}"));
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        let Some(rebuilt) = rebuilt else {
            self.totals.without_events += 1;
            return Ok(());
        };
        self.totals.shortened += u64::from(rebuilt.first > 1);
        let mut lines: Vec<_> = rebuilt.faults.iter().map(fault).collect();
        let differences = rebuilt.differences(stored.as_ref().map_or(&Value::Null, |stored| &stored.device));
        let line = |field: &str, stored: &Value, recomputed: &Value| {
            format!("{field}: stored {stored}, recomputed {recomputed}")
        };
        lines.extend(differences.iter().map(|one| line(&one.field, &one.stored, &one.recomputed)));
        let version = stored.as_ref().and_then(|stored| stored.version);
        let is_locked_differently = version != Some(rebuilt.device.version) && stored.is_some();
        if is_locked_differently {
            lines.push(line("the row's version", &version.into(), &rebuilt.device.version.into()));
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.totals.different += 1;
        if rebuilt.first > 1 {
            lines.push(format!("rebuilt from event {}, since earlier ones have expired", rebuilt.first));
        }
        if self.write && (!differences.is_empty() || is_locked_differently) {
            lines.push(self.replace(stored.as_ref(), &rebuilt).await?.to_owned());
        }
        lines.iter().for_each(|line| progress.print(&format!("{id} {line}")));
        Ok(())
    }

    /// The stored device and the one rebuilt from its events, of the same moment.
    async fn read(&self, id: &DeviceId) -> Result<(Option<StoredDevice>, Option<Rebuilt>), StoreError> {
        let mut reads = 0;
        loop {
            let before = self.store.stored_device(id).await?;
            let events = self.store.recorded_events(id).await?;
            let after = self.store.stored_device(id).await?;
            let versions = [&before, &after].map(|stored| stored.as_ref().and_then(|stored| stored.version));
            reads += 1;
            if versions[0] == versions[1] || reads >= MAX_READS {
                return Ok((after, fold(&events)));
            }
        }
    }

    /// Replaces the stored device. Returns what happened.
    async fn replace(
        &mut self,
        stored: Option<&StoredDevice>,
        rebuilt: &Rebuilt,
    ) -> Result<&'static str, CommandError> {
        let newest = stored.and_then(|stored| stored.device.get("version")).and_then(Value::as_u64).unwrap_or_default();
        if rebuilt.device.version < newest {
            return Ok("not written: its newest events are missing");
        }
        if !self.store.replace_device(stored, &rebuilt.device).await.map_err(failed)? {
            return Ok("not written: it has changed at the same time");
        }
        self.totals.written += 1;
        Ok("written")
    }

    fn finish(&self, progress: &Progress) -> bool {
        let Totals { compared, different, written, shortened, without_events } = self.totals;
        let written = if self.write { format!(", {written} written") } else { String::new() };
        progress.print(&format!("{} compared, {different} different{written}", counted(compared, "device")));
        if shortened > 0 {
            let devices = counted(shortened, "device");
            progress.print(&format!(
                "{devices} rebuilt from a later event than the first, since earlier ones have expired"
            ));
        }
        if without_events > 0 {
            progress.print(&format!("{} without events to compare with", counted(without_events, "device")));
        }
        different == 0
    }
}

fn fault(fault: &HistoryFault) -> String {
    match fault {
        HistoryFault::Gap { from, to } => format!("events {from} to {to} are missing"),
        HistoryFault::Contradiction { sequence, difference } => format!(
            "event {sequence} records {} {}, its changes lead to {}",
            difference.field, difference.stored, difference.recomputed
        ),
    }
}
