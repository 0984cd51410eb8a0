//! `callbacks devices rebuild`, on `callbacks local`.

use aws_sdk_dynamodb::types::AttributeValue;
use local_stack::Local;
use serde_json::{Value, json};

use crate::{command, post, run, stack};

const IMEI: &str = "imei:990013907835573";

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A stack with a device that has two events, and another device.
async fn devices() -> (Local, String, Value) {
    let (local, url) = stack().await;
    for (request, imei) in [("1", "990013907835573"), ("2", "990013907835573"), ("3", "990013907835574")] {
        let devices = json!([{ "kind": "imei", "id": imei }]);
        let response = json!({ "deviceUsageResponse": { "deviceIds": devices, "dataUsage": 1 } });
        let body = json!({ "requestId": request, "deviceIds": devices, "deviceResponse": response });
        post(&url, "DeviceUsage", &body).await;
    }
    let device = reqwest::get(format!("{url}/devices/imei/990013907835573")).await.unwrap().json().await.unwrap();
    (local, url, device)
}

/// Replaces the device in its row, as a wrong program or a manual edit would.
async fn edit(local: &Local, device: &Value, edit: impl FnOnce(&mut Value)) {
    let mut edited = device.clone();
    edit(&mut edited);
    let update = local.table.update_item().table_name("callbacks").update_expression("SET device = :device");
    let update = update.key("pk", text(format!("DEVICE#{}", device["id"].as_str().unwrap()))).key("sk", text("STATE"));
    update.expression_attribute_values(":device", text(edited.to_string())).send().await.unwrap();
}

async fn delete(local: &Local, device: &Value, sort: &str) {
    let delete = local.table.delete_item().table_name("callbacks");
    let delete = delete.key("pk", text(format!("DEVICE#{}", device["id"].as_str().unwrap()))).key("sk", text(sort));
    delete.send().await.unwrap();
}

async fn rebuild(url: &str, options: &[&str]) -> (i32, String) {
    let (code, output, error) = run(command(&[&["devices", "rebuild", "--local", url], options].concat())).await;
    assert_eq!(error, "");
    (code, output)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_device_that_differs_from_its_events_is_reported_and_replaced_on_request() {
    let (local, url, device) = devices().await;
    assert_eq!(rebuild(&url, &[]).await, (0, "2 devices compared, 0 different\n".to_owned()));

    edit(&local, &device, |device| {
        device["state"] = json!("lost");
        device["identifiers"] = json!([]);
    })
    .await;
    let id = device["id"].as_str().unwrap();
    let lines = format!(
        "{id} identifiers: stored [], recomputed {}\n{id} state: stored \"lost\", recomputed null\n",
        device["identifiers"]
    );
    assert_eq!(rebuild(&url, &[]).await, (1, format!("{lines}2 devices compared, 1 different\n")));
    assert_eq!(rebuild(&url, &["--device", IMEI]).await, (1, format!("{lines}1 device compared, 1 different\n")));
    let written = format!("{lines}{id} written\n2 devices compared, 1 different, 1 written\n");
    assert_eq!(rebuild(&url, &["--write"]).await, (1, written));
    assert_eq!(rebuild(&url, &[]).await, (0, "2 devices compared, 0 different\n".to_owned()));
    let again: Value = reqwest::get(format!("{url}/devices/imei/990013907835573")).await.unwrap().json().await.unwrap();
    assert_eq!(again, device);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_gone_is_restored_from_its_events() {
    let (local, url, device) = devices().await;
    delete(&local, &device, "STATE").await;
    let (code, output) = rebuild(&url, &["--write"]).await;
    assert_eq!(code, 1);
    assert!(output.ends_with(" written\n2 devices compared, 1 different, 1 written\n"), "{output}");
    assert_eq!(rebuild(&url, &["--device", IMEI]).await.0, 0);
    // The next callback finds the version that it requires.
    post(
        &url,
        "DeviceUsage",
        &json!({ "requestId": "4", "deviceIds": [{ "kind": "imei", "id": "990013907835573" }],
        "deviceResponse": { "deviceUsageResponse": { "dataUsage": 2 } } }),
    )
    .await;
    assert_eq!(rebuild(&url, &[]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_expired_events_a_device_is_rebuilt_from_the_remaining_ones() {
    let (local, url, device) = devices().await;
    delete(&local, &device, "EVENT#000000000001").await;
    let shortened = "1 device rebuilt from a later event than the first, since earlier ones have expired\n";
    assert_eq!(rebuild(&url, &[]).await, (0, format!("2 devices compared, 0 different\n{shortened}")));
    delete(&local, &device, "EVENT#000000000002").await;
    let without = "1 device without events to compare with\n";
    assert_eq!(rebuild(&url, &[]).await, (0, format!("2 devices compared, 0 different\n{without}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_newest_events_are_missing_is_not_replaced() {
    let (local, url, device) = devices().await;
    delete(&local, &device, "EVENT#000000000002").await;
    let (code, output) = rebuild(&url, &["--write"]).await;
    assert_eq!(code, 1);
    assert!(output.contains("not written: its newest events are missing\n"), "{output}");
    let again: Value = reqwest::get(format!("{url}/devices/imei/990013907835573")).await.unwrap().json().await.unwrap();
    assert_eq!(again, device);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_keeps_no_other_device_from_being_compared() {
    let (local, url, _) = devices().await;
    let put = local.table.put_item().table_name("callbacks").item("pk", text("DEVICE#1"));
    put.item("sk", text("EVENT#000000000001")).item("event", text("rubbish")).send().await.unwrap();
    let (code, output) = rebuild(&url, &[]).await;
    assert_eq!(code, 1);
    assert!(output.starts_with("1 cannot be rebuilt: cannot read a row of the table: "), "{output}");
    assert!(output.ends_with("3 devices compared, 1 different\n"), "{output}");
}
