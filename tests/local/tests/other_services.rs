//! Services other than the thirteen: messages of any service name are recorded and published, and a repeated
//! notification days later is not a duplicate.

use jiff::SignedDuration;
use local_tests::{EXTERNAL, GOLDEN, Stack, events_recorded, options};
use serde_json::{Value, json};

macro_rules! golden {
    ($file:literal) => {
        include_str!(concat!("../../../events/other-services/", $file))
    };
}

const MOBILE_ORIGINATED: &str = golden!("rest/1-nidd-mobile-originated.json");

async fn post(stack: &Stack, service: &str, body: &str) {
    let content_type = if body.starts_with('<') { "text/xml" } else { "application/json" };
    let (status, _, answer) = stack.post_to(service, Some(content_type), body.as_bytes().to_vec()).await;
    assert_eq!(status, 200, "{service}: {answer}");
}

fn parse(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn non_ip_data_of_a_device_is_recorded_and_published_whole() {
    let stack = Stack::new().await;
    post(&stack, "NiddService", MOBILE_ORIGINATED).await;
    let payload = &parse(MOBILE_ORIGINATED)["niddResponse"];

    let device = stack.device("imei/350000000000114").await;
    assert_eq!(&device["otherServices"]["NiddService"]["values"], payload);
    for name in ["mdn/5550100114", "imsi/311480000000114", "iccid/89000000000000001141"] {
        assert_eq!(stack.device(name).await, device, "the device is found by its network identifiers");
    }

    let events = stack.events("imei/350000000000114").await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((&event["service"], &event["change"]), (&json!("NiddService"), &json!("niddMONotificationResponse")));
    assert_eq!(&event["payload"]["niddResponse"], payload);
    assert_eq!((&event["unknown"], &event["result"]), (&json!({}), &Value::Null));

    let published = &stack.topic_messages(1).await[0];
    assert_eq!(published["topic"], "device-events");
    assert_eq!(published["attributes"]["service"], "NiddService");
    assert_eq!(published["attributes"]["change"], "niddMONotificationResponse");
    let message = &published["message"];
    assert_eq!(message["type"], "com.verizon.thingspace.nidd-service.nidd-mo-notification-response.v1");
    assert_eq!(message["source"], "/accounts/0000123456-00001");
    assert_eq!(message["id"], event["id"]);
    assert_eq!(message["data"]["device"], device);
}

#[tokio::test]
async fn the_outcome_of_a_message_and_of_a_configuration_is_found_by_request_id() {
    let stack = Stack::new().await;
    for (body, operation, outcome, fault) in [
        (golden!("rest/2-nidd-mobile-terminated.json"), "niddMTDelivery", "succeeded", Value::Null),
        (
            golden!("rest/3-nidd-mobile-terminated-failed.json"),
            "niddMTDelivery",
            "failed",
            json!({ "code": "DeliveryFailed", "text": "Device is not reachable." }),
        ),
        (golden!("rest/4-nidd-configuration.json"), "niddConfig", "succeeded", Value::Null),
        (
            golden!("rest/5-nidd-configuration-failed.json"),
            "niddConfig",
            "failed",
            json!({ "code": "ConfigFailed", "text": "Device is not subscribed to NIDD." }),
        ),
    ] {
        post(&stack, "NiddService", body).await;
        let (status, request) = stack.get(&format!("/requests/{}", parse(body)["requestId"].as_str().unwrap())).await;
        assert_eq!(status, 200);
        let result = &request["results"][0];
        assert_eq!((&result["service"], &result["operation"]), (&json!("NiddService"), &json!(operation)));
        assert_eq!((&result["outcome"], &result["fault"]), (&json!(outcome), &fault));
    }
    let events = stack.events("imei/350000000000114").await;
    assert_eq!(events.len(), 4);
    for (event, status) in events.iter().zip(["Delivered", "DeliveryFailed", "ConfigCreated", "ConfigFailed"]) {
        assert_eq!(event["payload"]["status"], status, "the event has the platform's own name of the change");
    }
    stack.topic_messages(4).await;
}

#[tokio::test]
async fn results_of_the_intelligence_service_belong_to_the_device_or_the_account() {
    let stack = Stack::new().await;
    post(&stack, "IntelligenceService", golden!("rest/7-device-experience.json")).await;
    let device = stack.device("iccid/89000000000000001151").await;
    let payload = &parse(golden!("rest/7-device-experience.json"))["intelligenceResponse"];
    assert_eq!(&device["otherServices"]["IntelligenceService"]["values"], payload);

    post(&stack, "IntelligenceService", golden!("rest/6-network-conditions.json")).await;
    let published = stack.topic_messages(2).await;
    let conditions = published.iter().find(|message| message["attributes"]["change"] == "networkConditions").unwrap();
    assert_eq!(conditions["message"]["data"]["device"], Value::Null);
}

#[tokio::test]
async fn a_soap_message_of_an_unknown_service_is_kept_whole() {
    let stack = Stack::new().await;
    post(&stack, "Some-Service_of.2031", golden!("soap/1-subscription-notification.xml")).await;
    let device = stack.device("mdn/5550100116").await;
    let payload = json!({
        "@revision": "2",
        "SubscriptionName": "Subscription 1",
        "EventTime": { "#text": "2026-03-01T00:00:00", "@zone": "UTC" },
        "Reason": "",
    });
    assert_eq!(device["otherServices"]["Some-Service_of.2031"]["values"], payload);
    let events = stack.events("imei/350000000000116").await;
    assert_eq!(events[0]["payload"]["Data"]["SubscriptionNotification"], payload);
    assert_eq!(stack.topic_messages(1).await[0]["attributes"]["service"], "Some-Service_of.2031");
}

/// The number of recorded events if an equal message is received at each of these minutes.
async fn recorded_events(minutes: &[i64]) -> usize {
    let service = other_services::service("DiagnosticsService").unwrap();
    let body =
        json!({ "requestId": "a request of ten years", "deviceIds": [{ "id": "350000000000117", "kind": "imei" }],
        "reachability": { "event": "ReachableForData" } })
        .to_string();
    let deliveries = minutes.iter().map(|minutes| (SignedDuration::from_mins(*minutes), body.as_str()));
    events_recorded(&service, "imei/350000000000117", deliveries).await
}

#[tokio::test]
async fn equal_events_of_one_request_that_are_days_apart_are_all_recorded() {
    const DAY: i64 = 24 * 60;
    assert_eq!(recorded_events(&[0, DAY, 29 * DAY, 365 * DAY, 3650 * DAY]).await, 5);
}

#[tokio::test]
async fn a_resend_within_the_documented_time_is_recorded_once() {
    assert_eq!(recorded_events(&[0, 5, 10, 15]).await, 1);
}

#[tokio::test]
async fn an_immediate_resend_changes_nothing() {
    let stack = Stack::new().await;
    post(&stack, "NiddService", MOBILE_ORIGINATED).await;
    post(&stack, "NiddService", &MOBILE_ORIGINATED.replace(r#""callbackCount": 1"#, r#""callbackCount": 2"#)).await;
    assert_eq!(stack.events("imei/350000000000114").await.len(), 1);
    stack.topic_messages(1).await;
}

#[tokio::test]
async fn the_same_message_to_two_services_is_two_messages() {
    let stack = Stack::new().await;
    post(&stack, "NiddService", MOBILE_ORIGINATED).await;
    post(&stack, "QoS", MOBILE_ORIGINATED).await;
    let device = stack.device("imei/350000000000114").await;
    let services: Vec<_> = device["otherServices"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(services, ["NiddService", "QoS"]);
    assert_eq!(stack.events("imei/350000000000114").await.len(), 2);
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_leave_no_trace() {
    let stack = Stack::with(listener_with_credentials()).await;
    let with = |username: &str, password: &str| {
        let body = MOBILE_ORIGINATED.replace(r#""username": """#, &format!(r#""username": "{username}""#));
        body.replace(r#""password": """#, &format!(r#""password": "{password}""#))
    };
    for body in [MOBILE_ORIGINATED.to_owned(), with("user", "wrong"), with("wrong", "word")] {
        let (status, _, answer) = stack.post_to("NiddService", Some("application/json"), body.into_bytes()).await;
        assert_eq!(status, 401, "{answer}");
    }
    assert!(stack.rows().await.is_empty());
    post(&stack, "NiddService", &with("user", "word")).await;
    assert_eq!(stack.events("imei/350000000000114").await.len(), 1);
}

fn listener_with_credentials() -> local_stack::Options {
    local_stack::Options { username: Some("user".to_owned()), password: Some("word".to_owned()), ..options() }
}

#[tokio::test]
async fn an_invalid_service_name_is_answered_404_and_leaves_nothing_behind() {
    let stack = Stack::new().await;
    let long = "n".repeat(65);
    for name in
        ["No%20Service", "a%2Fb", "%2e%2e%2f", "%00", "a%0Ab", "%1b%5B2J", "DEVICE%231", "Gr%C3%B6%C3%9Fe", "-", &long]
    {
        let (status, _, answer) =
            stack.post_to(name, Some("application/json"), MOBILE_ORIGINATED.as_bytes().to_vec()).await;
        assert_eq!(status, 404, "{name}: {answer}");
    }
    assert!(stack.rows().await.is_empty());
    assert_eq!(stack.get("/quarantine/messages").await.1, json!([]));
}

#[tokio::test]
async fn a_malformed_body_is_quarantined_with_the_name_of_its_service() {
    let stack = Stack::new().await;
    let (status, ..) = stack.post_to("QoS", Some("application/json"), b"{\"hello\":\"world\"}".to_vec()).await;
    assert_eq!(status, 400);
    let quarantined = stack.quarantined().await;
    assert_eq!(quarantined[0].service, "QoS");
    assert_eq!(stack.get("/callbacks/QoS").await.0, 405);
}

#[tokio::test]
async fn the_thirteen_services_are_not_handled_as_other_services() {
    let stack = Stack::new().await;
    let (status, ..) = stack.post_to(EXTERNAL, Some("text/xml"), GOLDEN[0].as_bytes().to_vec()).await;
    assert_eq!(status, 200);
    let device = stack.device("mdn/2300329133").await;
    assert_eq!((&device["state"], &device["otherServices"]), (&json!("active"), &Value::Null));
}
