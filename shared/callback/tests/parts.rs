//! Messages taken apart: whose a value is, what it is called, and how it ended for each device.

use std::fmt::Write as _;

use callback::{Callback, Outcome, Part};
use insta::assert_snapshot;
use serde_json::{Value, json};

fn rest(body: &Value) -> Vec<Part> {
    Callback::parse(body.to_string().as_bytes(), None).expect("a callback").message.into_parts()
}

fn soap(contents: &str) -> Vec<Part> {
    let body = format!(
        r#"<Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Body><CallbackRequest><RequestId>r</RequestId>{contents}</CallbackRequest></Body></Envelope>"#
    );
    Callback::parse(body.as_bytes(), None).expect("a callback").message.into_parts()
}

fn names(part: &Part) -> String {
    part.devices.iter().map(|device| format!("{}:{}", device.kind, device.value)).collect::<Vec<_>>().join(" ")
}

/// A line for each part: its name, its devices, its values, then its payload and what is unknown of it.
fn shown(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let name = if part.name.is_empty() { "-" } else { &part.name };
        write!(text, "{name} [{}] {} {:?}", names(part), part.values, part.outcome).unwrap();
        writeln!(text, " {}", Value::Object(part.payload.clone())).unwrap();
        if !part.unknown.is_empty() {
            writeln!(text, "  unknown {}", Value::Object(part.unknown.clone())).unwrap();
        }
    }
    text
}

fn devices(parts: &[Part]) -> Vec<String> {
    parts.iter().map(names).collect()
}

#[test]
fn each_item_of_a_flat_array_has_a_part_without_other_devices() {
    let items: Vec<_> = (0..600).map(|number| json!({ "mdn": format!("555010{number:04}"), "note": number })).collect();
    let parts = rest(&json!({ "requestId": "r", "devices": items, "status": "Success" }));
    assert_eq!(parts.len(), 600);
    for (number, part) in parts.iter().enumerate() {
        assert_eq!(names(part), format!("mdn:555010{number:04}"));
        assert_eq!(part.payload["devices"], json!({ "mdn": format!("555010{number:04}"), "note": number }));
        assert_eq!(Value::Object(part.unknown.clone()), json!({ "devices": part.payload["devices"] }));
    }
}

#[test]
fn an_item_identifies_its_device_in_any_of_three_forms() {
    let parts = rest(&json!({ "requestId": "r", "list": [
        { "deep": [{ "ids": [{ "id": "5550100101", "kind": "mdn" }, { "id": "350000000000101", "kind": "imei" }] }], "mdn": "5550100199" },
        { "id": "5550100102", "kind": "Mdn", "state": "active" },
        { "iccId": 8_900_000_000_000_000_103_u64, "state": "active" },
        { "MDN": { "@type": "x", "#text": "5550100104" }, "min": 3 },
        { "line": { "imei": "350000000000105" } },
        { "mdn": "unknown", "note": "of no device" },
        "a text",
        { "old": { "mdn": "5550100106" }, "new": { "mdn": "5550100107" } },
    ] }));
    assert_eq!(
        devices(&parts),
        [
            "mdn:5550100101 imei:350000000000101",
            "Mdn:5550100102",
            "iccId:8900000000000000103",
            "MDN:5550100104",
            "imei:350000000000105",
            "",
            "",
            "",
        ]
    );
}

#[test]
fn a_device_is_identified_in_its_answer_or_beside_it() {
    let mdn = json!([{ "id": "5550100101", "kind": "mdn" }]);
    for body in [
        json!({ "requestId": "r", "deviceResponse": { "deviceIds": mdn, "state": "active" } }),
        json!({ "requestId": "r", "deviceResponse": { "activateResponse": { "mdn": "5550100101" } } }),
        json!({ "requestId": "r", "mdn": "5550100101", "deviceResponse": { "activateResponse": { "a": 1 } } }),
        json!({ "requestId": "r", "mdn": 5_550_100_101_u64 }),
        json!({ "requestId": "r", "list": mdn, "deviceResponse": {} }),
    ] {
        assert!(devices(&rest(&body))[0].ends_with("mdn:5550100101"), "{body}");
    }
}

