//! The rules of identity, one after another, on small sequences of messages.

use crate::support::wire::Fleet;
use insta::assert_snapshot;

// Rule 1: a device has at most one value of each kind.

#[test]
fn a_newer_value_replaces_the_older_one_which_then_identifies_no_device() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 mdn:5").usage("imei:1 mdn:6");
    assert_snapshot!(fleet.table(), @"A: imei:1 mdn:6 | -");
    assert!(fleet.table.device("mdn:5").is_none());
}

#[test]
fn a_new_number_removes_the_other_identifiers_of_the_former_line() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 mdn:5 msisdn:15 min:4").usage("imei:1 mdn:6");
    assert_snapshot!(fleet.table(), @"A: imei:1 mdn:6 | -");
}

#[test]
fn a_recycled_number_without_an_activation_moves_and_merges_nothing() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 mdn:5").usage("imei:1 mdn:6").usage("imei:2 mdn:5").usage("imei:1 mdn:6");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 mdn:6 | -
    B: imei:2 mdn:5 | -
    ");
}

#[test]
fn an_embedded_sim_has_several_profiles_and_shows_the_one_in_use() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "eid:9 imei:1 iccid:21 mdn:5").usage("eid:9 iccid:22");
    assert_snapshot!(fleet.table(), @"A: eid:9 imei:1 iccid:21 iccid:22 mdn:5 | active | uses 21");
    fleet.snapshot("changeICCID", "eid:9 imei:1 iccid:22 mdn:5");
    assert_snapshot!(fleet.table(), @"A: eid:9 imei:1 iccid:21 iccid:22 mdn:5 | active | uses 22");
}

#[test]
fn a_profile_that_was_known_by_its_hardware_stays_when_the_eid_is_learned() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21").usage("eid:9 imei:1 iccid:22");
    assert_snapshot!(fleet.table(), @"A: eid:9 imei:1 iccid:21 iccid:22 | -");
}

// Rule 2: an owner whose hardware contradicts the message is not the device meant.

#[test]
fn a_sim_that_moved_to_other_hardware_leaves_the_former_hardware_in_service() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "mdn:5 imei:1 iccid:21");
    fleet.usage("imei:2 iccid:21 mdn:5");
    // The state is the line's, which is the SIM's: the hardware without a SIM has none.
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 | -
    B: imei:2 iccid:21 mdn:5 | active
    ");
    fleet.snapshot("Activate", "mdn:6 imei:1 iccid:22");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 iccid:22 mdn:6 | active
    B: imei:2 iccid:21 mdn:5 | active
    ");
}

#[test]
fn a_sim_takes_its_provisioning_along_to_hardware_that_was_known_before() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:2").snapshot("Activate", "mdn:5 imei:1 iccid:21").usage("imei:2 iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:2 iccid:21 mdn:5 | active
    B: imei:1 | -
    ");
}

#[test]
fn a_sim_that_comes_back_brings_its_provisioning_back() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "mdn:5 imei:1 iccid:21").usage("imei:2 iccid:21 mdn:5").usage("imei:1 iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 iccid:21 mdn:5 | active
    B: imei:2 | -
    ");
}

#[test]
fn a_sim_that_replaces_another_one_brings_its_own_provisioning() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "mdn:5 imei:1 iccid:21").snapshot("Activate", "mdn:6 imei:2 iccid:22");
    fleet.snapshot("Deactivate", "imei:2 iccid:22").usage("imei:2 iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 | -
    B: imei:2 iccid:21 mdn:5 | active
    ");
}

#[test]
fn an_identifier_shared_by_two_pieces_of_hardware_moves_alone() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "meid:1 esn:8 mdn:5").snapshot("Activate", "meid:2 esn:8 mdn:6");
    assert_snapshot!(fleet.table(), @r"
    A: meid:1 mdn:5 | active
    B: meid:2 esn:8 mdn:6 | active
    ");
}

