//! Partial failure and limits: a part that cannot be recorded does not affect the others, and no row or message exceeds
//! its limit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use jiff::Timestamp;
use local_tests::{EXTERNAL, Stack, identifier_xml, provisioning_change, record};
use queued_callback::Verification;
use serde_json::{Value, json};
use store::Store;

/// The maximum size of an SNS message with its attributes, in bytes.
const MAX_SNS_BYTES: usize = 256 * 1024;

async fn post(stack: &Stack, service: &str, message: &Value) -> u16 {
    stack.post_to(service, Some("application/json"), message.to_string().into_bytes()).await.0
}

/// The `deviceIds` of a device with this number.
fn mdn_ids(number: usize) -> Value {
    json!([{ "id": format!("55501{number:05}"), "kind": "mdn" }])
}

/// A change of a device to a state. `request_id` is the XML element, or empty.
fn state_change(request_id: &str, change: &str, state: &str) -> String {
    let identifier = identifier_xml("DeviceIdentifiers", "mdn", "5550100001");
    let state = format!("<CarrierInformation><State>{state}</State></CarrierInformation>");
    provisioning_change(request_id, change, &format!("{state}{identifier}"))
}

#[tokio::test]
async fn an_item_too_large_for_a_row_is_quarantined_alone_and_the_others_are_recorded() {
    let stack = Stack::new().await;
    let item = |number: usize| {
        let note = if number == 77 { "x".repeat(420_000) } else { "small".to_owned() };
        json!({ "deviceIds": mdn_ids(number), "note": note })
    };
    let items: Vec<Value> = (0..200).map(item).collect();
    let message = json!({ "requestId": "r", "username": "user-1", "password": "secret-1",
        "deviceResponse": { "usageResponse": items }, "status": "Success" });
    assert_eq!(post(&stack, "DeviceUsage", &message).await, 200);

    for number in (0..200).filter(|number| *number != 77) {
        assert_eq!(stack.device(&format!("mdn/55501{number:05}")).await["version"], 1);
    }
    assert_eq!(stack.get("/devices/mdn/5550100077").await.0, 404);
    let quarantined = stack.quarantined().await;
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].verification, Verification::Verified { parts: Some(vec![77]), account: None });
    assert_eq!(quarantined[0].body().as_ref(), message.to_string().as_bytes());

    assert_eq!(post(&stack, "DeviceUsage", &message).await, 200, "a resend has the same result");
    assert_eq!(stack.events("mdn/5550100001").await.len(), 1);
}

#[tokio::test]
async fn a_flat_array_of_devices_is_recorded_device_by_device() {
    let stack = Stack::new().await;
    let note = |number: usize| format!("note {number} {}", "x".repeat(900));
    let devices: Vec<Value> =
        (0..600).map(|number| json!({ "deviceIds": mdn_ids(number), "note": note(number) })).collect();
    let message = json!({ "requestId": "r", "devices": devices, "status": "Success" });
    stack.post_until_recorded("StateService", "application/json", message.to_string().as_bytes(), 20).await;
    for number in [0, 1, 599] {
        let event = &stack.events(&format!("mdn/55501{number:05}")).await[0];
        let text = event.to_string();
        assert!(text.contains(&note(number)) && text.matches("note ").count() <= 4, "only its own: {text:.400}");
    }
}

#[tokio::test]
async fn items_that_are_identifiers_or_have_members_named_like_kinds_are_devices() {
    for (number, devices) in [
        json!([{ "kind": "mdn", "id": "5550100001", "state": "active" }, { "kind": "mdn", "id": "5550100002", "state": "active" }]),
        json!([{ "mdn": "5550100001", "state": "active" }, { "MDN": "5550100002", "state": "active" }]),
    ]
    .into_iter()
    .enumerate()
    {
        let stack = Stack::new().await;
        let message = json!({ "requestId": number.to_string(), "devices": devices, "status": "Success" });
        assert_eq!(post(&stack, "StateService", &message).await, 200);
        assert_ne!(stack.device("mdn/5550100001").await["id"], stack.device("mdn/5550100002").await["id"]);
    }
}

#[tokio::test]
async fn a_blank_request_id_counts_as_missing() {
    for blank in ["<RequestId/>", "<RequestId></RequestId>", "<RequestId>  </RequestId>", ""] {
        let stack = Stack::new().await;
        let store = stack.store();
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let body = |change: &str, state: &str| state_change(blank, change, state);
        let service = &external_provisioning_changes::SERVICE;
        for (hours, change, state) in [(0, "SUSPEND", "suspend"), (1, "RESTORE", "active"), (2, "SUSPEND", "suspend")] {
            let at = start + jiff::SignedDuration::from_hours(hours);
            let recording = record(&store, service, &body(change, state), at, Duration::from_secs(5)).await;
            assert_eq!(recording.recorded, 1, "{blank} {change} after {hours} hours");
        }
        assert_eq!(stack.device("mdn/5550100001").await["state"], "suspend");
    }
}

