//! What messages of other services mean. That they are recorded and published is tested in `tests/local`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use callback::{Callback, Value};
use device::{Fault, Observation, RequestStatus, Update};
use serde_json::json;

use super::*;

fn observe(name: &str, body: &str) -> Vec<Observation> {
    let message = Callback::parse(body.as_bytes(), None).unwrap().message;
    interpret(&service(name).unwrap().name, message)
}

fn observe_one(name: &str, body: &str) -> Observation {
    let mut observations = observe(name, body);
    assert_eq!(observations.len(), 1);
    observations.remove(0)
}

macro_rules! golden {
    ($file:literal) => {
        include_str!(concat!("../../../events/other-services/", $file))
    };
}

/// The report's service and values.
fn reported(observation: &Observation) -> (&str, &Value) {
    match observation.updates.as_slice() {
        [Update::Facet(Facet::Other(service), values)] => (service, values),
        other => panic!("{other:?}"),
    }
}

fn names(observation: &Observation) -> Vec<&str> {
    observation.identification.names().iter().map(|one| one.value.as_str()).collect()
}

#[test]
fn a_service_name_may_be_any_valid_path_segment() {
    for name in ["NiddService", "QoS", "a", "7", "VIPCallbackService", "my_service-2.1", &"n".repeat(64)] {
        let service = service(name).unwrap();
        assert_eq!((&*service.name, service.counted_as), (name, "OtherServices"));
    }
}

#[test]
fn an_invalid_service_name_is_refused() {
    let hostile = ["", ".", "..", "-", "a b", "a/b", "a%2Fb", "a\n", "a\0", "Größe", "٣", "a{b}", "DEVICE#1", "a\"b"];
    for name in hostile.into_iter().chain([&*"n".repeat(65)]) {
        assert!(service(name).is_none(), "{name:?}");
    }
}

#[test]
fn a_non_ip_message_from_a_device_is_a_notification_with_all_its_identifiers() {
    let body = golden!("rest/1-nidd-mobile-originated.json");
    let observation = observe_one("NiddService", body);
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(observation.change, "niddMONotificationResponse");
    assert_eq!(reported(&observation), ("NiddService", &sent["niddResponse"]));
    assert_eq!(observation.payload["niddResponse"], sent["niddResponse"]);
    assert_eq!(observation.account.as_deref(), Some("0000123456-00001"));
    assert_eq!(observation.result, None);
    assert!(observation.unknown.is_empty());
    let mut names = names(&observation);
    names.sort_unstable();
    assert_eq!(names, ["311480000000114", "350000000000114", "5550100114", "89000000000000001141"]);
}

#[test]
fn delivery_and_configuration_reports_are_responses() {
    let failed =
        |code: &str, text: &str| RequestStatus::Failed(Fault { code: Some(code.into()), text: Some(text.into()) });
    let delivered = golden!("rest/2-nidd-mobile-terminated.json");
    for (body, change, operation, ending) in [
        (delivered.to_owned(), "niddMTDeliveryResponse", "niddMTDelivery", RequestStatus::Succeeded),
        (
            golden!("rest/3-nidd-mobile-terminated-failed.json").to_owned(),
            "niddMTDeliveryResponse",
            "niddMTDelivery",
            failed("DeliveryFailed", "Device is not reachable."),
        ),
        (
            delivered.replace("Delivered", "Queued"),
            "niddMTDeliveryResponse",
            "niddMTDelivery",
            RequestStatus::Other("Queued".to_owned()),
        ),
        (
            golden!("rest/4-nidd-configuration.json").to_owned(),
            "niddConfigResponse",
            "niddConfig",
            RequestStatus::Succeeded,
        ),
        (
            golden!("rest/5-nidd-configuration-failed.json").to_owned(),
            "niddConfigResponse",
            "niddConfig",
            failed("ConfigFailed", "Device is not subscribed to NIDD."),
        ),
    ] {
        let observation = observe_one("NiddService", &body);
        let result = observation.result.as_ref().unwrap();
        assert_eq!((&*observation.change, &*result.operation, &result.status), (change, operation, &ending));
        assert_eq!(names(&observation)[0], "350000000000114");
        assert!(observation.payload.contains_key("status"), "the status stays as it was sent");
    }
}

