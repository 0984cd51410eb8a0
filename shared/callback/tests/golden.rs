//! The parser's result for every sample in `events/`, compared with its snapshot in `snapshots/`.
//!
//! A new sample needs no code: run with `INSTA_UPDATE=always`, and review the snapshot that appears.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use callback::{Callback, DeviceIdentifier};
use serde_json::Value;

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");

/// The entries of a folder, sorted.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Every sample: `events/<service>/<transport>/<file>`.
fn samples() -> Vec<PathBuf> {
    let services = entries(Path::new(EVENTS)).into_iter().filter(|path| path.is_dir());
    services.flat_map(|service| entries(&service)).flat_map(|transport| entries(&transport)).collect()
}

/// `<service>__<transport>__<file>`.
fn snapshot_name(sample: &Path) -> String {
    sample.strip_prefix(EVENTS).unwrap().to_str().unwrap().replace('/', "__")
}

fn identifiers(devices: &[DeviceIdentifier]) -> String {
    devices.iter().map(|device| format!("{}:{}", device.kind, device.value)).collect::<Vec<_>>().join(" ")
}

/// A line about the envelope, then one for each part: its name, its devices, and its values.
fn parsed(body: &[u8]) -> String {
    let message = Callback::parse(body, None).unwrap().message;
    let request = message.request_id.as_deref().unwrap_or("no request id");
    let mut text = format!("{request} [{}] {:?}", identifiers(&message.devices), message.outcome);
    let message_outcome = message.outcome.clone();
    for part in message.into_parts() {
        let name = if part.name.is_empty() { "-" } else { &part.name };
        write!(text, "\n{name} [{}] {}", identifiers(&part.devices), part.values).unwrap();
        if part.outcome != message_outcome {
            write!(text, " {:?}", part.outcome).unwrap();
        }
        if !part.unknown.is_empty() {
            write!(text, "\nunknown {}", Value::Object(part.unknown)).unwrap();
        }
    }
    text
}

#[test]
fn every_sample_parses_as_its_snapshot_shows() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut mismatches = Vec::new();
    for sample in samples() {
        let text = parsed(&std::fs::read(&sample).unwrap());
        let name = snapshot_name(&sample);
        let matches = settings.bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(name.clone(), text)));
        if matches.is_err() {
            mismatches.push(name);
        }
    }
    assert!(mismatches.is_empty(), "{mismatches:#?}");
}

#[test]
fn every_snapshot_belongs_to_a_sample() {
    let expected: BTreeSet<_> = samples().iter().map(|sample| snapshot_name(sample) + ".snap").collect();
    let snapshots = entries(Path::new(SNAPSHOTS));
    let names = snapshots.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
    let orphans: Vec<_> = names.filter(|name| name.ends_with(".snap") && !expected.contains(*name)).collect();
    assert!(orphans.is_empty(), "{orphans:#?}");
}
