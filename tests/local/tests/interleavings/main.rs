//! Every interleaving of writers of the same devices: `shuttle` chooses at each call of DynamoDB which writer is next,
//! and tries all choices. The real `Store::record` runs under it, with an unmodified SDK client on the embedded engine.
//!
//! A binary of its own: `shuttle` replaces the panic hook of the whole process, and no test here has a tokio runtime.
//! docs/reliability.md lists the cases and states how to replay a schedule.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod case;
mod connection;
mod scheduler;
mod virtual_time;

use local_tests::{identifier_xml, provisioning_change};
use serde_json::{Value, json};

use self::case::{Case, Sent};
use self::connection::Reads;
use self::scheduler::Search;

const READS: [Reads; 3] = [Reads::Together, Reads::RowByRow, Reads::RowByRowReversed];

/// A snapshot of a device, received this many seconds after the first. The change is the state.
fn snapshot(request: &str, seconds: i64, change: &str, identifiers: &[(&str, &str)]) -> Sent {
    let state = format!("<CarrierInformation><State>{change}</State></CarrierInformation>");
    let identifiers = identifiers.iter().map(|(kind, value)| identifier_xml("DeviceIdentifiers", kind, value));
    let device = format!("<AccountName>A</AccountName>{state}{}", identifiers.collect::<String>());
    let body = provisioning_change(&format!("<RequestId>{request}</RequestId>"), change, &device);
    Sent::new(&external_provisioning_changes::SERVICE, &body, seconds)
}

/// The usage of several devices in one message.
fn usage(request: &str, seconds: i64, imeis: &[&str]) -> Sent {
    let usage = |imei: &&str| json!({ "deviceIds": [{ "kind": "imei", "id": imei }], "plan": request });
    let usage: Vec<Value> = imeis.iter().map(usage).collect();
    let body = json!({ "requestId": request, "deviceResponse": { "usageResponse": usage }, "status": "Success" });
    Sent::new(&device_usage::SERVICE, &body.to_string(), seconds)
}

/// Reading row by row multiplies the schedules by thousands.
fn exhaustive_if_together(reads: Reads) -> Search {
    if reads == Reads::Together { Search::Exhaustive } else { Search::ExhaustiveIfRequired(100) }
}

#[test]
fn a_message_that_arrives_twice_at_once_is_recorded_once() {
    for reads in READS {
        let arrives = |seconds| snapshot("r", seconds, "SUSPEND", &[("imei", "1"), ("mdn", "5")]);
        Case::new([arrives(0), arrives(2)]).reading(reads).check(Search::Exhaustive);
    }
}

#[test]
fn a_message_that_arrives_three_times_at_once_is_recorded_once() {
    let arrives = |seconds| snapshot("r", seconds, "SUSPEND", &[("imei", "1")]);
    Case::new([0, 2, 4].map(arrives)).check(Search::Exhaustive);
}

#[test]
fn two_first_messages_of_a_device_are_both_recorded() {
    for reads in READS {
        let suspended = snapshot("r-1", 0, "SUSPEND", &[("imei", "1")]);
        let restored = snapshot("r-2", 1, "RESTORE", &[("imei", "1"), ("mdn", "5")]);
        Case::new([suspended, restored]).reading(reads).check(Search::Exhaustive);
    }
}

#[test]
fn two_messages_of_a_known_device_are_both_recorded_and_the_newer_state_wins() {
    let identifiers = [("imei", "1"), ("mdn", "5")];
    let known = snapshot("r-0", 0, "Activate", &identifiers);
    let suspended = snapshot("r-1", 1, "SUSPEND", &identifiers);
    let restored = snapshot("r-2", 2, "RESTORE", &identifiers);
    Case::new([suspended, restored]).after([known]).check(Search::Exhaustive);
}

#[test]
fn three_messages_of_a_known_device_are_all_recorded() {
    let known = snapshot("r-0", 0, "Activate", &[("imei", "1")]);
    let changes = [("r-1", 1, "SUSPEND"), ("r-2", 2, "RESTORE"), ("r-3", 3, "Deactivate")];
    let sent = changes.map(|(request, seconds, change)| snapshot(request, seconds, change, &[("imei", "1")]));
    Case::new(sent).after([known]).check(Search::Exhaustive);
}

#[test]
fn two_devices_that_swap_their_mdn_end_with_one_each() {
    for reads in READS {
        let first = snapshot("r-1", 0, "Activate", &[("imei", "1"), ("mdn", "5")]);
        let second = snapshot("r-2", 0, "Activate", &[("imei", "2"), ("mdn", "6")]);
        let first_changed = snapshot("r-3", 1, "ChangeMDN", &[("imei", "1"), ("mdn", "6")]);
        let second_changed = snapshot("r-4", 1, "ChangeMDN", &[("imei", "2"), ("mdn", "5")]);
        let case = Case::new([first_changed, second_changed]).after([first, second]).reading(reads);
        case.check(exhaustive_if_together(reads));
    }
}