#[test]
fn identifiers_that_contradict_the_envelope_stay_in_the_payload() {
    let body = golden!("rest/1-nidd-mobile-originated.json");
    let (head, tail) = body.split_once("niddMONotificationResponse").unwrap();
    let body = format!("{head}niddMONotificationResponse{}", tail.replace("350000000000114", "350000000009999"));
    let observation = observe_one("NiddService", &body);
    assert_eq!(names(&observation), ["350000000000114"]);
    assert!(observation.payload["niddResponse"].to_string().contains("350000000009999"));
}

#[test]
fn a_configuration_of_several_devices_is_a_response_for_each() {
    let within =
        json!({ "accountName": "a", "deviceIds": [{ "id": "1", "kind": "IMEI" }, { "id": "2", "kind": "IMEI" }] });
    let body = json!({ "requestId": "r", "niddResponse": { "niddConfigResponse": within }, "status": "ConfigCreated" });
    let observations = observe("NiddService", &body.to_string());
    assert_eq!(observations.iter().map(|one| names(one)[0]).collect::<Vec<_>>(), ["1", "2"]);
    for observation in &observations {
        assert_eq!(observation.result.as_ref().unwrap().status, RequestStatus::Succeeded);
    }
}

#[test]
fn a_finding_of_the_intelligence_service_is_a_notification() {
    let conditions = observe_one("IntelligenceService", golden!("rest/6-network-conditions.json"));
    assert_eq!((&*conditions.change, &conditions.result), ("networkConditions", &None));
    assert!(names(&conditions).is_empty());
    let scores = observe_one("IntelligenceService", golden!("rest/7-device-experience.json"));
    assert_eq!((&*scores.change, &scores.result), ("deviceExperienceScoreHistory", &None));
    assert_eq!(names(&scores), ["89000000000000001151"]);
    assert_eq!(reported(&scores).1["deviceExperienceScoreHistory"]["scores"][1]["averageScore"], 64.5);
}

#[test]
fn a_message_of_an_unknown_service_is_reported_whole() {
    let observation = observe_one("SubscriptionNotificationService", golden!("soap/1-subscription-notification.xml"));
    assert_eq!((&*observation.change, &observation.result), ("SubscriptionNotification", &None));
    assert_eq!(reported(&observation).1["SubscriptionName"], "Subscription 1");

    let body = r#"{"requestId":"r","deviceIds":[{"id":"1","kind":"imei"}],"pwnResponse":{"slice":{"id":7}}}"#;
    let observation = observe_one("PwnService", body);
    assert_eq!((&*observation.change, &observation.result), ("pwnResponse", &None));
    assert_eq!(observation.unknown.len(), 1, "no member of it is understood, and that is counted");
}

#[test]
fn a_status_or_a_fault_is_a_response_only_with_a_request_id() {
    let with = r#"{"requestId":"r","deviceIds":[{"id":"1","kind":"imei"}],"status":"Success"}"#;
    assert_eq!(observe_one("QoS", with).result.unwrap().status, RequestStatus::Succeeded);
    let failed = r#"{"requestId":"r","faultResponse":{"faultcode":"QoS.NO","faultstring":"no"}}"#;
    assert!(matches!(observe_one("QoS", failed).result.unwrap().status, RequestStatus::Failed(_)));
    let without = r#"{"deviceIds":[{"id":"1","kind":"imei"}],"status":"Success"}"#;
    assert_eq!(observe_one("QoS", without).result, None);
}

#[test]
fn several_nested_members_stay_together() {
    let body =
        r#"{"requestId":"r","niddResponse":{"niddConfigResponse":{"a":"1"},"niddMTDeliveryResponse":{"b":"2"}}}"#;
    let observation = observe_one("NiddService", body);
    assert_eq!(observation.change, "niddResponse");
    let both = json!({ "niddConfigResponse": { "a": "1" }, "niddMTDeliveryResponse": { "b": "2" } });
    assert_eq!(reported(&observation).1, &both);
    let text = r#"{"requestId":"r","niddResponse":"a text"}"#;
    assert_eq!(reported(&observe_one("NiddService", text)).1, "a text");
}
