//! Identity resolution: which device a message refers to when identifiers move between devices.

use std::sync::atomic::{AtomicU32, Ordering};

use local_tests::{Stack, identifier_xml, provisioning_change};
use serde_json::{Value, json};

static REQUEST: AtomicU32 = AtomicU32::new(0);

/// Posts a change with these identifiers (`"mdn:1 imei:2"`) in the envelope and in the snapshot of the device.
async fn change_addressed(stack: &Stack, change: &str, addressed: &str, snapshot: &str) {
    let elements = |element: &str, identifiers: &str| -> String {
        let pairs = identifiers.split_whitespace().map(|identifier| identifier.split_once(':').unwrap());
        pairs.map(|(kind, value)| identifier_xml(element, kind, value)).collect()
    };
    let request = REQUEST.fetch_add(1, Ordering::Relaxed);
    let envelope = format!("<RequestId>r-{request}</RequestId>{}", elements("Device", addressed));
    let state = format!("<CarrierInformation><State>after {change}</State></CarrierInformation>");
    let device = state + &elements("DeviceIdentifiers", snapshot);
    assert_eq!(stack.post(&provisioning_change(&envelope, change, &device)).await, 200);
}

async fn change(stack: &Stack, change: &str, snapshot: &str) {
    change_addressed(stack, change, "", snapshot).await;
}

async fn id(stack: &Stack, identifier: &str) -> String {
    stack.device(identifier).await["id"].as_str().unwrap().to_owned()
}

async fn history(stack: &Stack, identifier: &str) -> Vec<String> {
    let name = |event: &Value| event["change"].as_str().unwrap().to_owned();
    stack.events(identifier).await.iter().map(name).collect()
}

#[tokio::test]
async fn a_recycled_number_does_not_hijack_the_old_device() {
    let stack = Stack::new().await;
    change(&stack, "Activate", "mdn:1 imei:10").await;
    let old = id(&stack, "mdn/1").await;
    change(&stack, "Activate", "mdn:1 imei:20").await;

    assert_ne!(id(&stack, "mdn/1").await, old);
    assert_eq!(id(&stack, "imei/20").await, id(&stack, "mdn/1").await);
    let device = stack.device("imei/10").await;
    assert_eq!(device["id"], old);
    assert_eq!(device["identifiers"], json!([{ "kind": "imei", "value": "10" }]));
    assert_eq!(history(&stack, "imei/10").await, ["Activate", "IdentifiersMoved"]);
    assert_eq!(history(&stack, "imei/20").await, ["Activate"]);
    stack.topic_messages(3).await;
}

#[tokio::test]
async fn a_number_released_by_a_deactivation_moves_without_an_event() {
    let stack = Stack::new().await;
    change(&stack, "Activate", "mdn:1 meid:A0").await;
    change_addressed(&stack, "Deactivate", "meid:a0", "meid:A0").await;
    assert_eq!(stack.get("/devices/mdn/1").await.0, 404);
    change(&stack, "Activate", "mdn:1 meid:B0").await;
    assert_eq!(history(&stack, "meid/A0").await, ["Activate", "Deactivate"]);
    assert_eq!(history(&stack, "mdn/1").await, ["Activate"]);
}

#[tokio::test]
async fn swapped_hardware_keeps_the_device() {
    let stack = Stack::new().await;
    change(&stack, "Activate", "mdn:1 iccid:5 imei:10").await;
    let before = id(&stack, "mdn/1").await;
    change(&stack, "changeIMEI", "mdn:1 iccid:5 imei:20").await;
    assert_eq!(id(&stack, "imei/20").await, before);
    assert_eq!(stack.get("/devices/imei/10").await.0, 404);

    change(&stack, "Activate", "mdn:2 imei:10").await;
    assert_ne!(id(&stack, "imei/10").await, before, "the old hardware is a separate device now");
    assert_eq!(history(&stack, "mdn/1").await, ["Activate", "changeIMEI"]);
}

#[tokio::test]
async fn a_changed_number_keeps_the_device() {
    let stack = Stack::new().await;
    change(&stack, "Activate", "mdn:1 esn:10").await;
    change_addressed(&stack, "ChangeMDN", "mdn:2", "esn:10 mdn:2").await;
    assert_eq!(history(&stack, "mdn/2").await, ["Activate", "ChangeMDN"]);
    assert_eq!(stack.get("/devices/mdn/1").await.0, 404);
}