#[test]
fn a_message_that_contradicts_itself_splits_no_device() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "imei:1 iccid:21 mdn:5").usage("imei:1 imei:2 iccid:21 mdn:5");
    fleet.snapshot("SUSPEND", "imei:1 imei:2 iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @"A: imei:1 iccid:21 mdn:5 | active");
}

#[test]
fn another_imei_of_the_same_eid_keeps_its_profiles() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "eid:9 imei:1 iccid:21 mdn:5").usage("eid:9 iccid:22");
    fleet.snapshot("changeIMEI", "eid:9 imei:2 iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @"A: eid:9 imei:2 iccid:21 iccid:22 mdn:5 | active | uses 21");
}

#[test]
fn a_line_with_another_sim_never_merges_with_a_known_sim() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "iccid:21 mdn:5").usage("imei:2 iccid:22 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: iccid:21 | active
    B: imei:2 iccid:22 mdn:5 | -
    ");
}

#[test]
fn a_swap_by_snapshot_keeps_the_device_and_gives_it_the_new_hardware() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "mdn:5 imei:1 meid:7 iccid:21").snapshot("changeIMEI", "mdn:5 imei:2 iccid:21");
    assert_snapshot!(fleet.table(), @"A: imei:2 iccid:21 mdn:5 | active");
}

#[test]
fn a_swap_by_request_keeps_the_device_and_gives_it_the_new_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("mdn:5 imei:1 meid:7 iccid:21").changed("imei:1", "imei:2");
    assert_snapshot!(fleet.table(), @"A: imei:2 iccid:21 mdn:5 | -");
    fleet.changed("mdn:5", "imei:3");
    assert_snapshot!(fleet.table(), @"A: imei:3 iccid:21 mdn:5 | -");
}

#[test]
fn new_hardware_that_was_in_service_itself_leaves_its_line_and_sim_behind() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "mdn:5 imei:1 iccid:21").snapshot("Activate", "mdn:6 imei:2 iccid:22");
    fleet.changed("imei:1", "imei:2");
    assert_snapshot!(fleet.table(), @r"
    A: imei:2 iccid:21 mdn:5 | active
    B: iccid:22 mdn:6 | active
    ");
    fleet.snapshot("changeIMEI", "mdn:6 imei:3 iccid:22");
    assert_snapshot!(fleet.table(), @r"
    A: imei:2 iccid:21 mdn:5 | active
    B: imei:3 iccid:22 mdn:6 | active
    ");
}

#[test]
fn a_snapshot_whose_change_is_unknown_may_be_a_swap() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "mdn:5 imei:1 iccid:21").snapshot("SomethingNew", "mdn:5 imei:2 iccid:21");
    assert_snapshot!(fleet.table(), @"A: imei:2 iccid:21 mdn:5 | active");
}

#[test]
fn hardware_without_a_sim_is_replaced_by_hardware_with_one() {
    let mut fleet = Fleet::default();
    fleet.usage("esn:80000001 meid:A0000000000001 mdn:5").changed("mdn:5", "iccid:21");
    assert_snapshot!(fleet.table(), @"A: iccid:21 mdn:5 | -");
    fleet.changed("mdn:5", "meid:A0000000000002");
    assert_snapshot!(fleet.table(), @"A: meid:A0000000000002 mdn:5 | -");
}

#[test]
fn a_change_of_sim_addressed_by_the_hardware_keeps_the_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21 imsi:31 mdn:5").changed("imei:1", "iccid:22");
    assert_snapshot!(fleet.table(), @"A: imei:1 iccid:22 mdn:5 | -");
}

#[test]
fn hardware_with_an_embedded_sim_takes_its_profiles_with_it() {
    let mut fleet = Fleet::default();
    fleet.usage("eid:9 imei:1 iccid:21 iccid:22 mdn:5").changed("imei:1", "imei:2");
    assert_snapshot!(fleet.table(), @"A: imei:2 mdn:5 | -");
}

