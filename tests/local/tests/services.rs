//! The thirteen callback services in both transports: how each changes the device, and what is published.

use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use local_tests::{Stack, content_type, identifier_xml};
use registry::SERVICES;
use serde_json::{Value, json};

/// The service, the path of its facet in the device, and the devices of its golden messages (SOAP, REST).
const TABLE: [(&str, &str, [&str; 2]); 13] = [
    ("AlertService", "/alerts/0/values", ["mdn/5550100101"; 2]),
    ("CarrierService", "/operations", ["mdn/5550100102"; 2]),
    ("DevicePRLInformation", "/prl/values", ["mdn/5550100103"; 2]),
    ("DeviceProfileService", "/profiles", ["mdn/5550100104"; 2]),
    ("DeviceService", "/availability/values", ["imei/350000000000105"; 2]),
    ("DeviceSuspensionStatus", "/suspension/values", ["mdn/5550100106"; 2]),
    ("DeviceUsage", "/usage/0/values", ["mdn/5550100107"; 2]),
    ("EnhancedConnectivityService", "/sms/received/values", ["esn/60000008"; 2]),
    ("ExternalProvisioningChanges", "/state", ["mdn/2300329133", "mdn/5550100109"]),
    ("PromoChanges", "/promotionsLost/0/values", ["mdn/5550100110"; 2]),
    ("ResumeTrackingNotification", "/resume/values/resumesAt", ["mdn/5550100111"; 2]),
    ("SMSDeliveryConfirmation", "/sms/delivered/values", ["mdn/5550100112"; 2]),
    ("StateService", "/customState/values", ["mdn/5550100113"; 2]),
];

fn kebab(service: &str) -> String {
    let folder = match service {
        "DevicePRLInformation" => "device-prl-information",
        "SMSDeliveryConfirmation" => "sms-delivery-confirmation",
        other => {
            return other.chars().enumerate().fold(String::new(), |mut name, (place, letter)| {
                if letter.is_uppercase() && place > 0 {
                    name.push('-');
                }
                name.extend(letter.to_lowercase());
                name
            });
        }
    };
    folder.to_owned()
}

