//! Devices that turn out to be one: state, facets and history come together, within bounds.

use std::fmt::Write as _;

use crate::support::wire::{Fleet, Manner, Statement, names, read};
use callback::{DeviceInfo, Kind, Map, Sent, Value};
use device::{Device, Facet, Identification, MAX_IDENTIFIERS, Observation, Update};
use insta::assert_snapshot;
use serde_json::json;

fn size(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).unwrap().len()
}

/// A report on facets of the device with these names.
fn report(fleet: &mut Fleet, all: &str, updates: Vec<Update>) {
    let at = fleet.time();
    let statement = Statement::Usage { names: names(all) };
    let body = statement.body(&format!("report-{at}"), Manner::default());
    let (delivery, mut observations) = read(statement.service(), &body, at);
    let observation = Observation { updates, payload: Map::new(), ..observations.remove(0) };
    fleet.table.record(&delivery, &[observation]);
}

fn facet(facet: Facet, values: Value) -> Update {
    Update::Facet(facet, values.into())
}

#[test]
fn a_merge_keeps_the_newer_state_and_all_other_facets() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Suspend", "iccid:21 mdn:5");
    report(&mut fleet, "iccid:21", vec![facet(Facet::Availability, json!({ "available": true }))]);
    fleet.usage("imei:1");
    report(
        &mut fleet,
        "imei:1",
        vec![facet(Facet::CustomState, json!("stored")), facet(Facet::Availability, json!(null))],
    );
    fleet.usage("imei:1 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: imei:1 iccid:21 mdn:5 | suspend | with A
    ");
    let facets = &fleet.table.device("imei:1").unwrap().facets;
    assert_eq!(facets.usage.len(), 2);
    assert_eq!(facets.custom_state.as_ref().unwrap().values, json!("stored"));
    assert_eq!(facets.availability.as_ref().unwrap().values, json!({ "available": true }));
}

#[test]
fn the_older_state_does_not_overwrite_the_newer_one_of_either_device() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Suspend", "imei:1").snapshot("Restore", "iccid:21 mdn:5").usage("imei:1 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 iccid:21 mdn:5 | active | with B
    B: -> A
    ");
    let mut fleet = Fleet::default();
    fleet.snapshot("Suspend", "iccid:21 mdn:5").snapshot("Restore", "imei:1").usage("imei:1 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: imei:1 iccid:21 mdn:5 | active | with A
    ");
}

#[test]
fn a_history_contains_the_histories_of_all_merged_devices() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1").usage("meid:A0000000000001").usage("iccid:21");
    fleet.usage("meid:A0000000000001 iccid:21").usage("imei:1 meid:A0000000000001");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 meid:A0000000000001 iccid:21 | - | with C B
    B: -> A
    C: -> B
    ");
}

#[test]
fn a_device_that_loses_identifiers_gets_its_own_event() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21 mdn:5").usage("imei:2 iccid:21 mdn:5");
    let changes: Vec<_> = fleet.table.events.iter().map(|one| one.event.change.as_str()).collect();
    assert_eq!(changes, ["usageResponse", "usageResponse", "IdentifiersMoved"]);
}

#[test]
fn at_most_256_devices_merge_into_one() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1");
    for number in 1..=300 {
        fleet.usage(&format!("iccid:9{number:03}")).usage(&format!("imei:1 iccid:9{number:03}"));
    }
    fleet.table.check_all();
    let device = fleet.table.device("imei:1").unwrap();
    assert_eq!(device.merged_from.len(), 256);
    // The others keep what names them.
    assert!(fleet.table.devices.values().all(|one| !one.identifiers.is_empty() || one.merged_into.is_some()));
}

#[test]
fn a_device_has_at_most_20_identifiers() {
    let mut fleet = Fleet::default();
    for number in 0..40 {
        fleet.usage(&format!("eid:9 iccid:8{number:02}"));
    }
    fleet.table.check_all();
    let device = fleet.table.device("eid:9").unwrap();
    assert_eq!(device.identifiers.len(), MAX_IDENTIFIERS);
    assert!(device.identifiers.iter().any(|one| one.kind == Kind::Eid && one.value == "9"));
    // The newest is among them.
    assert!(fleet.table.device("iccid:839").is_some());
}

#[test]
fn of_more_than_20_identifiers_the_strongest_are_used() {
    let many = (0..40).fold("imei:1 mdn:5".to_owned(), |mut text, number| {
        let _ = write!(text, " iccid:8{number:02}");
        text
    });
    let identification = Identification::some(&names(&many));
    assert_eq!(identification.names().len(), MAX_IDENTIFIERS);
    assert_eq!(identification.names()[0].to_string(), "imei:1");
}

#[test]
fn a_report_over_2_kib_is_replaced_by_its_size() {
    let mut fleet = Fleet::default();
    report(&mut fleet, "imei:1", vec![facet(Facet::Usage, json!("x".repeat(3_000)))]);
    let usage = &fleet.table.device("imei:1").unwrap().facets.usage[0];
    assert_eq!((usage.values.clone(), usage.left_out_bytes), (Value::Null, Some(3_002)));
}

#[test]
fn a_device_and_its_changes_never_exceed_their_size_limits() {
    let mut fleet = Fleet::default();
    let large = |mark: usize| json!(format!("{mark}{}", "x".repeat(1_950)));
    for device in ["imei:1", "iccid:21"] {
        for number in 0..40 {
            let profile =
                |facet_number: usize| facet(Facet::Profile(format!("{device}{facet_number}")), large(facet_number));
            let kinds = [Facet::Usage, Facet::Alert, Facet::PromotionLost, Facet::Resume, Facet::Availability];
            let mut updates: Vec<_> = kinds.into_iter().map(|kind| facet(kind, large(number))).collect();
            updates.push(profile(number));
            updates.push(facet(Facet::Other(format!("Service{number}")), large(number)));
            let long = DeviceInfo { account_name: Sent::Value("a".repeat(10_000)), ..DeviceInfo::default() };
            updates.push(Update::Provisioning(Box::new(long)));
            report(&mut fleet, device, updates);
        }
    }
    fleet.usage("imei:1 iccid:21");
    for recorded in &fleet.table.events {
        let bytes = size(recorded.device.as_ref().unwrap());
        assert!(bytes <= 48 * 1024, "a device of {bytes} bytes");
        let bytes: usize = recorded.event.changes.iter().map(|change| size(&change.before) + size(&change.after)).sum();
        assert!(bytes <= 34 * 1024, "changes of {bytes} bytes");
    }
    let device: &Device = fleet.table.device("imei:1").unwrap();
    assert_eq!(device.merged_from.len(), 1);
    // The newest is what is kept.
    assert!(device.facets.usage[0].left_out_bytes.is_none());
}

#[test]
fn a_repeat_after_the_receipt_expires_creates_a_new_device() {
    let mut fleet = Fleet::default();
    let again = |fleet: &mut Fleet| {
        let statement = Statement::Usage { names: names("imei:1 mdn:5") };
        let at = fleet.time();
        let (delivery, observations) = read(statement.service(), &statement.body("", Manner::default()), at);
        fleet.table.record(&delivery, &observations);
    };
    for _ in 0..3 {
        again(&mut fleet);
        fleet.changed("imei:1", "imei:2").usage("imei:2 mdn:9").changed("imei:2", "imei:3").usage("imei:3 mdn:6");
        // The receipt is forgotten after 20 minutes.
        (0..30).for_each(|_| {
            fleet.time();
        });
    }
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: -> C
    C: imei:3 mdn:6 | - | with A B
    ");
}