#[test]
fn objects_about_several_devices_are_in_a_part_without_a_device() {
    let own = |mdn: &str| json!({ "mdn": mdn, "a": 1 });
    let apart = json!({ "requestId": "r", "deviceResponse": { "devices": { "x": own("5550100101"), "y": own("5550100102") } } });
    assert_eq!(devices(&rest(&apart)), [""]);
    let listed = json!([{ "id": "5550100101", "kind": "mdn" }, { "id": "5550100102", "kind": "mdn" }]);
    let together =
        json!({ "requestId": "r", "deviceResponse": { "planResponse": { "deviceIds": listed, "plan": "p" } } });
    assert_eq!(devices(&rest(&together)), ["mdn:5550100101", "mdn:5550100102"]);
}

#[test]
fn a_fault_of_one_listed_device_concerns_only_that_device() {
    let parts = rest(&json!({ "requestId": "r", "status": "Success", "deviceIds": [
        { "id": "5550100101", "kind": "mdn", "faultResponse": { "faultcode": "c" } }, { "id": "5550100102", "kind": "mdn" },
    ] }));
    assert_eq!(parts[0].outcome, Outcome::Failed { code: Some("c".to_owned()), text: None });
    assert_eq!(parts[1].outcome, Outcome::Succeeded);
    let repeated =
        soap("<Data><PRLInformation><A>1</A></PRLInformation><PRLInformation><Fault>f</Fault></PRLInformation></Data>");
    assert_eq!(repeated[0].outcome, Outcome::Failed { code: None, text: Some("f".to_owned()) });
}

#[test]
fn content_beside_an_empty_answer_is_used() {
    let part = rest(&json!({ "requestId": "r", "deviceResponse": {}, "smsMessage": "hello" })).remove(0);
    assert_eq!((part.name.as_str(), &*part.values), ("smsMessage", &json!("hello")));
}

#[test]
fn arrays_are_split_at_any_depth() {
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "deviceResponse": { "usageResponse": { "page": { "records": [
        { "mdn": "5550100101", "a": 1 }, [{ "mdn": "5550100102", "a": 2 }],
    ] }, "total": 2 } } }))), @r##"
    usageResponse [mdn:5550100101] {"a":1,"mdn":"5550100101"} Unstated {"deviceResponse":{"usageResponse":{"page":{"records":{"a":1,"mdn":"5550100101"}},"total":2}}}
    usageResponse [mdn:5550100102] {"a":2,"mdn":"5550100102"} Unstated {"deviceResponse":{"usageResponse":{"records":{"a":2,"mdn":"5550100102"}}}}
    "##);
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "deviceResponse": [
        { "deviceIds": [{ "id": "5550100101", "kind": "mdn" }], "suspendResponse": { "a": 1 } },
        { "deviceIds": [{ "id": "5550100102", "kind": "mdn" }], "restoreResponse": {} },
        { "mdn": "5550100103", "a": 3 },
    ] }))), @r##"
    suspendResponse [mdn:5550100101] {"a":1} Unstated {"deviceResponse":{"deviceIds":[{"id":"5550100101","kind":"mdn"}],"suspendResponse":{"a":1}}}
    restoreResponse [mdn:5550100102] {} Unstated {"deviceResponse":{"deviceIds":[{"id":"5550100102","kind":"mdn"}],"restoreResponse":{}}}
    deviceResponse [mdn:5550100103] {"a":3,"mdn":"5550100103"} Unstated {"deviceResponse":{"a":3,"mdn":"5550100103"}}
    "##);
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "first": [{ "mdn": "5550100101", "a": 1 }], "second": [
        { "mdn": "5550100102", "a": 2 }, { "mdn": "5550100103", "a": 3 },
    ] }))), @r##"
    first [mdn:5550100101] {"a":1,"mdn":"5550100101"} Unstated {"first":{"a":1,"mdn":"5550100101"}}
      unknown {"first":{"a":1,"mdn":"5550100101"}}
    second [mdn:5550100102] {"a":2,"mdn":"5550100102"} Unstated {"second":{"a":2,"mdn":"5550100102"}}
      unknown {"second":{"a":2,"mdn":"5550100102"}}
    second [mdn:5550100103] {"a":3,"mdn":"5550100103"} Unstated {"second":{"a":3,"mdn":"5550100103"}}
      unknown {"second":{"a":3,"mdn":"5550100103"}}
    "##);
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "groups": [
        { "group": "g1", "lines": [{ "mdn": "5550100101", "a": 1 }, { "mdn": "5550100102", "a": 2 }] },
        { "group": "g2", "mdn": "5550100103" },
    ] }))), @r##"
    groups [mdn:5550100101] {"a":1,"mdn":"5550100101"} Unstated {"groups":{"lines":{"a":1,"mdn":"5550100101"}}}
      unknown {"groups":{"a":1,"mdn":"5550100101"}}
    groups [mdn:5550100102] {"a":2,"mdn":"5550100102"} Unstated {"groups":{"lines":{"a":2,"mdn":"5550100102"}}}
      unknown {"groups":{"a":2,"mdn":"5550100102"}}
    groups [] {"group":"g1"} Unstated {"groups":{"group":"g1"}}
      unknown {"groups":{"group":"g1"}}
    groups [mdn:5550100103] {"group":"g2","mdn":"5550100103"} Unstated {"groups":{"group":"g2","mdn":"5550100103"}}
      unknown {"groups":{"group":"g2","mdn":"5550100103"}}
    "##);
    assert_snapshot!(shown(&soap("<Data><Usage><Mdn>5550100101</Mdn><A>1</A></Usage><Usage mdn='5550100102'><A>2</A></Usage></Data>")), @r##"
    Usage [Mdn:5550100101] {"A":"1","Mdn":"5550100101"} Unstated {"Data":{"Usage":{"A":"1","Mdn":"5550100101"}}}
    Usage [mdn:5550100102] {"@mdn":"5550100102","A":"2"} Unstated {"Data":{"Usage":{"@mdn":"5550100102","A":"2"}}}
    "##);
}