#[test]
fn hardware_with_an_embedded_sim_keeps_its_profiles_when_it_replaces_other_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("eid:9 imei:1 iccid:21 iccid:22 mdn:5").usage("imei:2 iccid:31 mdn:6");
    fleet.snapshot("changeIMEI", "imei:1 iccid:31 mdn:6");
    assert_snapshot!(fleet.table(), @r"
    A: mdn:5 | -
    B: eid:9 imei:1 iccid:21 iccid:22 iccid:31 mdn:6 | active | uses 31
    ");
}

#[test]
fn profiles_stay_with_their_embedded_sim_when_its_hardware_has_another_one() {
    let mut fleet = Fleet::default();
    fleet.usage("eid:9 imei:1 iccid:21 mdn:5").usage("eid:8 imei:1");
    assert_snapshot!(fleet.table(), @r"
    A: eid:9 iccid:21 mdn:5 | -
    B: eid:8 imei:1 | -
    ");
    let mut fleet = Fleet::default();
    fleet.usage("eid:8 imei:1 iccid:21 mdn:5").usage("eid:9 imei:2 iccid:22 mdn:6").usage("imei:2 eid:8 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 | -
    B: eid:9 iccid:22 mdn:6 | -
    C: eid:8 imei:2 iccid:21 mdn:5 | -
    ");
}

#[test]
fn a_profile_reported_with_other_hardware_leaves_its_own_in_service() {
    let mut fleet = Fleet::default();
    fleet.usage("eid:9 imei:1 iccid:21 iccid:22 mdn:5").snapshot("SomethingNew", "imei:2 iccid:22 mdn:6");
    assert_snapshot!(fleet.table(), @r"
    A: eid:9 imei:1 iccid:21 mdn:5 | -
    B: imei:2 iccid:22 mdn:6 | active
    ");
}

#[test]
fn a_snapshot_after_another_change_keeps_the_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("esn:80000001 mdn:5").addressed("esn:80000001", "Deactivate", "meid:A0000000000001");
    assert_snapshot!(fleet.table(), @"A: meid:A0000000000001 esn:80000001 | deactive");
}

// Rule 3: names that fit together are one device; a line alone joins no hardware.

#[test]
fn different_identifiers_of_one_piece_of_hardware_are_one_device() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "eid:9 iccid:21 mdn:5").usage("imei:1").usage("eid:9 imei:1");
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: eid:9 imei:1 iccid:21 mdn:5 | active | uses 21 | with A
    ");
    fleet.usage("imei:1 mdn:5").usage("eid:9 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: eid:9 imei:1 iccid:21 mdn:5 | active | uses 21 | with A
    ");
}

#[test]
fn a_sim_shows_that_hardware_and_line_are_one_device() {
    let mut fleet = Fleet::default();
    fleet.suspended("iccid:21 mdn:5").usage("imei:1").usage("imei:1 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: imei:1 iccid:21 mdn:5 | suspend | with A
    ");
}

#[test]
fn a_line_alone_never_merges_two_pieces_of_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("esn:80000001 mdn:5").usage("imei:1").usage("imei:1 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: esn:80000001 | -
    B: imei:1 mdn:5 | -
    ");
    fleet.usage("meid:A0000000000001 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: esn:80000001 | -
    B: imei:1 | -
    C: meid:A0000000000001 mdn:5 | -
    ");
}

#[test]
fn a_line_reported_with_a_sim_leaves_its_former_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21").usage("esn:80000001 mdn:5").usage("iccid:21 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 iccid:21 mdn:5 | -
    B: esn:80000001 | -
    ");
}

#[test]
fn a_line_moves_with_all_its_identifiers() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21 mdn:5 msisdn:15").usage("imei:2 iccid:22 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 iccid:21 | -
    B: imei:2 iccid:22 mdn:5 msisdn:15 | -
    ");
}

#[test]
fn a_line_alone_makes_no_sim_a_profile_of_other_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("eid:9 imei:1 iccid:21").usage("iccid:22 mdn:5").usage("eid:9 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: eid:9 imei:1 iccid:21 mdn:5 | -
    B: iccid:22 | -
    ");
}

#[test]
fn a_line_alone_merges_a_sim_and_hardware_that_do_not_conflict() {
    let mut fleet = Fleet::default();
    fleet.usage("iccid:22 mdn:5").usage("imei:1").usage("imei:1 mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: imei:1 iccid:22 mdn:5 | - | with A
    ");
}

#[test]
fn a_merge_does_not_restore_an_identifier_that_a_snapshot_removed() {
    let mut fleet = Fleet::default();
    fleet.usage("meid:A0000000000001").usage("esn:80000001 mdn:5");
    fleet.snapshot("Suspend", "meid:A0000000000001 esn:80000001");
    assert_snapshot!(fleet.table(), @r"
    A: meid:A0000000000001 esn:80000001 | suspend | with B
    B: -> A
    ");
}

// Rule 4: an activation.

#[test]
fn an_activation_merges_with_a_sim_known_alone_and_its_history() {
    let mut fleet = Fleet::default();
    fleet.usage("iccid:21").usage("imei:1").activated("imei:1 iccid:21", "mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: -> B
    B: imei:1 iccid:21 mdn:5 | active | with A
    ");
}

#[test]
fn an_activation_on_hardware_moves_the_sim_of_other_hardware() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21").activated("imei:2 iccid:21", "mdn:5");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 | -
    B: imei:2 iccid:21 mdn:5 | active
    ");
}

#[test]
fn an_activation_never_merges_by_a_line_alone() {
    let mut fleet = Fleet::default();
    fleet.usage("mdn:5").usage("iccid:22 mdn:6");
    fleet.snapshot("Activate", "imei:1 iccid:21 mdn:5").activated("imei:2", "mdn:6");
    assert_snapshot!(fleet.table(), @r"
    A: nameless | -
    B: iccid:22 | -
    C: imei:1 iccid:21 mdn:5 | active
    D: imei:2 mdn:6 | active
    ");
}

#[test]
fn a_number_that_is_changed_to_identifies_no_existing_device() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 mdn:5").usage("esn:80000001 mdn:6").usage("iccid:27 mdn:7");
    fleet.changed("iccid:21", "mdn:6").snapshot("ChangeMDN", "imei:1 mdn:7");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 mdn:7 | active
    B: esn:80000001 | -
    C: iccid:27 | -
    D: iccid:21 mdn:6 | -
    ");
}

#[test]
fn a_deactivation_releases_the_line() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 mdn:5 min:4").deactivated("imei:1 mdn:5");
    fleet.usage("imei:2 mdn:6").snapshot("Deactivate", "imei:2");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 | deactive
    B: imei:2 | deactive
    ");
}

#[test]
fn a_deactivation_releases_the_line_wherever_it_is_known() {
    let mut fleet = Fleet::default();
    fleet.usage("iccid:21 mdn:5").usage("imei:3 mdn:7").usage("iccid:22 mdn:6");
    fleet.deactivated("imei:3 mdn:5").addressed("imei:2 mdn:6", "Deactivate", "imei:2");
    assert_snapshot!(fleet.table(), @r"
    A: iccid:21 | -
    B: imei:3 | deactive
    C: imei:2 | deactive
    ");
}

#[test]
fn a_device_known_by_its_line_alone_keeps_it_when_it_is_deactivated() {
    let mut fleet = Fleet::default();
    fleet.usage("mdn:5").deactivated("mdn:5");
    assert_snapshot!(fleet.table(), @"A: mdn:5 | deactive");
}

// Rule 5: questions and failures claim nothing.

#[test]
fn a_failed_activation_of_a_wrong_pair_merges_nothing() {
    let mut fleet = Fleet::default();
    fleet.activation_failed("iccid:21 imei:1");
    assert_snapshot!(fleet.table(), @"A: imei:1 | -");
    fleet.activated("imei:1 iccid:22", "mdn:5").activated("imei:2 iccid:21", "mdn:6");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 iccid:22 mdn:5 | active
    B: imei:2 iccid:21 mdn:6 | active
    ");
}

#[test]
fn a_query_about_a_wrong_pair_moves_nothing() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21").usage("imei:2 iccid:22 mdn:5");
    fleet.availability("imei:1 iccid:22").availability("imei:2 iccid:21 mdn:5").availability("imei:3 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 iccid:21 | -
    B: imei:2 iccid:22 mdn:5 | -
    C: imei:3 | -
    ");
}

#[test]
fn a_query_does_not_make_an_older_message_late() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1 iccid:21").activation_failed("imei:2 iccid:29");
    fleet.late_by(1).snapshot("Device Detection", "imei:2 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: imei:2 iccid:21 | active | with B
    B: -> A
    ");
}

// Rule 6: what cannot be unique names nothing.

#[test]
fn a_placeholder_identifies_no_device() {
    let mut fleet = Fleet::default();
    fleet.snapshot("Activate", "imei:000000000000000 iccid:21 mdn:5");
    fleet.snapshot("Activate", "imei:000000000000000 iccid:22 mdn:6 imsi:N/A min:0");
    assert_snapshot!(fleet.table(), @r"
    A: iccid:21 mdn:5 | active
    B: iccid:22 mdn:6 | active
    ");
}

// Rule 7: several values of one kind are several devices, unless a hardware name binds them.

#[test]
fn of_several_sims_without_an_eid_the_device_claims_none() {
    let mut fleet = Fleet::default();
    fleet.usage("imei:1").usage("iccid:21").usage("iccid:22").snapshot("Suspend", "imei:1 iccid:21 iccid:22");
    assert_snapshot!(fleet.table(), @r"
    A: imei:1 | suspend
    B: iccid:21 | -
    C: iccid:22 | -
    ");
}

#[test]
fn several_sims_in_one_envelope_are_several_devices() {
    let mut fleet = Fleet::default();
    fleet.usage("iccid:21 mdn:5").usage("iccid:22 mdn:6").suspended("iccid:21 iccid:22 iccid:23");
    let devices: Vec<_> = ["iccid:21", "iccid:22"].map(|name| fleet.table.device(name).unwrap().id.clone()).into();
    assert_ne!(devices.first(), devices.last());
}

#[test]
fn an_eid_binds_several_profiles() {
    let mut fleet = Fleet::default();
    fleet.usage("iccid:21").usage("iccid:22 mdn:5").usage("eid:9 iccid:21 iccid:22");
    assert_snapshot!(fleet.table(), @r"
    A: eid:9 iccid:21 iccid:22 mdn:5 | - | with B
    B: -> A
    ");
}

// Rule 8: the same number in another notation is the same name.

#[test]
fn decimal_and_hexadecimal_notations_are_one_identifier() {
    let mut fleet = Fleet::default();
    fleet.usage("esn:12800000001 mdn:5").usage("esn:80000001 min:4");
    fleet.usage("meid:A0000000000001 mdn:6").usage("meid:268435456000000001 min:3");
    fleet.usage("mdn:5550100100 imei:1").usage("mdn:+1-555-010-0100 iccid:21");
    assert_snapshot!(fleet.table(), @r"
    A: esn:80000001 mdn:5 min:4 | -
    B: meid:A0000000000001 mdn:6 min:3 | -
    C: imei:1 iccid:21 mdn:5550100100 | -
    ");
    let first = fleet.table.events.first().unwrap();
    assert_eq!(first.event.payload["deviceResponse"]["usageResponse"][0]["deviceIds"][0]["id"], "12800000001");
}
