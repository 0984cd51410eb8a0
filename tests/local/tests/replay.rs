//! Reading recorded events page by page, and replacing a device by a rebuilt one.

use std::collections::BTreeMap;
use std::time::Duration;

use device::{Identifier, RecordedEvent, Subject};
use jiff::{Timestamp, ToSpan};
use local_tests::Stack;
use serde_json::{Value, json};
use store::{EventFilter, EventRow, Store};

/// Records a usage report of this device.
async fn report(store: &Store, imei: usize, request: usize, text: &str, received_at: Timestamp) {
    let devices = json!([{ "kind": "imei", "id": format!("99001390783{imei:04}") }]);
    let response = json!({ "deviceUsageResponse": { "deviceIds": devices, "dataUsage": text } });
    let body =
        json!({ "requestId": request.to_string(), "deviceIds": devices, "deviceResponse": response }).to_string();
    let recording =
        local_tests::record(store, &device_usage::SERVICE, &body, received_at, Duration::from_secs(30)).await;
    assert!(recording.failure.is_none(), "{recording:?}");
}

fn start() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

fn filter(since: Timestamp, until: Timestamp) -> EventFilter {
    EventFilter { since, until, service: None }
}

/// All pages, and their number.
async fn all_events(store: &Store, filter: &EventFilter) -> (Vec<EventRow>, usize) {
    let (mut rows, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = store.all_events(filter, after.as_ref()).await.unwrap();
        rows.extend(page.rows);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (rows, pages);
        }
    }
}

fn sequences(rows: &[EventRow]) -> BTreeMap<String, Vec<u64>> {
    let mut sequences: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in rows {
        let recorded: RecordedEvent = serde_json::from_str(&row.event).unwrap();
        sequences.entry(recorded.event.subject.to_string()).or_default().push(recorded.event.sequence);
    }
    sequences
}

#[tokio::test]
async fn the_events_of_each_device_are_read_in_order_over_several_pages() {
    let stack = Stack::new().await;
    let store = stack.store();
    let large = "x".repeat(100_000);
    for request in 0..20 {
        report(&store, request % 4, request, &large, start() + (request as i64).seconds()).await;
    }
    let filter = filter(start(), start() + 1.hour());
    let (rows, pages) = all_events(&store, &filter).await;
    assert!(pages > 1, "DynamoDB reads 1 MB at a time");
    assert_eq!(sequences(&rows).values().collect::<Vec<_>>(), [&vec![1, 2, 3, 4, 5]; 4]);

    // The same, of one device, and from the middle of it.
    let device = store.device_with(&Identifier::new("imei", "990013907830000").unwrap()).await.unwrap().unwrap();
    let subject = Subject::Device(device.id.clone());
    let page = store.events_of(&subject, &filter, None).await.unwrap();
    assert_eq!(sequences(&page.rows).into_values().collect::<Vec<_>>(), [[1, 2, 3, 4, 5]]);
    let rest = store.events_of(&subject, &filter, Some(&page.rows[2].position)).await.unwrap();
    assert_eq!(sequences(&rest.rows).into_values().collect::<Vec<_>>(), [[4, 5]]);
}

#[tokio::test]
async fn a_period_includes_its_start_and_excludes_its_end_to_the_fraction_of_a_second() {
    let stack = Stack::new().await;
    let store = stack.store();
    let times = [start(), start() + 1.millisecond(), start() + 500.milliseconds(), start() + 1.second()];
    for (request, time) in times.into_iter().enumerate() {
        report(&store, 0, request, "", time).await;
    }
    for (first, since) in times.into_iter().enumerate() {
        for (end, until) in times.into_iter().enumerate().skip(first) {
            let (rows, _) = all_events(&store, &filter(since, until)).await;
            let expected: Vec<u64> = (first as u64 + 1..=end as u64).collect();
            assert_eq!(sequences(&rows).into_values().next().unwrap_or_default(), expected, "{since} to {until}");
        }
    }
}

#[tokio::test]
async fn a_device_that_has_changed_since_it_was_read_is_not_replaced() {
    let stack = Stack::new().await;
    let store = stack.store();
    report(&store, 0, 0, "", start()).await;
    let device = store.device_with(&Identifier::new("imei", "990013907830000").unwrap()).await.unwrap().unwrap();
    let read = store.stored_device(&device.id).await.unwrap().unwrap();
    assert_eq!((read.version, &read.device["id"]), (Some(1), &Value::from(device.id.to_string())));

    report(&store, 0, 1, "", start() + 1.second()).await;
    assert!(!store.replace_device(Some(&read), &device).await.unwrap());
    assert!(!store.replace_device(None, &device).await.unwrap());
    let newer = store.stored_device(&device.id).await.unwrap().unwrap();
    assert_eq!(newer.version, Some(2), "the device of the callback stays");

    assert!(store.replace_device(Some(&newer), &device).await.unwrap());
    assert_eq!(store.device(&device.id).await.unwrap(), Some(device));
}