#[test]
fn an_array_of_one_item_equals_the_item() {
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "devices": [{ "mdn": "5550100101", "a": 1 }], "status": "Success" }))), @r##"
    devices [mdn:5550100101] {"a":1,"mdn":"5550100101"} Succeeded {"devices":[{"a":1,"mdn":"5550100101"}],"status":"Success"}
      unknown {"devices":[{"a":1,"mdn":"5550100101"}]}
    "##);
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "devices": [{ "id": "5550100101", "kind": "mdn", "a": 1 }] }))), @r##"
    devices [mdn:5550100101] {"a":1,"id":"5550100101","kind":"mdn"} Unstated {"devices":[{"a":1,"id":"5550100101","kind":"mdn"}]}
      unknown {"devices":[{"a":1,"id":"5550100101","kind":"mdn"}]}
    "##);
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "deviceResponse": [{ "mdn": "5550100101", "usageResponse": { "a": 1 } }] }))), @r##"
    usageResponse [mdn:5550100101] {"mdn":"5550100101","usageResponse":{"a":1}} Unstated {"deviceResponse":[{"mdn":"5550100101","usageResponse":{"a":1}}]}
      unknown {"mdn":"5550100101"}
    "##);
}

#[test]
fn content_beside_items_is_in_the_first_part_unless_it_is_large_or_about_another_device() {
    let items = json!([{ "mdn": "5550100101", "a": 1 }, { "mdn": "5550100102", "a": 2 }]);
    let small = rest(&json!({ "requestId": "r", "items": items, "note": "n" }));
    assert_eq!(small[0].payload["note"], json!("n"));
    assert_eq!(small.len(), 2);
    let large = rest(&json!({ "requestId": "r", "items": items, "note": "n".repeat(4000) }));
    assert_eq!(devices(&large), ["mdn:5550100101", "mdn:5550100102", ""]);
    assert_eq!(large[2].payload.keys().collect::<Vec<_>>(), ["note"]);
    let other = rest(&json!({ "requestId": "r", "items": items, "also": { "mdn": "5550100103", "a": 3 } }));
    assert_eq!(devices(&other), ["mdn:5550100101", "mdn:5550100102", "mdn:5550100103"]);
    assert_eq!(Value::Object(other[2].payload.clone()), json!({ "also": { "mdn": "5550100103", "a": 3 } }));
}

