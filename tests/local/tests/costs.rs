//! What a callback costs in DynamoDB, by service. The README's table of costs contains these measurements.
//!
//! DynamoDB bills two write units for each started KiB of a row in a transaction.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use local_tests::{Stack, content_type};
use registry::SERVICES;

type Row = HashMap<String, AttributeValue>;

/// After this many messages, a device has twelve reports of each kind.
const MANY: usize = 14;

fn bytes(row: &Row) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        other => panic!("{other:?}"),
    };
    row.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
}

fn by_key(rows: Vec<Row>) -> BTreeMap<String, Row> {
    rows.into_iter().map(|row| (format!("{:?} {:?}", row["pk"], row["sk"]), row)).collect()
}

/// The write units and bytes of the rows that were added or changed, per event.
fn cost(before: &BTreeMap<String, Row>, after: &BTreeMap<String, Row>) -> (usize, usize) {
    let written: Vec<_> = after.iter().filter(|(key, row)| before.get(*key) != Some(row)).collect();
    let events = written.iter().filter(|(key, _)| key.contains("EVENT#")).count();
    let units: usize = written.iter().map(|(_, row)| 2 * bytes(row).div_ceil(1024)).sum();
    let added = after.iter().filter(|(key, _)| !before.contains_key(*key) && !key.contains("RECEIPT#"));
    (units / events, added.map(|(_, row)| bytes(row) + 100).sum::<usize>() / events)
}

/// The first sample message of a service.
fn sample(service: &str, transport: &str) -> String {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let folder =
        |folder: &Path| folder.file_name().unwrap().to_str().unwrap().replace('-', "") == service.to_ascii_lowercase();
    let of_service = events.read_dir().unwrap().map(|entry| entry.unwrap().path()).find(|path| folder(path)).unwrap();
    let mut files: Vec<_> = of_service.join(transport).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    std::fs::read_to_string(&files[0]).unwrap()
}

/// Tolerances: the digits of a timestamp decide whether a row starts another KiB.
const UNITS_TOLERANCE: f64 = 2.0;
const KB_TOLERANCE: f64 = 0.2;

/// `12`, or `12 to 14`.
fn range(values: &[f64]) -> String {
    let (least, most) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(0.0, f64::max));
    if least < most { format!("{least} to {most}") } else { least.to_string() }
}

/// Whether the values are in a range of the README, within the tolerance.
fn are_in(cell: &str, values: &[f64], tolerance: f64) -> bool {
    let ends: Vec<f64> = cell.split(" to ").map(|end| end.trim().parse().unwrap()).collect();
    values.iter().all(|value| ends[0] - tolerance <= *value && *value <= ends[ends.len() - 1] + tolerance)
}

/// The write units and bytes of successive messages about one device.
async fn costs(service: &str, transport: &str) -> Vec<(usize, usize)> {
    let stack = Stack::new().await;
    let body = sample(service, transport);
    let mut costs = Vec::new();
    let mut before = by_key(stack.rows().await);
    for number in 0..MANY {
        // A different request or text, since an equal message would be a duplicate.
        let body = body.replace("00000000-0000-4000", &format!("{number:08}-0000-4000"));
        let body = body.replace("0aafcb4a-91fe-46b0", &format!("{number:08}-91fe-46b0"));
        let body = body.replace("temperature 21.5", &format!("temperature {}.5", number + 10));
        let (status, ..) = stack.post_to(service, Some(content_type(transport)), body.into_bytes()).await;
        assert_eq!(status, 200);
        let after = by_key(stack.rows().await);
        if after.len() > before.len() {
            costs.push(cost(&before, &after));
        }
        before = after;
    }
    costs
}

#[tokio::test]
async fn a_callback_costs_what_the_readme_says() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (mut rows, mut differing) = (Vec::new(), Vec::new());
    for service in SERVICES {
        let mut measured = [const { Vec::new() }; 4];
        for transport in ["rest", "soap"] {
            let costs = costs(&service.name, transport).await;
            let later = costs.get(1..).filter(|later| !later.is_empty()).unwrap_or(&costs);
            let full = later.iter().map(|(units, _)| *units).max().unwrap();
            let [known, first, full] =
                [later[0].0, costs[0].0, full].map(|units| f64::from(u32::try_from(units).unwrap()));
            let kept = f64::from(u32::try_from(later[0].1 / 100).unwrap()) / 10.0;
            for (values, value) in measured.iter_mut().zip([known, first, full, kept]) {
                values.push(value);
            }
        }
        let cells = measured.each_ref().map(|values| range(values));
        rows.push(format!("| {} | {} |", service.name, cells.join(" | ")));
        let start = format!("| {} | ", service.name);
        let row = readme.lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix(" |"));
        let row = row.unwrap_or_else(|| panic!("README.md has no row of {}", service.name));
        let right = |((cell, values), off): ((&str, &Vec<f64>), f64)| are_in(cell, values, off);
        if !row
            .split(" | ")
            .zip(&measured)
            .zip([UNITS_TOLERANCE, UNITS_TOLERANCE, UNITS_TOLERANCE, KB_TOLERANCE])
            .all(right)
        {
            differing.push(&*service.name);
        }
    }
    let rows = rows.join("\n");
    println!("{rows}");
    assert!(differing.is_empty(), "README.md has other costs of {}:\n{rows}", differing.join(", "));
}