/// The sample files of a service and transport, sorted.
fn files(service: &str, transport: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(kebab(service)).join(transport);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn golden(service: &str, transport: &str, start: &str) -> Vec<u8> {
    let files = files(service, transport);
    let named = |file: &&PathBuf| file.file_name().unwrap().to_str().unwrap().starts_with(start);
    std::fs::read(files.iter().find(named).unwrap_or_else(|| panic!("{service} {transport} {start}"))).unwrap()
}

async fn post(stack: &Stack, service: &str, transport: &str, body: Vec<u8>) {
    let (status, _, answer) = stack.post_to(service, Some(content_type(transport)), body).await;
    assert_eq!(status, 200, "{service} {transport}: {answer}");
}

async fn post_json(stack: &Stack, service: &str, message: &Value) {
    post(stack, service, "rest", message.to_string().into_bytes()).await;
}

async fn post_golden(stack: &Stack, service: &str, transport: &str, start: &str) {
    post(stack, service, transport, golden(service, transport, start)).await;
}

#[test]
fn every_registered_service_is_in_the_table_of_this_test() {
    let names: Vec<_> = SERVICES.iter().map(|service| &*service.name).collect();
    assert_eq!(names, TABLE.map(|(name, ..)| name));
}

#[tokio::test]
async fn a_golden_message_of_every_service_and_transport_updates_the_device_its_history_and_its_topic() {
    for (place, transport) in ["soap", "rest"].into_iter().enumerate() {
        for (service, facet, devices) in TABLE {
            let stack = Stack::new().await;
            post_golden(&stack, service, transport, "1-").await;
            let device = stack.device(devices[place]).await;
            let reported = device.pointer(facet).unwrap_or(&Value::Null);
            assert!(!reported.is_null() && *reported != json!({}), "{service} {transport}: {device:#}");
            let events = stack.events(devices[place]).await;
            assert_eq!(events.len(), 1);
            assert_eq!(events[0]["service"], service);
            assert!(events[0]["changes"].as_array().unwrap().iter().all(|change| change["before"] != change["after"]));
            assert_eq!(events[0]["unknown"], json!({}), "{service} {transport}");

            let count = if service == "DeviceService" { 3 } else { 1 };
            let message = &stack.topic_messages(count).await[0];
            let topic = if service == "ExternalProvisioningChanges" { "provisioning-changes" } else { "device-events" };
            assert_eq!(message["topic"], topic);
            assert_eq!(message["attributes"]["service"], service);
            assert_eq!(message["message"]["id"], events[0]["id"]);
            assert_eq!(message["message"]["data"]["device"], device);
        }
    }
}

/// The service, the start of the file name (SOAP, REST) and the expected kind of the event.
const KINDS: [(&str, &str, &str, &str); 21] = [
    ("AlertService", "1-", "1-", "alert"),
    ("CarrierService", "1-", "2-", "activate"),
    ("CarrierService", "2-", "1-", "change-identifier"),
    ("CarrierService", "3-", "3-", "suspend"),
    ("CarrierService", "4-", "4-", "restore"),
    ("CarrierService", "5-", "5-", "deactivate"),
    ("CarrierService", "6-", "6-", "change-service-plan"),
    ("CarrierService", "7-", "7-", "change-cost-center"),
    ("CarrierService", "8-", "8-", "change-custom-fields"),
    ("CarrierService", "9-", "9-", "change-contact-info"),
    ("CarrierService", "10-", "10-", "move"),
    ("CarrierService", "11-", "11-", "request-failed"),
    ("DevicePRLInformation", "1-", "1-", "prl"),
    ("DeviceProfileService", "1-", "1-", "profile"),
    ("DeviceSuspensionStatus", "1-", "1-", "suspension-status"),
    ("DeviceUsage", "1-", "1-", "usage"),
    ("EnhancedConnectivityService", "1-", "1-", "sms-received"),
    ("PromoChanges", "1-", "1-", "promotion-lost"),
    ("ResumeTrackingNotification", "1-", "1-", "resume-announced"),
    ("SMSDeliveryConfirmation", "2-", "2-", "sms-delivery"),
    ("StateService", "1-", "1-", "custom-state"),
];

#[tokio::test]
async fn a_change_has_the_same_kind_in_both_transports() {
    for (service, soap, rest, kind) in KINDS {
        for (transport, start) in [("soap", soap), ("rest", rest)] {
            let stack = Stack::new().await;
            post_golden(&stack, service, transport, start).await;
            let message = &stack.topic_messages(1).await[0];
            assert_eq!(message["attributes"]["kind"], kind, "{service} {transport} {start}");
            assert_eq!(message["message"]["data"]["kind"], kind);
        }
    }
}

#[tokio::test]
async fn a_suspension_has_the_same_kind_in_every_service_and_spelling() {
    let stack = Stack::new().await;
    let rest = |change: &str| {
        json!({ "requestId": change, "deviceIds": [{ "id": "5550100301", "kind": "mdn" }], "deviceResponse": {
            "externalProvisioningChange": { "source": "UI", "change": change, "deviceInfo": {
                "deviceIdentifiers": [{ "id": "5550100301", "kind": "mdn" }], "state": "suspend" } } } })
    };
    post_golden(&stack, "ExternalProvisioningChanges", "soap", "3-").await;
    for change in ["SUSPEND", "Suspend"] {
        let body = rest(change).to_string().into_bytes();
        post(&stack, "ExternalProvisioningChanges", "rest", body).await;
    }
    for transport in ["soap", "rest"] {
        post_golden(&stack, "CarrierService", transport, "3-").await;
    }
    let messages = stack.topic_messages(5).await;
    let attribute = |name: &str| {
        let mut values: Vec<_> = messages.iter().map(|message| message["attributes"][name].as_str().unwrap()).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(attribute("kind"), ["suspend"; 5]);
    assert_eq!(attribute("change"), ["SUSPEND", "SUSPEND", "Suspend", "SuspendDevice", "suspendResponse"]);

    // A failed suspension is not an event of kind `suspend`.
    let failed = json!({ "requestId": "f", "deviceIds": [{ "id": "5550100302", "kind": "mdn" }],
        "deviceResponse": { "suspendResponse": {} }, "status": "Failed" });
    post_json(&stack, "CarrierService", &failed).await;
    let kinds: Vec<_> = stack.events("mdn/5550100302").await.iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["request-failed"]);
}

#[tokio::test]
async fn every_golden_message_is_accepted() {
    let stack = Stack::new().await;
    for (service, ..) in TABLE {
        for transport in ["soap", "rest"] {
            for file in files(service, transport) {
                post(&stack, service, transport, std::fs::read(file).unwrap()).await;
            }
        }
    }
}

#[tokio::test]
async fn the_platforms_other_spellings_reach_the_same_function() {
    let stack = Stack::new().await;
    post(&stack, "PromoChange", "soap", golden("PromoChanges", "soap", "1-")).await;
    post(&stack, "PromoChanges", "soap", golden("PromoChanges", "soap", "1-")).await;
    assert_eq!(stack.events("mdn/5550100110").await.len(), 1);
    post(&stack, "AlertsService", "rest", golden("AlertService", "rest", "1-")).await;
    assert_eq!(stack.events("mdn/5550100101").await[0]["service"], "AlertService");
}

#[tokio::test]
async fn a_successful_carrier_request_sets_the_devices_state() {
    for transport in ["soap", "rest"] {
        let stack = Stack::new().await;
        let device = async || stack.device("imei/350000000000102").await;
        let identifiers = async || device().await["identifiers"].to_string();
        for case in files("CarrierService", transport) {
            let name = case.file_name().unwrap().to_str().unwrap().to_owned();
            let Some((_, operation)) = name.trim_end_matches(".json").trim_end_matches(".xml").split_once('-') else {
                continue;
            };
            if !["activate", "suspend", "restore", "deactivate", "service-plan", "move"].contains(&operation) {
                continue;
            }
            post(&stack, "CarrierService", transport, std::fs::read(&case).unwrap()).await;
            let device = device().await;
            match operation {
                "activate" => {
                    assert_eq!((&device["state"], &device["ipAddress"]), (&json!("active"), &json!("192.0.2.102")));
                }
                "suspend" => {
                    assert_eq!(device["state"], "suspend");
                    assert_ne!(device["suspension"]["values"], Value::Null);
                    assert!(
                        device["resume"]["values"]["asSent"].as_str().unwrap().starts_with("2026-06-30"),
                        "{device}"
                    );
                }
                "restore" => {
                    assert_eq!(device["state"], "active");
                    assert_eq!(device["suspension"]["values"], Value::Null);
                    assert_eq!(device["resume"]["values"], Value::Null);
                }
                "deactivate" => assert_eq!(device["state"], "deactive"),
                "service-plan" => assert_eq!(device["servicePlan"], "M2M_4G_5MB"),
                _ => assert_eq!(device["account"], "0000123456-00002"),
            }
        }
        post_golden(&stack, "CarrierService", transport, if transport == "soap" { "1-" } else { "2-" }).await;
        let deactivate = golden("CarrierService", transport, "5-");
        let again = String::from_utf8(deactivate).unwrap().replace("00000000-0000", "11111111-0000").into_bytes();
        post(&stack, "CarrierService", transport, again).await;
        assert_eq!(device().await["state"], "deactive");
        assert!(!identifiers().await.contains("mdn"), "{}", identifiers().await);
    }
}

#[tokio::test]
async fn a_changed_identifier_replaces_the_old_one() {
    let stack = Stack::new().await;
    let known = json!({ "requestId": "r-0", "deviceIds": [{ "id": "22200000002", "kind": "esn" }, { "id": "5550100199", "kind": "mdn" }],
        "deviceResponse": { "restoreResponse": {} }, "status": "Success" });
    post_json(&stack, "CarrierService", &known).await;
    let before = stack.device("esn/22200000002").await["id"].clone();
    post_golden(&stack, "CarrierService", "rest", "1-").await;

    let device = stack.device("imei/350000000000102").await;
    assert_eq!(device["id"], before);
    let names = json!([{ "kind": "mdn", "value": "5550100102" }, { "kind": "imei", "value": "350000000000102" }]);
    assert_eq!(device["identifiers"], names);
    assert_eq!(device["servicePlan"], "M2M_4G");
    assert_eq!(stack.get("/devices/esn/22200000002").await.0, 404);
    assert_eq!(stack.get("/devices/mdn/5550100199").await.0, 404);
}

#[tokio::test]
async fn a_changed_identifier_replaces_the_old_one_in_soap_too() {
    let stack = Stack::new().await;
    post_golden(&stack, "CarrierService", "soap", "2-").await;
    let body = String::from_utf8(golden("CarrierService", "soap", "2-")).unwrap();
    let new = body.split("<DeviceIdentifierChanged>").nth(1).unwrap();
    let new = new.split("<Identifier>").nth(1).unwrap().split('<').next().unwrap();
    let device = stack.device(&format!("meid/{new}")).await;
    assert_eq!(device["operations"]["ChangeDeviceIdentifier"]["outcome"], "succeeded");
    assert!(!device["identifiers"].to_string().contains("\"esn\""), "{device}");
}

#[tokio::test]
async fn failed_requests_and_queries_change_no_identifiers() {
    let stack = Stack::new().await;
    let known = |id: &str, mdn: &str, iccid: &str| {
        json!({ "requestId": id, "deviceIds": [{ "id": mdn, "kind": "mdn" }, { "id": iccid, "kind": "iccid" }],
                "deviceResponse": { "restoreResponse": {} }, "status": "Success" })
    };
    for message in [known("r-1", "1", "51"), known("r-2", "2", "52")] {
        post_json(&stack, "CarrierService", &message).await;
    }
    let pair = json!([{ "id": "51", "kind": "iccid" }, { "id": "99", "kind": "imei" }]);
    let failed = json!({ "requestId": "r-3", "deviceIds": pair, "faultResponse": { "faultcode": "X", "faultstring": "x" }, "status": "Failed" });
    post_json(&stack, "CarrierService", &failed).await;
    let availability = json!({ "requestId": "r-4", "deviceResponse": { "checkDeviceAvailabilityResponse": [
        { "deviceIds": pair, "availability": "Unavailable" },
        { "deviceIds": [{ "id": "1", "kind": "mdn" }, { "id": "52", "kind": "iccid" }], "availability": "Unavailable" } ] } });
    post_json(&stack, "DeviceService", &availability).await;
    assert_eq!(stack.device("iccid/51").await["identifiers"].as_array().unwrap().len(), 2);
    assert_eq!(stack.get("/devices/imei/99").await.0, 404);
    assert_ne!(stack.device("mdn/1").await["id"], stack.device("iccid/52").await["id"]);
}

#[tokio::test]
async fn several_indistinguishable_devices_are_never_merged() {
    let fault = json!({ "faultcode": "X", "faultstring": "x" });
    let pairs = json!([{ "id": "1", "kind": "imei" }, { "id": "51", "kind": "iccid" }, { "id": "2", "kind": "imei" }, { "id": "52", "kind": "iccid" }]);
    let stack = Stack::new().await;
    let ambiguous = json!({ "requestId": "r-1", "deviceIds": pairs, "faultResponse": fault, "status": "Failed" });
    post_json(&stack, "DeviceService", &ambiguous).await;
    assert_eq!(stack.get("/devices/imei/1").await.0, 404);
    let result = &stack.get("/requests/r-1").await.1["results"][0];
    assert_eq!(result["identifiers"].as_array().unwrap().len(), 4);

    let each = json!({ "requestId": "r-2", "deviceIds": [{ "id": "1", "kind": "mdn" }, { "id": "2", "kind": "mdn" }], "faultResponse": fault, "status": "Failed" });
    post_json(&stack, "CarrierService", &each).await;
    assert_ne!(stack.device("mdn/1").await["id"], stack.device("mdn/2").await["id"]);
    assert_eq!(stack.get("/requests/r-2").await.1["results"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn items_are_split_at_any_depth_of_their_array() {
    let item = |mdn: &str| json!({ "deviceIds": [{ "id": mdn, "kind": "mdn" }], "bytesUsed": 1 });
    let nameless = json!({ "bytesUsed": 2 });
    for (number, response) in [
        json!({ "usageResponse": [item("1"), item("2"), nameless], "hasMoreData": false }),
        json!({ "usageResponse": { "page": 1, "devices": [item("1"), item("2")] } }),
    ]
    .into_iter()
    .enumerate()
    {
        let stack = Stack::new().await;
        let message = json!({ "requestId": number.to_string(), "deviceResponse": response, "status": "Success" });
        post_json(&stack, "DeviceUsage", &message).await;
        assert_ne!(stack.device("mdn/1").await["id"], stack.device("mdn/2").await["id"]);
        assert_eq!(stack.device("mdn/2").await["usage"][0]["values"]["bytesUsed"], 1);
    }
}

#[tokio::test]
async fn a_device_with_all_the_reports_it_can_keep_is_still_published() {
    let stack = Stack::new().await;
    let note = "x".repeat(1_900);
    for number in 0..14 {
        for service in ["DeviceUsage", "AlertService", "PromoChanges"] {
            let message = json!({ "requestId": format!("{service} {number}"), "deviceIds": [{ "id": "1", "kind": "mdn" }],
                "deviceResponse": { "someResponse": { "note": note } } });
            post(&stack, service, "rest", message.to_string().into_bytes()).await;
        }
    }
    let messages = stack.topic_messages(42).await;
    let largest = messages.iter().map(|message| message["message"].to_string().len()).max().unwrap();
    assert!(largest < 120_000, "the SNS limit is 256 KiB: {largest}");
}

#[tokio::test]
async fn a_failed_request_changes_no_state_and_is_on_the_device_with_its_fault() {
    let stack = Stack::new().await;
    post_golden(&stack, "CarrierService", "rest", "11-").await;
    let device = stack.device("imei/350000000000102").await;
    assert_eq!(device["state"], Value::Null);
    let operation = &device["operations"]["CarrierService"];
    assert_eq!(operation["outcome"], "failed");
    assert_eq!(operation["fault"]["code"], "UnifiedWebService.REQUEST_FAILED.DeviceAlreadyActive");
}

#[tokio::test]
async fn the_outcome_of_a_request_is_shown_per_device() {
    let stack = Stack::new().await;
    let answer = |mdn: &str, outcome: Value| {
        let mut message = json!({ "requestId": "req 1/2", "deviceIds": [{ "id": mdn, "kind": "mdn" }] });
        message.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
        message.to_string().into_bytes()
    };
    let succeeded = || json!({ "deviceResponse": { "suspendResponse": {} }, "status": "Success" });
    let failed =
        json!({ "faultResponse": { "faultcode": "C.REQUEST_FAILED.X", "faultstring": "no" }, "status": "Failed" });
    post(&stack, "CarrierService", "rest", answer("1", succeeded())).await;
    post(&stack, "CarrierService", "rest", answer("2", failed)).await;
    post(&stack, "CarrierService", "rest", answer("3", json!({ "status": "warning" }))).await;
    post(&stack, "CarrierService", "rest", answer("3", succeeded())).await;

    let (status, body) = stack.get("/requests/req%201%2F2").await;
    assert_eq!((status, &body["requestId"]), (200, &json!("req 1/2")));
    let mut results: Vec<_> = body["results"].as_array().unwrap().clone();
    results.sort_by_key(|result| result["identifiers"].to_string());
    let outcomes: Vec<_> = results
        .iter()
        .map(|result| {
            json!([result["identifiers"][0]["value"], result["operation"], result["outcome"], result["fault"]["text"]])
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            json!(["1", "suspend", "succeeded", null]),
            json!(["2", "CarrierService", "failed", "no"]),
            json!(["3", "suspend", "succeeded", null])
        ]
    );
    assert_eq!(results[2]["sequence"], 2);

    assert_eq!(results[2]["earlier"][0]["outcome"], "other");
    assert_eq!(results[2]["earlier"][0]["status"], "warning");

    let (mut after, mut seen) = (String::new(), Vec::new());
    for _ in 0..3 {
        let response =
            reqwest::get(format!("http://{}/requests/req%201%2F2?limit=1{after}", stack.local.address)).await.unwrap();
        let next = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let body: Value = response.json().await.unwrap();
        seen.extend(body["results"].as_array().unwrap().iter().map(|result| result["identifiers"].to_string()));
        after = next.map_or(String::new(), |next| format!("&{}", next.split(['&', '>']).nth(1).unwrap()));
    }
    seen.sort();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(after.is_empty() && seen[0].contains("\"1\"") && seen[2].contains("\"3\""), "{seen:?} {after}");
    for cursor in ["", "x", "x:y"] {
        assert_eq!(stack.get(&format!("/requests/req%201%2F2?after={cursor}")).await.0, 400, "{cursor}");
    }
    assert_eq!(stack.get("/requests/none").await.0, 404);
    assert_eq!(stack.get(&format!("/requests/{}", "x".repeat(3000))).await.0, 404);
}

#[tokio::test]
async fn a_request_that_failed_as_a_whole_is_shown_without_a_device() {
    let stack = Stack::new().await;
    for (transport, id) in
        [("rest", "00000000-0000-4000-8000-000021000012"), ("soap", "00000000-0000-4000-8000-000022000012")]
    {
        post_golden(&stack, "CarrierService", transport, "12-").await;
        let (status, body) = stack.get(&format!("/requests/{id}")).await;
        assert_eq!(status, 200, "{transport}");
        assert_eq!(body["results"][0]["outcome"], "failed");
        assert_eq!(body["results"][0]["device"], Value::Null);
    }
}

#[tokio::test]
async fn a_profile_request_has_a_warning_and_then_its_outcome() {
    let stack = Stack::new().await;
    let message = |status: &str| {
        json!({ "requestId": "r", "deviceIds": [{ "id": "89000000000000000000000000000001", "kind": "eid" }],
                "deviceResponse": { "deviceProfileResponse": { "deviceIds": [{ "id": "8900000000000000001", "kind": "iccid" }], "profileStatus": status } },
                "status": status })
    };
    for status in ["warning", "Success"] {
        post_json(&stack, "DeviceProfileService", &message(status)).await;
    }
    let device = stack.device("eid/89000000000000000000000000000001").await;
    assert_eq!(device["version"], 2);
    assert_eq!(device["profiles"]["8900000000000000001"]["values"]["profileStatus"], "Success");
    assert_eq!(stack.get("/requests/r").await.1["results"][0]["outcome"], "succeeded");
    let outcomes: Vec<_> = stack
        .events("eid/89000000000000000000000000000001")
        .await
        .iter()
        .map(|event| event["result"]["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["other", "succeeded"]);
}

#[tokio::test]
async fn the_twelve_newest_usage_reports_are_kept() {
    let stack = Stack::new().await;
    for number in 0..15 {
        let message = json!({ "requestId": format!("r-{number}"), "deviceResponse": { "usageResponse":
            [{ "deviceIds": [{ "id": "5550100107", "kind": "mdn" }], "bytesUsed": number }] }, "status": "Success" });
        post_json(&stack, "DeviceUsage", &message).await;
    }
    let device = stack.device("mdn/5550100107").await;
    let bytes: Vec<_> = device["usage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["values"]["bytesUsed"].as_u64().unwrap())
        .collect();
    assert_eq!(bytes, (3..15).rev().collect::<Vec<_>>());
    assert_eq!(stack.events("mdn/5550100107").await.len(), 15);
}

#[tokio::test]
async fn a_report_too_large_for_the_device_is_in_its_event() {
    let stack = Stack::new().await;
    let large = "x".repeat(20_000);
    let message = json!({ "requestId": "r", "deviceIds": [{ "id": "5550100107", "kind": "mdn" }],
        "deviceResponse": { "usageResponse": { "note": large } }, "status": "Success" });
    post_json(&stack, "DeviceUsage", &message).await;
    assert_eq!(stack.device("mdn/5550100107").await["usage"][0]["values"], Value::Null);
    assert!(stack.events("mdn/5550100107").await[0]["payload"].to_string().contains(&large));
}

#[tokio::test]
async fn an_announced_return_is_removed_once_the_device_is_active_again() {
    let stack = Stack::new().await;
    post_golden(&stack, "ResumeTrackingNotification", "soap", "1-").await;
    let device = stack.device("mdn/5550100111").await;
    assert_eq!(device["resume"]["values"]["asSent"], "3/15/2017 12:00:00 AM");
    let restored = json!({ "requestId": "r", "deviceIds": [{ "id": "5550100111", "kind": "mdn" }],
        "deviceResponse": { "restoreResponse": {} }, "status": "Success" });
    post_json(&stack, "CarrierService", &restored).await;
    assert_eq!(stack.device("mdn/5550100111").await["resume"]["values"], Value::Null);
}

#[tokio::test]
async fn a_message_without_items_is_recorded() {
    let stack = Stack::new().await;
    let message = json!({ "requestId": "r", "deviceResponse": { "usageResponse": [] }, "status": "Success" });
    post_json(&stack, "DeviceUsage", &message).await;
    assert_eq!(stack.get("/requests/r").await.1["results"][0]["outcome"], "succeeded");
}

/// One message with the availability of this many devices.
fn availability(transport: &str, devices: usize) -> Vec<u8> {
    let imei = |number: usize| format!("35{number:013}");
    let iccid = |number: usize| format!("89{number:018}");
    if transport == "rest" {
        let item = |number| json!({ "deviceIds": [{ "id": imei(number), "kind": "imei" }, { "id": iccid(number), "kind": "iccid" }], "availability": "Available" });
        let items: Vec<_> = (0..devices).map(item).collect();
        return json!({ "requestId": "r-2000", "deviceResponse": { "checkDeviceAvailabilityResponse": items }, "status": "Success" }).to_string().into_bytes();
    }
    let item = |number| {
        let imei = identifier_xml("DeviceIdentifiers", "imei", &imei(number));
        let iccid = identifier_xml("DeviceIdentifiers", "iccid", &iccid(number));
        let availability = "<Availability>Available</Availability>";
        format!("<CheckDeviceAvailability>{imei}{iccid}{availability}</CheckDeviceAvailability>")
    };
    let items: String = (0..devices).map(item).collect();
    format!("<CallbackRequest><RequestId>r-2000</RequestId><Data>{items}</Data></CallbackRequest>").into_bytes()
}

#[tokio::test]
async fn one_message_for_two_thousand_devices_records_each_of_them_once() {
    for transport in ["rest", "soap"] {
        let stack = Stack::new().await;
        let body = availability(transport, 2000);
        stack.post_until_recorded("DeviceService", content_type(transport), &body, 50).await;
        let count = async |prefix: &str, sort: &str| {
            let rows = stack.rows().await;
            let starts_with = |value: &AttributeValue, start: &str| value.as_s().unwrap().starts_with(start);
            rows.iter().filter(|row| starts_with(&row["pk"], prefix) && starts_with(&row["sk"], sort)).count()
        };
        assert_eq!(count("DEVICE#", "STATE").await, 2000);
        assert_eq!(count("DEVICE#", "EVENT#").await, 2000);
        assert_eq!(count("REQUEST#", "DEVICE#").await, 2000);
        let device = stack.device("imei/350000000001999").await;
        assert_eq!(
            (
                &device["version"],
                device
                    .pointer("/availability/values/Availability")
                    .or(device.pointer("/availability/values/availability"))
                    .unwrap()
            ),
            (&json!(1), &json!("Available"))
        );
    }
}

#[tokio::test]
async fn an_answer_that_names_several_devices_belongs_to_each_of_them() {
    let stack = Stack::new().await;
    let ids = json!([{ "id": "350000000000101", "kind": "imei" }, { "id": "350000000000102", "kind": "imei" }]);
    for (number, message) in [
        json!({ "requestId": "a", "deviceIds": ids, "deviceResponse": { "activateResponse": { "deviceIds": ids } }, "status": "Success" }),
        json!({ "requestId": "s", "deviceIds": ids, "deviceResponse": { "suspendResponse": { "deviceIds": ids } }, "status": "Success" }),
        json!({ "requestId": "r", "deviceResponse": { "restoreResponse": { "deviceIds": ids } }, "status": "Success" }),
    ]
    .into_iter()
    .enumerate()
    {
        post_json(&stack, "CarrierService", &message).await;
        for imei in ["imei/350000000000101", "imei/350000000000102"] {
            let device = stack.device(imei).await;
            assert_eq!((&device["version"], &device["state"]), (&json!(number + 1), &json!(["active", "suspend", "active"][number])));
        }
    }
}

#[tokio::test]
async fn an_answer_with_an_empty_fault_has_succeeded() {
    for fault in [json!(null), json!({}), json!({ "faultcode": null, "faultstring": "" })] {
        let stack = Stack::new().await;
        let message = json!({ "requestId": "s", "deviceIds": [{ "id": "5550100102", "kind": "mdn" }],
            "deviceResponse": { "suspendResponse": { "faultResponse": fault } }, "status": "Success" });
        post_json(&stack, "CarrierService", &message).await;
        assert_eq!(stack.device("mdn/5550100102").await["state"], "suspend", "{fault}");
    }
}

#[tokio::test]
async fn values_in_an_answer_take_precedence_over_those_in_the_request() {
    let stack = Stack::new().await;
    let answer = |id: &str, response: Value| {
        json!({ "requestId": id, "deviceIds": [{ "id": "5550100102", "kind": "mdn" }], "deviceResponse": response, "status": "Success" })
            .to_string()
            .into_bytes()
    };
    post(
        &stack,
        "CarrierService",
        "rest",
        answer("1", json!({ "activateResponse": { "state": "pending activation" } })),
    )
    .await;
    assert_eq!(stack.device("mdn/5550100102").await["state"], "pending activation");
    post(&stack, "CarrierService", "rest", answer("2", json!({ "restoreResponse": { "restored": false } }))).await;
    assert_eq!(stack.device("mdn/5550100102").await["state"], "pending activation");
}

#[tokio::test]
async fn an_identifier_change_that_also_lists_the_old_value_assigns_the_new_one() {
    let stack = Stack::new().await;
    let imei = |number: u32| json!({ "id": format!("35000000000{number:04}"), "kind": "imei" });
    let change = |id: &str, new: Value| {
        json!({ "requestId": id, "deviceIds": [imei(501)], "deviceResponse": { "changeIdentifierResponse": { "deviceIds": new } }, "status": "Success" })
            .to_string()
            .into_bytes()
    };
    let activated = json!({ "requestId": "a", "deviceIds": [imei(501), { "id": "5550100150", "kind": "mdn" }], "deviceResponse": { "activateResponse": {} }, "status": "Success" });
    post_json(&stack, "CarrierService", &activated).await;
    post(&stack, "CarrierService", "rest", change("c", json!([imei(501), imei(502), imei(503)]))).await;
    assert_eq!(
        stack.device("imei/350000000000501").await["state"],
        "active",
        "an ambiguous change keeps the old identifier"
    );
    post(&stack, "CarrierService", "rest", change("d", json!([imei(501), imei(502)]))).await;
    assert_eq!(stack.device("imei/350000000000502").await["id"], stack.device("mdn/5550100150").await["id"]);
    assert_eq!(stack.get("/devices/imei/350000000000501").await.0, 404);
}

#[tokio::test]
async fn an_alert_on_changed_hardware_keeps_the_device() {
    let stack = Stack::new().await;
    let known = json!({ "requestId": "a", "deviceIds": [{ "id": "5550100101", "kind": "mdn" }, { "id": "350000000009101", "kind": "imei" },
        { "id": "89000000000000000101", "kind": "iccid" }], "deviceResponse": { "activateResponse": {} }, "status": "Success" });
    post_json(&stack, "CarrierService", &known).await;
    post_golden(&stack, "AlertService", "rest", "2-").await;
    let device = stack.device("imei/350000000000101").await;
    assert_eq!(
        (&device["state"], &device["id"]),
        (&json!("active"), &stack.device("iccid/89000000000000000101").await["id"])
    );
    assert_eq!(stack.get("/devices/imei/350000000009101").await.0, 404);
}

#[tokio::test]
async fn a_profile_that_was_enabled_is_in_use() {
    let stack = Stack::new().await;
    let eid = "89000000000000000000000000000001";
    let answer = |id: &str, name: &str, iccid: &str| {
        json!({ "requestId": id, "deviceIds": [{ "id": eid, "kind": "eid" }, { "id": iccid, "kind": "iccid" }],
                "deviceResponse": { name: {} }, "status": "Success" })
        .to_string()
        .into_bytes()
    };
    for (id, iccid) in [("1", "8900000000000000001"), ("2", "8900000000000000002")] {
        post(&stack, "DeviceProfileService", "rest", answer(id, "enableProfileResponse", iccid)).await;
        assert_eq!(stack.device(&format!("eid/{eid}")).await["iccidInUse"], iccid);
    }
    post(&stack, "DeviceProfileService", "rest", answer("3", "disableProfileResponse", "8900000000000000002")).await;
    assert_eq!(stack.device(&format!("eid/{eid}")).await["iccidInUse"], Value::Null);
}