#[test]
fn further_content_of_a_listed_device_is_in_its_own_part() {
    let parts = rest(&json!({ "requestId": "r", "status": "Success", "deviceIds": [
        { "id": "5550100101", "kind": "mdn" },
        { "id": "5550100102", "kind": "mdn", "state": "active" },
        { "id": "5550100103", "kind": "mdn", "state": "suspend" },
    ] }));
    assert_eq!(devices(&parts), ["mdn:5550100101", "mdn:5550100102", "mdn:5550100103"]);
    assert_eq!(Value::Object(parts[0].payload.clone()), json!({ "status": "Success" }));
    let entry = json!({ "deviceIds": [{ "id": "5550100103", "kind": "mdn", "state": "suspend" }] });
    assert_eq!(Value::Object(parts[2].payload.clone()), entry);
    assert_eq!(Value::Object(parts[2].unknown.clone()), entry);
    let one =
        rest(&json!({ "requestId": "r", "deviceIds": { "id": "5550100103", "kind": "mdn", "state": "suspend" } }));
    assert_eq!(one[0].payload["deviceIds"], json!({ "id": "5550100103", "kind": "mdn", "state": "suspend" }));
}

#[test]
fn items_of_one_device_are_the_listed_devices() {
    let parts =
        rest(&json!({ "requestId": "r", "deviceIds": [{ "id": "89040000000000000000000000000104", "kind": "eid" }],
        "deviceResponse": { "profiles": [{ "iccid": "8900000000000000001" }, { "iccid": "8900000000000000002" }] } }));
    assert_eq!(
        devices(&parts),
        [
            "eid:89040000000000000000000000000104 iccid:8900000000000000001",
            "eid:89040000000000000000000000000104 iccid:8900000000000000002"
        ]
    );
    let others = rest(&json!({ "requestId": "r", "deviceIds": [{ "id": "5550100101", "kind": "mdn" }],
        "deviceResponse": { "usage": [{ "mdn": "5550100101", "a": 1 }, { "mdn": "5550100102", "a": 2 }] } }));
    assert_eq!(devices(&others), ["mdn:5550100101", "mdn:5550100102"]);
}

#[test]
fn the_content_of_the_envelopes_device_is_separated_from_items_of_others() {
    let message = |listed: &[&str], items: &[&str]| {
        let ids: Vec<_> = listed.iter().map(|mdn| json!({ "id": mdn, "kind": "mdn" })).collect();
        let items: Vec<_> = items.iter().map(|mdn| json!({ "mdn": mdn, "note": mdn })).collect();
        let body = json!({ "requestId": "r", "deviceIds": ids, "deviceResponse": { "usageResponse": items } });
        devices(&rest(&body)).join(", ")
    };
    let (a, b, c) = ("5550100101", "5550100102", "5550100103");
    assert_snapshot!(message(&[a], &[a]), @"mdn:5550100101");
    assert_snapshot!(message(&[a], &[b]), @"mdn:5550100102, mdn:5550100101");
    assert_snapshot!(message(&[a], &[b, c]), @"mdn:5550100102, mdn:5550100103, mdn:5550100101");
    assert_snapshot!(message(&[a], &[a, b]), @"mdn:5550100101, mdn:5550100102");
    assert_snapshot!(message(&[a, b], &[a]), @"mdn:5550100101");
    let also = rest(&json!({ "requestId": "r", "deviceIds": [{ "id": a, "kind": "mdn" }], "also": { "mdn": b },
        "items": [{ "mdn": a, "x": 1 }, { "mdn": a, "x": 2 }] }));
    assert_eq!(devices(&also), ["mdn:5550100101", "mdn:5550100101", "mdn:5550100102"]);
}