#[tokio::test]
async fn long_texts_are_truncated_on_the_device_and_complete_in_the_event() {
    let stack = Stack::new().await;
    let text = "because ".repeat(12_000);
    let message = json!({ "requestId": "r", "deviceIds": mdn_ids(1),
        "faultResponse": { "faultcode": "X", "faultstring": text }, "status": "Failed" });
    assert_eq!(post(&stack, "CarrierService", &message).await, 200);
    let device = stack.device("mdn/5550100001").await;
    let fault_text = device["operations"]["CarrierService"]["fault"]["text"].as_str().unwrap();
    assert!(
        fault_text.len() <= 1024 && fault_text.ends_with(&format!("(cut from {} bytes)", text.len())),
        "{fault_text:.100}"
    );
    let event = &stack.events("mdn/5550100001").await[0];
    assert_eq!(event["payload"]["faultResponse"]["faultstring"], json!(text));

    // Every other facet at its maximum size, then one more message.
    let long = "y".repeat(50_000);
    let fields: String = (0..200)
        .map(|n| format!("<CustomFields><Name>F{n}</Name><Value>{}</Value></CustomFields>", "v".repeat(500)))
        .collect();
    let identifier = identifier_xml("DeviceIdentifiers", "mdn", "5550100001");
    let device =
        format!("<AccountName>{long}</AccountName><DeviceGroupName>{long}</DeviceGroupName>{fields}{identifier}");
    let change = provisioning_change("<RequestId>r-2</RequestId>", "SUSPEND", &device);
    assert_eq!(stack.post_to(EXTERNAL, Some("text/xml"), change.into_bytes()).await.0, 200);
    for number in 0..40 {
        for service in ["DeviceUsage", "AlertService", "PromoChanges", "StateService"] {
            let message = json!({ "requestId": format!("{service} {number}"), "deviceIds": mdn_ids(1),
                "deviceResponse": { format!("some{number}Response"): { "note": "z".repeat(1_900) } },
                "status": "w".repeat(5_000) });
            assert_eq!(post(&stack, service, &message).await, 200, "{service} {number}");
        }
    }
    let device = stack.device("mdn/5550100001").await;
    assert!(device.to_string().len() <= 64 * 1024, "{}", device.to_string().len());
    for message in stack.topic_messages(162).await {
        assert!(message["message"].to_string().len() < MAX_SNS_BYTES, "{}", message["message"].to_string().len());
    }
}

#[tokio::test]
async fn a_report_too_large_for_sns_is_published_with_a_pointer_to_it() {
    let stack = Stack::new().await;
    for (number, bytes) in [(1, 100), (2, 20_000), (3, 200_000), (4, 300_000)] {
        let report = json!({ "note": "x".repeat(bytes) });
        let message = json!({ "requestId": format!("r-{number}"), "deviceIds": mdn_ids(1),
            "deviceResponse": { "usageResponse": report }, "status": "Success" });
        assert_eq!(post(&stack, "DeviceUsage", &message).await, 200);
        let messages = stack.topic_messages(number).await;
        let published = &messages[number - 1]["message"];
        assert!(published.to_string().len() < MAX_SNS_BYTES);
        if bytes < 250_000 {
            assert_eq!(published["data"]["report"], report, "{bytes}");
            continue;
        }
        assert_eq!(published["data"]["report"], Value::Null);
        let left_out = &published["data"]["leftOut"];
        assert_eq!(left_out["bytes"], report.to_string().len());
        let events = stack.get(left_out["readAt"].as_str().unwrap()).await.1;
        assert_eq!(events.as_array().unwrap().len(), 1);
        assert_eq!(events[0]["id"], published["id"]);
        assert_eq!(events[0]["payload"]["deviceResponse"]["usageResponse"], report);
    }
    let usage = stack.device("mdn/5550100001").await["usage"].clone();
    assert_eq!(usage[0]["values"], Value::Null);
    assert!(usage[0]["leftOutBytes"].as_u64().unwrap() > 300_000, "the omission is stated");
}

