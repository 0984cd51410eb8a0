//! What a callback costs in DynamoDB, by service: the README's table of costs is this, measured.
//!
//! Each row of a transaction is billed with two write units for each KiB that it has begun.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use callbacks::registry::SERVICES;
use local_tests::Stack;

type Row = HashMap<String, AttributeValue>;

/// Messages after which a device keeps twelve reports of each kind.
const MANY: usize = 14;

fn bytes(row: &Row) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        other => panic!("{other:?}"),
    };
    row.iter().map(|(name, one)| name.len() + value(one)).sum()
}

fn by_key(rows: Vec<Row>) -> BTreeMap<String, Row> {
    rows.into_iter().map(|row| (format!("{:?} {:?}", row["pk"], row["sk"]), row)).collect()
}

/// Write units and bytes of what is new in a table, for each event.
fn cost(before: &BTreeMap<String, Row>, after: &BTreeMap<String, Row>) -> (usize, usize) {
    let written: Vec<_> = after.iter().filter(|(key, row)| before.get(*key) != Some(row)).collect();
    let events = written.iter().filter(|(key, _)| key.contains("EVENT#")).count();
    let units: usize = written.iter().map(|(_, row)| 2 * bytes(row).div_ceil(1024)).sum();
    let kept = after.iter().filter(|(key, _)| !before.contains_key(*key) && !key.contains("RECEIPT#"));
    (units / events, kept.map(|(_, row)| bytes(row) + 100).sum::<usize>() / events)
}

/// The first sample of a service, with another request id each time.
fn sample(service: &str, transport: &str) -> String {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let folder =
        |folder: &Path| folder.file_name().unwrap().to_str().unwrap().replace('-', "") == service.to_ascii_lowercase();
    let of_service = events.read_dir().unwrap().map(|one| one.unwrap().path()).find(|path| folder(path)).unwrap();
    let mut files: Vec<_> = of_service.join(transport).read_dir().unwrap().map(|one| one.unwrap().path()).collect();
    files.sort();
    std::fs::read_to_string(&files[0]).unwrap()
}

/// `12`, or `12 to 14`.
fn range<T: PartialOrd + ToString>(values: &[T]) -> String {
    let least = values.iter().min_by(|one, other| one.partial_cmp(other).unwrap()).unwrap().to_string();
    let most = values.iter().max_by(|one, other| one.partial_cmp(other).unwrap()).unwrap().to_string();
    if least == most { least } else { format!("{least} to {most}") }
}

/// Write units and bytes of one message after the other about the same device.
async fn costs(service: &str, transport: &str) -> Vec<(usize, usize)> {
    let stack = Stack::new().await;
    let body = sample(service, transport);
    let content_type = Some(if transport == "soap" { "text/xml" } else { "application/json" });
    let mut costs = Vec::new();
    let mut before = by_key(stack.rows().await);
    for number in 0..MANY {
        // Another request, or another text: the same again would not be recorded.
        let body = body.replace("00000000-0000-4000", &format!("{number:08}-0000-4000"));
        let body = body.replace("0aafcb4a-91fe-46b0", &format!("{number:08}-91fe-46b0"));
        let body = body.replace("temperature 21.5", &format!("temperature {}.5", number + 10));
        let (status, ..) = stack.post_to(service, content_type, body.into_bytes()).await;
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
    let mut rows = Vec::new();
    for service in SERVICES {
        let (mut first, mut known, mut full, mut kept) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for transport in ["rest", "soap"] {
            let costs = costs(&service.name, transport).await;
            let ((one, _), later) = (costs[0], costs.get(1..).filter(|later| !later.is_empty()).unwrap_or(&costs));
            first.push(one);
            known.push(later[0].0);
            full.push(later.iter().map(|(units, _)| *units).max().unwrap());
            kept.push(f64::from(u32::try_from(later[0].1 / 100).unwrap()) / 10.0);
        }
        let [first, known, full] = [first, known, full].map(|units| range(&units));
        rows.push(format!("| {} | {known} | {first} | {full} | {} |", service.name, range(&kept)));
    }
    assert!(rows.iter().all(|row| readme.contains(row)), "README.md is to say:\n{}", rows.join("\n"));
}