#[tokio::test]
async fn hardware_takes_precedence_over_sim_and_sim_over_line() {
    let stack = Stack::new().await;
    change(&stack, "SUSPEND", "mdn:1 imei:30").await;
    change(&stack, "SUSPEND", "iccid:5 imei:40").await;
    change(&stack, "SUSPEND", "imei:10").await;
    let (line, sim, hardware) = (id(&stack, "mdn/1").await, id(&stack, "iccid/5").await, id(&stack, "imei/10").await);

    change_addressed(&stack, "RESTORE", "mdn:1 iccid:5", "").await;
    assert_eq!(id(&stack, "mdn/1").await, sim);
    assert_eq!(id(&stack, "imei/30").await, line);
    change_addressed(&stack, "RESTORE", "mdn:1 iccid:5 imei:10", "").await;
    assert_eq!(id(&stack, "mdn/1").await, hardware);
    assert_eq!(id(&stack, "iccid/5").await, hardware);
    assert_eq!(id(&stack, "imei/40").await, sim);
}

#[tokio::test]
async fn a_device_without_identifiers_is_merged_and_its_history_stays_readable() {
    let stack = Stack::new().await;
    change_addressed(&stack, "SUSPEND", "mdn:1", "").await;
    let merged = id(&stack, "mdn/1").await;
    change_addressed(&stack, "SUSPEND", "imei:10", "").await;
    change(&stack, "RESTORE", "mdn:1 imei:10").await;

    let winner = stack.device("imei/10").await;
    assert_eq!(winner["mergedFrom"], json!([merged]));
    assert_eq!(stack.device(&format!("id/{merged}")).await["mergedInto"], winner["id"]);
    assert_eq!(history(&stack, "mdn/1").await, ["SUSPEND", "IdentifiersMoved", "SUSPEND", "RESTORE"]);
    let (_, page) = stack.get("/devices/mdn/1/events?limit=1").await;
    assert_eq!(page[0]["device"], json!(merged));
    let (_, page) = stack.get(&format!("/devices/mdn/1/events?after={merged}:2")).await;
    assert_eq!(page.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_device_whose_only_identifier_was_recycled_is_not_merged_into_the_new_one() {
    let stack = Stack::new().await;
    change_addressed(&stack, "SUSPEND", "mdn:1", "").await;
    let old = id(&stack, "mdn/1").await;
    change(&stack, "Activate", "mdn:1 imei:20").await;
    assert_eq!(history(&stack, "mdn/1").await, ["Activate"]);
    assert_eq!(stack.device(&format!("id/{old}")).await["mergedInto"], Value::Null);
    assert_eq!(history(&stack, &format!("id/{old}")).await, ["SUSPEND", "IdentifiersMoved"]);
}

#[tokio::test]
async fn a_message_with_one_identifier_removes_no_others() {
    let stack = Stack::new().await;
    change(&stack, "Activate", "mdn:1 imei:10").await;
    change_addressed(&stack, "Note", "MDN:1 imei:10 Eid:99", "").await;
    let names = json!([
        { "kind": "mdn", "value": "1" }, { "kind": "imei", "value": "10" }, { "kind": "eid", "value": "99" },
    ]);
    assert_eq!(stack.device("eid/99").await["identifiers"], names);
}

#[tokio::test]
async fn an_unknown_kind_identifies_a_device_only_without_a_known_kind() {
    let stack = Stack::new().await;
    change(&stack, "Activate", "mdn:1 colour:red").await;
    change(&stack, "Activate", "mdn:2 colour:red").await;
    assert_ne!(id(&stack, "mdn/1").await, id(&stack, "mdn/2").await);
    assert_eq!(stack.get("/devices/colour/red").await.0, 404);
    change(&stack, "Activate", "tag:T7").await;
    assert_eq!(stack.device("TAG/t7").await["version"], 1);
}

#[tokio::test]
async fn invalid_identifiers_are_kept_in_the_event_only() {
    let stack = Stack::new().await;
    let long = "9".repeat(3000);
    change(&stack, "Activate", &format!("imei:{long} mdn:1")).await;
    let event = &stack.events("mdn/1").await[0];
    assert!(event["payload"].to_string().contains(&long));
    assert_eq!(stack.device("mdn/1").await["identifiers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_with_more_identifiers_than_a_device_can_have_is_recorded() {
    let stack = Stack::new().await;
    for number in 1..40 {
        change_addressed(&stack, "Note", &format!("tag{number}:7"), "").await;
    }
    let all: Vec<String> = (1..40).map(|number| format!("tag{number}:7")).collect();
    change(&stack, "Note", &all.join(" ")).await;
    let device = stack.device("tag1/7").await;
    assert_eq!(device["identifiers"].as_array().unwrap().len(), 20);
}
