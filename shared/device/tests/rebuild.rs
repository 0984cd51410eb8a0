//! Devices rebuilt from their events.

use crate::support::wire::{Fleet, Manner, Statement, names, read};
use callback::Map;
use device::{Device, Difference, Facet, HistoryFault, Observation, RecordedEvent, Subject, Update, rebuild};
use serde_json::{Value, json};

/// A history of one device with every kind of change: identifiers, state, facets, reports, a late message, large values.
fn history() -> (Device, Vec<RecordedEvent>) {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "imei:1 iccid:21 mdn:5").usage("imei:1").suspended("imei:1").usage("imei:1");
    fleet.changed("mdn:5", "mdn:6").late_by(3).usage("imei:1").reported_suspended("imei:1");
    let updates = [
        (Facet::Other("Service.With.Dots".to_owned()), json!({ "a.b": 1, "nil": null, "empty": {}, "list": [] })),
        (Facet::Profile("89.1".to_owned()), json!({ "large": "x".repeat(5000) })),
        (Facet::Usage, json!("x".repeat(1900))),
        (Facet::Other("Service.With.Dots".to_owned()), json!({ "a.b": { "c": [1, 2] }, "nil": 1 })),
        (Facet::Resume, json!(null)),
        (Facet::Other("Service.With.Dots".to_owned()), json!("text")),
    ];
    for (facet, values) in updates {
        report(&mut fleet, facet, values);
    }
    let device = fleet.table.device("imei:1").unwrap().clone();
    let subject = Subject::Device(device.id.clone());
    let events = fleet.table.events.iter().filter(|recorded| recorded.event.subject == subject).cloned().collect();
    (device, events)
}

fn report(fleet: &mut Fleet, facet: Facet, values: Value) {
    let at = fleet.time();
    let statement = Statement::Usage { names: names("imei:1") };
    let (delivery, mut observations) =
        read(statement.service(), &statement.body(&format!("report-{at}"), Manner::default()), at);
    let updates = vec![Update::Facet(facet, values.into())];
    let observation = Observation { updates, payload: Map::new(), ..observations.remove(0) };
    fleet.table.record(&delivery, &[observation]);
}

fn json_of(device: &Device) -> Value {
    serde_json::to_value(device).unwrap()
}

#[test]
fn a_device_is_rebuilt_from_all_its_events() {
    let (device, events) = history();
    let rebuilt = rebuild(&events).unwrap();
    assert_eq!((rebuilt.first, rebuilt.faults.as_slice()), (1, [].as_slice()));
    assert_eq!(rebuilt.device, device);
    assert_eq!(rebuilt.differences(&json_of(&device)), []);
}

#[test]
fn without_its_oldest_events_a_device_starts_as_the_oldest_remaining_event_records_it() {
    let (device, events) = history();
    for oldest in 1..events.len() {
        let rebuilt = rebuild(&events[oldest..]).unwrap();
        assert_eq!((rebuilt.first, rebuilt.faults.as_slice()), (oldest as u64 + 1, [].as_slice()));
        assert_eq!(rebuilt.device, device);
    }
    assert!(rebuild(&[]).is_none());
}

#[test]
fn every_field_that_differs_in_the_stored_device_is_named() {
    let (device, events) = history();
    let rebuilt = rebuild(&events).unwrap();
    let cases: [(&str, Value, &str); 6] = [
        ("/state", json!("active"), "state"),
        ("/version", json!(3), "version"),
        ("/account", json!("other"), "account"),
        ("/usage/0", json!(null), "usage"),
        ("/namedAt/mdn", json!("2026-01-01T00:00:00Z"), "namedAt.mdn"),
        ("/mergedInto", json!("another"), "mergedInto"),
    ];
    for (pointer, wrong, field) in cases {
        let mut stored = json_of(&device);
        let right = stored.pointer(pointer).cloned().unwrap_or_default();
        *stored.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = wrong.clone();
        let differences = rebuilt.differences(&stored);
        let fields: Vec<_> = differences.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(fields, [field]);
        if field != "usage" {
            let difference = Difference { field: field.to_owned(), stored: wrong, recomputed: right };
            assert_eq!(differences, [difference]);
        }
    }
    let all: Vec<_> = rebuilt.differences(&Value::Null);
    assert_eq!(all[0].recomputed, json_of(&device), "a row without a device lacks all of it");
}

#[test]
fn missing_events_are_a_gap_after_which_the_device_continues_as_recorded() {
    let (device, mut events) = history();
    events.drain(3..5);
    let rebuilt = rebuild(&events).unwrap();
    assert_eq!(rebuilt.faults, [HistoryFault::Gap { from: 4, to: 5 }]);
    assert_eq!(rebuilt.device, device);
}

#[test]
fn a_recorded_device_that_its_changes_do_not_lead_to_is_a_contradiction_from_its_first_event_on() {
    let (device, mut events) = history();
    // As if a writer had started from a wrong device.
    for recorded in &mut events[4..] {
        recorded.device.as_mut().unwrap().provisioning.service_plan = Some("wrong".to_owned());
    }
    let rebuilt = rebuild(&events).unwrap();
    let plan = device.provisioning.service_plan.clone();
    let difference = Difference { field: "servicePlan".to_owned(), stored: json!("wrong"), recomputed: json!(plan) };
    assert_eq!(rebuilt.faults, [HistoryFault::Contradiction { sequence: 5, difference: difference.clone() }]);
    assert_eq!(rebuilt.device, device, "the changes decide");
    assert_eq!(rebuilt.differences(&json_of(events.last().unwrap().device.as_ref().unwrap())), [difference]);
}
