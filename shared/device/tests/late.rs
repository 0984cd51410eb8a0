//! Messages that come in late: they overwrite nothing and move nothing newer, but still add what fits.

use crate::support::wire::Fleet;
use insta::assert_snapshot;

#[test]
fn a_late_message_overwrites_no_state() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "imei:1 mdn:5").snapshot("Restore", "imei:1 mdn:5");
    fleet.late_by(1).snapshot("Suspend", "imei:1 mdn:5");
    assert_snapshot!(fleet.table(), @"A: imei:1 mdn:5 | active");
}

#[test]
fn a_late_message_moves_no_identifier_that_a_newer_one_assigned() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21 mdn:5").usage("imei:2 iccid:21 mdn:5").late_by(1).usage("imei:1 iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 | -
    B: imei:2 iccid:21 mdn:5 | -
    ");
}

#[test]
fn a_late_message_does_not_restore_the_former_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21 mdn:5").snapshot("changeIMEI", "imei:2 iccid:21 mdn:5");
    fleet.late_by(1).usage("imei:1 mdn:5").late_by(1).snapshot("changeIMEI", "imei:1 iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:2 iccid:21 mdn:5 | active
    B: imei:1 | -
    ");
}

#[test]
fn a_late_message_does_not_mix_identifiers_of_former_and_current_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("meid:A0000000000001 mdn:5").usage("imei:7").usage("esn:80000002 mdn:6").usage("esn:80000002");
    fleet.usage("mdn:6 meid:A0000000000002 esn:80000002").usage("esn:80000002");
    fleet.late_by(1).snapshot("ChangeEsn", "meid:A0000000000003 mdn:6");
    assert_snapshot!(fleet.table(), @r"
    A: meid:A0000000000001 mdn:5 | -
    B: imei:7 | -
    C: meid:A0000000000002 esn:80000002 mdn:6 | active
    ");
}

#[test]
fn a_late_message_adds_identifiers_that_do_not_conflict() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:7").usage("imei:1 mdn:5").late_by(1).usage("imei:1 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: imei:7 | -
    B: imei:1 iccid:21 mdn:5 | -
    ");
    fleet.late_by(1).usage("imei:1 meid:A0000000000001");
    assert_snapshot!(fleet.table(), @r"
    A: imei:7 | -
    B: imei:1 meid:A0000000000001 iccid:21 mdn:5 | -
    ");
}

#[test]
fn a_late_message_adds_nothing_to_the_identifiers_of_a_newer_snapshot() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:7").snapshot("Restore", "imei:1 mdn:5").late_by(1).usage("imei:1 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: imei:7 | -
    B: imei:1 mdn:5 | active
    ");
}

#[test]
fn a_late_deactivation_releases_no_line_reported_since() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 mdn:5").usage("imei:1 mdn:5").late_by(1).deactivated("imei:1 mdn:5");
    assert_snapshot!(fleet.table(), @"A: imei:1 mdn:5 | deactive");
}

#[test]
fn a_late_message_about_moved_identifiers_is_only_an_event() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:7").usage("imei:1 iccid:21 mdn:5").late_by(1).usage("iccid:21 mdn:6");
    fleet.late_by(1).usage("imei:2 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: imei:7 | -
    B: imei:1 iccid:21 mdn:5 | -
    C: imei:2 | -
    ");
}

#[test]
fn a_late_suspension_does_not_override_a_newer_active_state() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 mdn:5").snapshot("Restore", "imei:1 mdn:5").late_by(1).reported_suspended("imei:1");
    assert!(fleet.table.device("imei:1").unwrap().facets.suspension.is_none());
    fleet.snapshot("Suspend", "imei:1 mdn:5").late_by(1).reported_suspended("imei:1");
    assert!(fleet.table.device("imei:1").unwrap().facets.suspension.is_some());
}