#[tokio::test]
async fn a_secret_inside_an_activation_is_neither_kept_nor_published() {
    let stack = Stack::new().await;
    let message = json!({ "requestId": "r", "deviceIds": mdn_ids(1), "deviceResponse": { "activateResponse": {
        "deviceIds": [{ "id": "350000000000001", "kind": "imei" }], "state": "active", "servicePlan": "M2M", "ipAddress": "192.0.2.1",
        "featureCodes": [], "deviceCredential": { "username": "canary-name", "password": "canary-word" } } }, "status": "Success" });
    assert_eq!(post(&stack, "CarrierService", &message).await, 200);
    let published = stack.topic_messages(1).await;
    let rows = format!("{:?}", stack.rows().await);
    for secret in ["canary-name", "canary-word"] {
        assert!(!rows.contains(secret) && !format!("{published:?}").contains(secret), "{secret}");
    }
    let event = &stack.events("imei/350000000000001").await[0];
    let credential = &event["payload"]["deviceResponse"]["activateResponse"]["deviceCredential"];
    assert!(credential["password"].as_str().unwrap().contains("left out"), "the omission is stated: {credential}");
}

/// Throttles the transactions for which `refused` is true. They are not executed.
#[derive(Debug)]
struct Throttling {
    calls: AtomicUsize,
    refused: fn(usize) -> bool,
}

/// Marks a request that was changed into one that the engine rejects.
#[derive(Debug)]
struct Refused;

impl Storable for Refused {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Throttling {
    fn name(&self) -> &'static str {
        "Throttling"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        if target.ends_with("TransactWriteItems") && (self.refused)(self.calls.fetch_add(1, Ordering::Relaxed)) {
            context.request_mut().headers_mut().insert("x-amz-target", "DynamoDB_20120810.Unknown");
            bag.interceptor_state().store_put(Refused);
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if bag.load::<Refused>().is_some() {
            let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#;
            *context.response_mut().body_mut() = SdkBody::from(body);
        }
        Ok(())
    }
}

fn throttled(stack: &Stack, refused: fn(usize) -> bool) -> Store {
    let throttling = Throttling { calls: AtomicUsize::new(0), refused };
    let config = stack.local.table.config().to_builder();
    let config = config.retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled());
    let client = aws_sdk_dynamodb::Client::from_conf(config.interceptor(throttling).build());
    Store::new(client, "callbacks", 0)
}

fn usage_of(devices: usize) -> String {
    let item = |number| json!({ "deviceIds": mdn_ids(number), "bytesUsed": number });
    let items: Vec<Value> = (0..devices).map(item).collect();
    json!({ "requestId": "r", "deviceResponse": { "usageResponse": items }, "status": "Success" }).to_string()
}

#[tokio::test]
async fn throttled_groups_are_retried_until_the_deadline() {
    let stack = Stack::new().await;
    let store = throttled(&stack, |call| call % 3 != 0);
    let body = usage_of(60);
    let recording = record(&store, &device_usage::SERVICE, &body, Timestamp::now(), Duration::from_secs(30)).await;
    assert!(recording.failure.is_none(), "{recording:?}");
    assert_eq!(recording.recorded, 60);
}

#[tokio::test]
async fn a_group_that_stays_throttled_does_not_abandon_the_others() {
    let stack = Stack::new().await;
    // Throttles the first group: its first transaction, and its retries after the other groups.
    let store = throttled(&stack, |call| call == 0 || call > 8);
    let (body, at) = (usage_of(96), Timestamp::now());
    let recording = record(&store, &device_usage::SERVICE, &body, at, Duration::from_secs(3)).await;
    assert!(recording.failure.is_some() && recording.recorded >= 84, "{recording:?}");

    let store = stack.store();
    let resent = record(&store, &device_usage::SERVICE, &body, at, Duration::from_secs(30)).await;
    // The deadline may come between a transaction and its answer.
    assert_eq!(resent.recorded + resent.duplicates, 96);
    assert!((recording.recorded..=recording.recorded + 1).contains(&resent.duplicates), "{recording:?} {resent:?}");
}

#[tokio::test]
async fn a_part_too_large_for_a_row_is_quarantined_whole() {
    let stack = Stack::new().await;
    let note = "n".repeat(900_000);
    let items = json!([{ "deviceIds": mdn_ids(1), "note": note }, { "deviceIds": mdn_ids(2), "note": "small" }]);
    let message = json!({ "requestId": "r", "deviceResponse": { "usageResponse": items }, "status": "Success" });
    assert_eq!(post(&stack, "DeviceUsage", &message).await, 200);
    let quarantined = stack.quarantined().await.remove(0);
    assert_eq!(quarantined.verification, Verification::Verified { parts: Some(vec![0]), account: None });
    assert!(quarantined.is_complete() && quarantined.body().as_ref() == message.to_string().as_bytes());

    let stack = Stack::new().await;
    let listed = |number: usize, note: &str| json!({ "id": format!("55501{number:05}"), "kind": "mdn", "note": note });
    let ids = json!([listed(1, &"n".repeat(420_000)), listed(2, "small"), listed(3, "small")]);
    let message =
        json!({ "requestId": "r", "deviceIds": ids, "deviceResponse": { "restoreResponse": {} }, "status": "Success" });
    assert_eq!(post(&stack, "CarrierService", &message).await, 200);
    let quarantined = stack.quarantined().await.remove(0);
    assert_eq!(quarantined.verification, Verification::Verified { parts: Some(vec![0]), account: None });
    assert_eq!(stack.device("mdn/5550100002").await["state"], "active");
}