fn listed(identifiers: &[(&str, &str)]) -> Vec<String> {
    let listed: Vec<_> = identifiers.iter().map(|(kind, id)| json!({ "id": id, "kind": kind })).collect();
    devices(&rest(&json!({ "requestId": "r", "deviceIds": listed, "status": "Success" })))
}

#[test]
fn several_values_of_one_kind_are_several_devices_unless_hardware_binds_them() {
    let (a, b) = ("8900000000000000001", "8900000000000000002");
    let (x, y, m) = ("350000000000101", "350000000000102", "5550100101");
    assert_eq!(listed(&[("iccid", a), ("ICCID", b)]), [format!("iccid:{a}"), format!("ICCID:{b}")]);
    assert_eq!(listed(&[("iccid", a), ("iccid", b), ("mdn", m)]), [""]);
    assert_eq!(listed(&[("iccid", a), ("iccid", b), ("imei", x)]), [format!("iccid:{a} iccid:{b} imei:{x}")]);
    assert_eq!(listed(&[("imei", x), ("imei", y)]), [format!("imei:{x}"), format!("imei:{y}")]);
    assert_eq!(listed(&[("imei", x), ("imei", y), ("mdn", m)]), [""]);
    assert_eq!(listed(&[("imei", x), ("imei", y), ("mdn", "000")]), [format!("imei:{x}"), format!("imei:{y}")]);
    assert_eq!(listed(&[("esn", "22200000001"), ("ESN", "de000001")]), ["esn:22200000001 ESN:de000001"]);
    assert_eq!(listed(&[("mdn", "15550100101"), ("mdn", m)]), [format!("mdn:15550100101 mdn:{m}")]);
    assert_eq!(
        listed(&[("mdn", m), ("mdn", "+1 555-010-0101"), ("mdn", "5550100102")]),
        [format!("mdn:{m} mdn:+1 555-010-0101"), "mdn:5550100102".to_owned()]
    );
}

#[test]
fn small_content_is_shared_by_listed_devices_and_large_content_belongs_to_the_account() {
    let ids = json!([{ "id": "5550100101", "kind": "mdn" }, { "id": "5550100102", "kind": "mdn" }]);
    let small =
        rest(&json!({ "requestId": "r", "deviceIds": ids, "deviceResponse": { "planResponse": { "plan": "p" } } }));
    assert_eq!(devices(&small), ["mdn:5550100101", "mdn:5550100102"]);
    assert_eq!((&*small[0].values, &*small[1].values), (&json!({ "plan": "p" }), &json!({ "plan": "p" })));
    assert!(std::sync::Arc::ptr_eq(&small[0].values, &small[1].values));
    assert_eq!((small[0].listed.len(), small[1].listed.len()), (2, 0));
    assert!(small[1].payload.is_empty());

    let plan = json!({ "plan": "p".repeat(3000) });
    let large = rest(&json!({ "requestId": "r", "deviceIds": ids, "deviceResponse": { "planResponse": plan } }));
    assert_eq!(devices(&large), ["mdn:5550100101", "mdn:5550100102", ""]);
    assert!(
        large[..2].iter().all(|part| part.values.is_null() && part.payload.is_empty() && part.name == "planResponse")
    );
    assert_eq!((&*large[2].values, large[2].listed.len()), (&plan, 2));
    assert_eq!(large[2].payload["deviceResponse"]["planResponse"], plan);
}

#[test]
fn texts_that_are_copied_into_all_parts_are_truncated_with_a_mark() {
    let long = "é".repeat(5_000);
    let ids = json!([{ "id": "5550100101", "kind": "mdn" }, { "id": "5550100102", "kind": "mdn" }]);
    let mut body = json!({ "requestId": "r", "deviceIds": ids, "deviceResponse": { "accountName": long } });
    body["deviceResponse"][format!("{long}Response")] = json!({ "a": 1 });
    body["faultResponse"] = json!({ "faultcode": long, "faultstring": long });
    for part in rest(&body) {
        let Outcome::Failed { code, text } = &part.outcome else { panic!("{:?}", part.outcome) };
        for (text, most) in [
            (&part.name, 256),
            (&part.account.unwrap(), 256),
            (&code.clone().unwrap(), 256),
            (&text.clone().unwrap(), 1024),
        ] {
            assert!(text.len() <= most && text.starts_with('é') && text.contains("… (cut from 100"), "{text}");
        }
    }
    let Outcome::Other(status) = rest(&json!({ "requestId": "r", "status": long }))[0].outcome.clone() else {
        panic!()
    };
    assert!(status.len() <= 256 && status.ends_with("… (cut from 10000 bytes)"), "{status}");
}