#[test]
fn a_device_that_merges_while_it_changes_loses_no_event() {
    for reads in READS {
        let sim = snapshot("r-1", 0, "Activate", &[("iccid", "21"), ("mdn", "5")]);
        let hardware = snapshot("r-2", 0, "SUSPEND", &[("imei", "1")]);
        let merged = snapshot("r-3", 1, "changeIMEI", &[("imei", "1"), ("iccid", "21")]);
        let changed = snapshot("r-4", 2, "RESTORE", &[("imei", "1")]);
        let case = Case::new([merged, changed]).after([sim, hardware]).reading(reads);
        case.check(Search::Exhaustive);
    }
}

#[test]
fn a_message_whose_writer_is_killed_at_any_time_is_completed_by_its_resend() {
    let arrives = |seconds| snapshot("r", seconds, "SUSPEND", &[("imei", "1")]);
    Case::new([arrives(2)]).with_killed(arrives(0)).check(Search::Exhaustive);
}

#[test]
fn a_writer_killed_at_any_time_leaves_the_device_to_the_others() {
    let known = snapshot("r-0", 0, "Activate", &[("imei", "1")]);
    let killed = snapshot("r-1", 1, "SUSPEND", &[("imei", "1")]);
    let resent = snapshot("r-1", 3, "SUSPEND", &[("imei", "1")]);
    let newer = snapshot("r-2", 2, "RESTORE", &[("imei", "1")]);
    let case = Case::new([resent, newer]).after([known]).with_killed(killed);
    case.check(Search::ExhaustiveIfRequired(150));
}

#[test]
fn a_parked_message_that_is_redriven_during_its_resend_is_recorded_once_and_overwrites_nothing_newer() {
    let known = snapshot("r-0", 0, "Activate", &[("imei", "1")]);
    let redriven = snapshot("r-1", 1, "SUSPEND", &[("imei", "1")]);
    let resent = snapshot("r-1", 3, "SUSPEND", &[("imei", "1")]);
    let newer = snapshot("r-2", 2, "RESTORE", &[("imei", "1")]);
    Case::new([redriven, resent, newer]).after([known]).check(Search::Exhaustive);
}

#[test]
fn a_number_that_is_activated_while_it_is_released_belongs_to_one_device() {
    for reads in READS {
        let known = snapshot("r-0", 0, "Activate", &[("imei", "1"), ("mdn", "5")]);
        let released = snapshot("r-1", 1, "Deactivate", &[("imei", "1"), ("mdn", "5")]);
        let activated = snapshot("r-2", 2, "Activate", &[("imei", "2"), ("mdn", "5")]);
        Case::new([released, activated]).after([known]).reading(reads).check(exhaustive_if_together(reads));
    }
}

#[test]
fn messages_about_the_same_devices_in_another_order_are_both_recorded() {
    for reads in READS {
        let case = Case::new([usage("r-1", 1, &["1", "2"]), usage("r-2", 2, &["2", "1"])]);
        case.reading(reads).check(exhaustive_if_together(reads));
    }
}

#[test]
fn a_message_about_two_devices_whose_writer_is_killed_is_completed_by_its_resend() {
    let case = Case::new([usage("r", 2, &["1", "2"])]).with_killed(usage("r", 0, &["1", "2"]));
    case.check(Search::Exhaustive);
}

#[test]
fn four_writers_with_swaps_merges_and_a_kill_leave_the_table_as_some_serial_order_does() {
    let first = snapshot("r-1", 0, "Activate", &[("imei", "1"), ("mdn", "5")]);
    let second = snapshot("r-2", 0, "Activate", &[("imei", "2"), ("mdn", "6")]);
    let killed = snapshot("r-3", 1, "ChangeMDN", &[("imei", "1"), ("mdn", "6")]);
    let resent = snapshot("r-3", 3, "ChangeMDN", &[("imei", "1"), ("mdn", "6")]);
    let swapped = snapshot("r-4", 1, "ChangeMDN", &[("imei", "2"), ("mdn", "5")]);
    let moved = snapshot("r-5", 2, "changeIMEI", &[("imei", "3"), ("mdn", "5")]);
    for reads in READS {
        let case = Case::new([resent.clone(), swapped.clone(), moved.clone()]).with_killed(killed.clone());
        case.after([first.clone(), second.clone()]).reading(reads).check(Search::Sampled(50));
    }
}
