//! The comparable form of identifiers.

use callback::{Kind, operation};
use proptest::prelude::*;

#[test]
fn all_notations_of_a_value_have_one_canonical_form() {
    for (kind, sent, canonical) in [
        ("mdn", "5550100101", "5550100101"),
        ("MDN", " 555-010-0101 ", "5550100101"),
        ("mdn", "(555) 010.0101", "5550100101"),
        ("mdn", "+1 555 010 0101", "5550100101"),
        ("mdn", "15550100101", "5550100101"),
        ("mdn", "25550100101", "25550100101"),
        ("msisdn", "+15550100101", "15550100101"),
        ("min", "+5550100101", "5550100101"),
        ("imei", "35-000000-000010-1", "350000000000101"),
        ("imei", "+350000000000101", "+350000000000101"),
        ("iccid", "8900 0000 0000 0000 0101", "89000000000000000101"),
        ("iccid", "8900000000000000010f", "8900000000000000010F"),
        ("eid", "89040000-00000000-00000000-00000104", "89040000000000000000000000000104"),
        ("esn", "22200000001", "DE000001"),
        ("esn", "de000001", "DE000001"),
        ("esn", "09400122453", "5E01DE55"),
        ("esn", "60000001", "60000001"),
        ("esn", "25600000001", "25600000001"),
        ("esn", "12816777216", "12816777216"),
        ("meid", "a1000000000001", "A1000000000001"),
        ("meid", "270113177609606898", "A10000009296F2"),
        ("meid", "429496729600000001", "429496729600000001"),
        ("meid", "270113177699999999", "270113177699999999"),
        ("imsi", "310150123456789", "310150123456789"),
        ("sku", " vz-12 (a) ", "VZ-12 (A)"),
        ("sku", "7777777", "7777777"),
    ] {
        assert_eq!(Kind::from(kind).canonical(sent).as_deref(), Some(canonical), "{kind} {sent}");
    }
}

#[test]
fn a_value_that_cannot_be_unique_has_no_canonical_form() {
    let words =
        ["", " ", "-", "--", "()", "null", "None", "NIL", "n/a", "N.A.", "na", "unknown", "Undefined", "(null)"];
    for kind in ["mdn", "msisdn", "min", "iccid", "imsi", "imei", "meid", "esn", "eid", "sku"] {
        let fillers = ["0", "000000", "0000000000000000", "FFFFFFFF", "ffffffffffffff", "999999999999999"];
        for value in words.into_iter().chain(fillers) {
            assert_eq!(Kind::from(kind).canonical(value), None, "{kind} {value:?}");
        }
    }
    for (kind, value) in [
        ("mdn", "000-000-0000"),
        ("mdn", "+"),
        ("mdn", "10000000000"),
        ("esn", "00000000000"),
        ("esn", "25516777215"),
        ("meid", "000000000000000000"),
        ("meid", "429496729516777215"),
        ("imei", "xyz"),
    ] {
        assert_eq!(Kind::from(kind).canonical(value), None, "{kind} {value:?}");
    }
    assert_eq!(Kind::Iccid.canonical(&"12".repeat(33)), None);
    assert_eq!(Kind::from("k".repeat(65).as_str()).canonical("1"), None);
}

#[test]
fn an_operation_is_the_members_name_without_response() {
    for (member, expected) in [
        ("suspendResponse", "suspend"),
        ("RESTORERESPONSE", "RESTORE"),
        ("ActivateDevice", "ActivateDevice"),
        ("Response", "Response"),
        ("response", "response"),
        ("aResponses", "aResponses"),
        ("é", "é"),
        ("éaResponse", "éa"),
        ("", ""),
    ] {
        assert_eq!(operation(member), expected);
    }
}

proptest! {
    #[test]
    fn the_canonical_form_is_idempotent(
        kind in "(mdn|msisdn|min|iccid|imsi|imei|meid|esn|eid|sku)",
        value in prop_oneof!["[0-9]{0,20}", "[0-9A-Fa-f +().-]{0,24}", "\\PC{0,40}", "1[0-9]{10}"],
    ) {
        let kind = Kind::from(kind.as_str());
        if let Some(canonical) = kind.canonical(&value) {
            prop_assert_eq!(kind.canonical(&canonical), Some(canonical));
        }
    }

    #[test]
    fn an_esn_is_one_value_in_both_notations(manufacturer in 1u32..=255, serial in 0u32..=0xFF_FFFF) {
        let hexadecimal = Kind::Esn.canonical(&format!("{manufacturer:02x}{serial:06x}"));
        // A repeated digit is a filler in the notation that it is repeated in.
        prop_assume!(hexadecimal.is_some() && !(manufacturer == 111 && serial == 11_111_111));
        prop_assert_eq!(Kind::Esn.canonical(&format!("{manufacturer:03}{serial:08}")), hexadecimal);
    }

    #[test]
    fn a_meid_is_one_value_in_both_notations(high in 1u32.., low in 0u32..=0xFF_FFFF) {
        let hexadecimal = Kind::Meid.canonical(&format!("{high:08X}{low:06X}"));
        prop_assume!(hexadecimal.is_some() && !(high == 1_111_111_111 && low == 11_111_111));
        prop_assert_eq!(Kind::Meid.canonical(&format!("{high:010}{low:08}")), hexadecimal);
    }
}