#[tokio::test]
async fn parts_of_one_device_are_recorded_in_their_order() {
    let stack = Stack::new().await;
    let item = |number: usize| json!({ "deviceIds": mdn_ids(1), "stateName": format!("state {number}") });
    let items: Vec<Value> = (0..60).map(item).collect();
    let message = json!({ "requestId": "r", "deviceResponse": { "goToStateResponse": items }, "status": "Success" });
    stack.post_until_recorded("StateService", "application/json", message.to_string().as_bytes(), 10).await;
    assert_eq!(stack.device("mdn/5550100001").await["customState"]["values"]["stateName"], "state 59");
    let events = stack.events("mdn/5550100001").await;
    let order: Vec<_> = events
        .iter()
        .map(|event| event["payload"]["deviceResponse"]["goToStateResponse"]["stateName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, (0..60).map(|number| format!("state {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_device_that_cannot_be_recorded_does_not_affect_the_others_of_its_group() {
    let stack = Stack::new().await;
    let store = stack.store();
    let before =
        json!({ "requestId": "b", "deviceIds": mdn_ids(3), "deviceResponse": { "usageResponse": {} } }).to_string();
    record(&store, &device_usage::SERVICE, &before, Timestamp::now(), Duration::from_secs(5)).await;
    let id = stack.device("mdn/5550100003").await["id"].as_str().unwrap().to_owned();
    stack.corrupt_version(&id).await;

    let recording =
        record(&store, &device_usage::SERVICE, &usage_of(12), Timestamp::now(), Duration::from_secs(4)).await;
    assert!(recording.failure.is_some());
    assert_eq!(recording.recorded, 11);
}

#[tokio::test]
async fn a_change_repeated_after_another_one_is_recorded_again_even_without_a_request_id() {
    for blank in ["<RequestId/>", "<RequestId> </RequestId>", ""] {
        let stack = Stack::new().await;
        let body = |change: &str, state: &str| state_change(blank, change, state);
        for (change, state) in
            [("SUSPEND", "suspend"), ("RESTORE", "active"), ("SUSPEND", "suspend"), ("SUSPEND", "suspend")]
        {
            assert_eq!(stack.post(&body(change, state)).await, 200);
        }
        let device = stack.device("mdn/5550100001").await;
        assert_eq!(
            (&device["state"], &device["version"]),
            (&json!("suspend"), &json!(3)),
            "the last one is a duplicate"
        );
    }
}

#[tokio::test]
async fn parts_that_identify_one_device_differently_are_recorded_in_their_order() {
    let stack = Stack::new().await;
    let (imei, mdn) = (json!([{ "id": "350000000000001", "kind": "imei" }]), mdn_ids(1));
    let both = json!([imei[0], mdn[0]]);
    let known = json!({ "requestId": "a", "deviceIds": both, "deviceResponse": { "activateResponse": {} }, "status": "Success" });
    assert_eq!(post(&stack, "CarrierService", &known).await, 200);
    let state = |ids: &Value, name: &str| json!({ "deviceIds": ids, "stateName": name });
    let others = (10..70).map(|number| state(&mdn_ids(number), "other"));
    let items: Vec<Value> = [state(&mdn, "first")].into_iter().chain(others).chain([state(&imei, "last")]).collect();
    let message = json!({ "requestId": "s", "deviceResponse": { "goToStateResponse": items }, "status": "Success" });
    assert_eq!(post(&stack, "StateService", &message).await, 200);
    assert_eq!(stack.device("mdn/5550100001").await["customState"]["values"]["stateName"], "last");
}

#[tokio::test]
async fn several_parts_of_one_device_without_a_request_id_are_recorded_once() {
    let stack = Stack::new().await;
    let item = |number: usize| json!({ "deviceIds": mdn_ids(1), "bytesUsed": number });
    let items: Vec<Value> = (0..5).map(item).collect();
    let message = json!({ "deviceResponse": { "usageResponse": items }, "status": "Success" });
    for _ in 0..3 {
        assert_eq!(post(&stack, "DeviceUsage", &message).await, 200);
    }
    assert_eq!(stack.device("mdn/5550100001").await["version"], 5);
}