#[test]
fn the_member_with_contents_is_the_content_of_a_message() {
    let name = |contents: &str| {
        let part = soap(&format!("<Data>{contents}</Data>")).remove(0);
        format!("{} {}", part.name, part.values)
    };
    assert_snapshot!(name("<AResponse/><BResponse><X>1</X></BResponse>"), @r#"BResponse {"X":"1"}"#);
    assert_snapshot!(name("<CarrierService/><Usage><X>1</X></Usage>"), @r#"Usage {"X":"1"}"#);
    assert_snapshot!(name("<CarrierService a='b'/><Other><X>1</X></Other>"), @r#"Other {"X":"1"}"#);
    assert_snapshot!(name("<RestoreResponse/><AccountName>a</AccountName>"), @r#"RestoreResponse {"AccountName":"a","RestoreResponse":""}"#);
    assert_snapshot!(name("<CarrierService a='b' xsi:nil='true'/><Other/>"), @r#"Other """#);
}

#[test]
fn the_operation_within_carrier_service_is_the_content_of_a_message() {
    let carrier = |contents: &str| {
        shown(&soap(&format!("<Data><CarrierService>{contents}</CarrierService><Usage xsi:nil='true'/></Data>")))
    };
    assert_snapshot!(carrier("<ChangeDeviceCustomFields/><ChangeDeviceIdentifier><ServicePlan>p</ServicePlan></ChangeDeviceIdentifier>"), @r##"ChangeDeviceIdentifier [] {"ServicePlan":"p"} Unstated {"Data":{"CarrierService":{"ChangeDeviceCustomFields":"","ChangeDeviceIdentifier":{"ServicePlan":"p"}},"Usage":null}}"##);
    assert_snapshot!(carrier("<ActivateDevice a='b'/><ChangeDeviceCustomFields xsi:nil='true'/><RestoreDevice/>"), @r##"ActivateDevice [] {"@a":"b"} Unstated {"Data":{"CarrierService":{"ActivateDevice":{"@a":"b"},"ChangeDeviceCustomFields":null,"RestoreDevice":""},"Usage":null}}"##);
    assert_snapshot!(carrier("<MoveDevice><AccountName>a</AccountName></MoveDevice><SuspendDevice><On>1</On></SuspendDevice>"), @r##"
    MoveDevice [] {"AccountName":"a"} Unstated {"Data":{"CarrierService":{"MoveDevice":{"AccountName":"a"},"SuspendDevice":{"On":"1"}},"Usage":null}}
      unknown {"SuspendDevice":{"On":"1"}}
    "##);
    assert_snapshot!(carrier("<RestoreDevice/><Fault><faultcode>c</faultcode></Fault>"), @r##"RestoreDevice [] "" Failed { code: Some("c"), text: None } {"Data":{"CarrierService":{"Fault":{"faultcode":"c"},"RestoreDevice":""},"Usage":null}}"##);
    assert!(carrier("<ChangeDeviceCustomFields/><ChangeDeviceIdentifier><Kind>mdn</Kind><Identifier>1</Identifier></ChangeDeviceIdentifier>").starts_with("ChangeDeviceIdentifier "));
    assert_snapshot!(carrier("<ChangeDeviceCustomFields xsi:nil='true'/>"), @r##"CarrierService [] {"ChangeDeviceCustomFields":null} Unstated {"Data":{"CarrierService":{"ChangeDeviceCustomFields":null},"Usage":null}}"##);
    let item = |mdn: &str, operation: &str| {
        format!(
            "<CarrierService><Device><Kind>mdn</Kind><Identifier>{mdn}</Identifier></Device>{operation}</CarrierService>"
        )
    };
    let items = item("5550100101", "<ChangeDeviceCustomFields/><RestoreDevice><A>1</A></RestoreDevice>")
        + &item("5550100102", "<DeactivateDevice/>");
    assert_snapshot!(shown(&soap(&format!("<Data>{items}</Data>"))), @r##"
    RestoreDevice [mdn:5550100101] {"A":"1"} Unstated {"Data":{"CarrierService":{"ChangeDeviceCustomFields":"","Device":{"Identifier":"5550100101","Kind":"mdn"},"RestoreDevice":{"A":"1"}}}}
    DeactivateDevice [mdn:5550100102] "" Unstated {"Data":{"CarrierService":{"DeactivateDevice":"","Device":{"Identifier":"5550100102","Kind":"mdn"}}}}
    "##);
}

#[test]
fn a_fault_inside_an_answer_fails_its_part() {
    let fault = json!({ "faultcode": "c", "faultstring": "s", "faultactor": "a", "detail": "d" });
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "status": "Success", "deviceResponse": {
        "prlInformationResponse": { "prlVersion": "1", "faultResponse": fault } } }))), @r##"prlInformationResponse [] {"prlVersion":"1"} Failed { code: Some("c"), text: Some("s") } {"deviceResponse":{"prlInformationResponse":{"faultResponse":{"detail":"d","faultactor":"a","faultcode":"c","faultstring":"s"},"prlVersion":"1"}},"status":"Success"}"##);
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "status": "Success", "deviceResponse": {
        "smsDeliveryResponse": { "confirmation": "1", "faultResponse": { "faultcode": "" } } } }))), @r##"smsDeliveryResponse [] {"confirmation":"1"} Succeeded {"deviceResponse":{"smsDeliveryResponse":{"confirmation":"1","faultResponse":{"faultcode":""}}},"status":"Success"}"##);
    let nested = rest(
        &json!({ "requestId": "r", "results": [{ "mdn": "5550100101", "smsDeliveryResponse": { "faultResponse": fault } }, { "mdn": "5550100102" }] }),
    );
    assert!(matches!(nested[0].outcome, Outcome::Failed { .. }) && nested[1].outcome == Outcome::Unstated);
    assert_snapshot!(shown(&soap("<Data><PRLInformation><Fault><faultcode>c</faultcode></Fault></PRLInformation><Comment>SUCCESS</Comment></Data>")), @r##"PRLInformation [] null Failed { code: Some("c"), text: None } {"Data":{"Comment":"SUCCESS","PRLInformation":{"Fault":{"faultcode":"c"}}}}"##);
    assert_snapshot!(shown(&rest(&json!({ "requestId": "r", "status": "Failed", "deviceResponse": { "prlInformationResponse": [
        { "mdn": "5550100101", "faultResponse": fault }, { "mdn": "5550100102", "status": "Success" } ] } }))), @r##"
    prlInformationResponse [mdn:5550100101] {"mdn":"5550100101"} Failed { code: Some("c"), text: Some("s") } {"deviceResponse":{"prlInformationResponse":{"faultResponse":{"detail":"d","faultactor":"a","faultcode":"c","faultstring":"s"},"mdn":"5550100101"}},"status":"Failed"}
    prlInformationResponse [mdn:5550100102] {"mdn":"5550100102","status":"Success"} Succeeded {"deviceResponse":{"prlInformationResponse":{"mdn":"5550100102","status":"Success"}}}
    "##);
}

#[test]
fn remarks_are_the_content_of_a_message_without_other_content() {
    let part = rest(
        &json!({ "requestId": "r", "summary": { "devicesRequested": 5 }, "comment": "all done", "status": "Success" }),
    )
    .remove(0);
    assert_eq!(
        (part.name.as_str(), &*part.values),
        ("", &json!({ "summary": { "devicesRequested": 5 }, "comment": "all done" }))
    );
    let part = rest(&json!({ "requestId": "r", "summary": {}, "comment": "SUCCESS" })).remove(0);
    assert_eq!((&*part.values, part.outcome), (&Value::Null, Outcome::Succeeded));
}
