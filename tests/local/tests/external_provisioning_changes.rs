//! ExternalProvisioningChanges, from the platform's message to the customer's topic.

use local_tests::{EXTERNAL, GOLDEN, Stack, options, provisioning_change};
use serde_json::{Value, json};

async fn post_all(stack: &Stack) {
    for body in GOLDEN {
        assert_eq!(stack.post(body).await, 200);
    }
}

fn field<'a>(values: &'a [Value], name: &str) -> Vec<&'a Value> {
    values.iter().map(|value| &value[name]).collect()
}

#[tokio::test]
async fn the_documented_messages_make_three_devices() {
    let stack = Stack::new().await;
    post_all(&stack).await;

    let suspended = stack.device("meid/A2000009D6BFE1").await;
    assert_eq!(suspended["state"], "active");
    assert_eq!(suspended["version"], 3);
    let events = stack.events("meid/A2000009D6BFE1").await;
    assert_eq!(field(&events, "change"), ["Deactivate", "SUSPEND", "RESTORE"]);
    assert_eq!(field(&events, "sequence"), [1, 2, 3]);
    assert!(field(&events, "requestId").iter().all(|id| **id == "0aafcb4a-91fe-46b0-9154-f84f410f0f49"));
    assert_eq!(events[1]["service"], EXTERNAL);
    let number = json!({ "kind": "mdn", "value": "3701882174" });
    let meid = json!({ "kind": "meid", "value": "A2000009D6BFE1" });
    let expected = json!([
        { "field": "identifiers", "before": [meid], "after": [number, meid] },
        { "field": "state", "before": "deactive", "after": "suspend" },
    ]);
    assert_eq!(events[1]["changes"], expected);

    let activated = stack.device("mdn/2300329133").await;
    assert_eq!(stack.device("meid/c1000000115253").await, activated);
    assert_eq!(stack.device("MIN/8586925945").await, activated);
    let renumbered = stack.device("esn/09400122453").await;
    assert_eq!(renumbered["customFields"]["CustomField5"], "");
    let ids = [&suspended["id"], &activated["id"], &renumbered["id"]];
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    assert_eq!(stack.device(&format!("id/{}", ids[0].as_str().unwrap())).await, suspended);
}

#[tokio::test]
async fn each_message_is_published_as_a_cloud_event_with_attributes() {
    let stack = Stack::new().await;
    post_all(&stack).await;
    let messages = stack.topic_messages(5).await;
    assert!(field(&messages, "topic").iter().all(|topic| **topic == "provisioning-changes"));
    let expected = json!({ "service": EXTERNAL, "change": "SUSPEND", "kind": "suspend",
        "account": "Verizon Test 1", "state": "suspend" });
    assert_eq!(messages[2]["attributes"], expected);

    let event = &messages[2]["message"];
    let device = stack.device("meid/A2000009D6BFE1").await;
    let recorded = &stack.events("meid/A2000009D6BFE1").await[1];
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "com.verizon.thingspace.external-provisioning-changes.suspend.v1");
    assert_eq!(event["source"], "/accounts/Verizon%20Test%201");
    assert_eq!(event["subject"], device["id"]);
    assert_eq!(event["id"], recorded["id"]);
    assert_eq!(event["time"], recorded["receivedAt"]);
    assert_eq!(event["datacontenttype"], "application/json");
    assert_eq!(event["data"]["sequence"], 2);
    assert_eq!(event["data"]["changes"], recorded["changes"]);
    assert_eq!(event["data"]["device"]["state"], "suspend");
    assert_eq!(event["data"]["device"]["version"], 2);
}

#[tokio::test]
async fn a_duplicate_callback_changes_nothing() {
    let stack = Stack::new().await;
    post_all(&stack).await;
    let before = stack.device("meid/A2000009D6BFE1").await;
    let rows = stack.rows().await.len();
    post_all(&stack).await;
    assert_eq!(stack.device("meid/A2000009D6BFE1").await, before);
    assert_eq!(stack.rows().await.len(), rows);
    stack.topic_messages(5).await;
}

#[tokio::test]
async fn fifty_at_once_are_recorded_once_and_all_answered() {
    let stack = Stack::new().await;
    for body in GOLDEN {
        let statuses = futures_util::future::join_all((0..50).map(|_| stack.post(body))).await;
        assert_eq!(statuses, [200; 50]);
    }
    assert_eq!(stack.device("meid/A2000009D6BFE1").await["version"], 3);
    assert_eq!(stack.events("esn/09400122453").await.len(), 1);
    stack.topic_messages(5).await;
}

#[tokio::test]
async fn a_resend_with_another_count_and_other_credentials_is_a_duplicate() {
    let stack = Stack::new().await;
    let message = |password: &str, count: u32| {
        format!(
            r#"{{"username":"u","password":"{password}","requestId":"r-1","deviceIds":[{{"id":"5550100123","kind":"mdn"}}],
               "deviceResponse":{{"x":1}},"callbackCount":{count},"maxCallbackThreshold":4}}"#
        )
    };
    for (password, count) in [("old", 1), ("new", 2)] {
        let answer = stack.post_to(EXTERNAL, Some("application/json"), message(password, count).into_bytes()).await;
        assert_eq!(answer, (200, String::new(), String::new()));
    }
    assert_eq!(stack.events("mdn/5550100123").await.len(), 1);
}

#[tokio::test]
async fn different_messages_of_one_request_are_all_recorded() {
    let stack = Stack::new().await;
    for status in ["warning", "Success"] {
        let body =
            json!({ "requestId": "r-1", "deviceIds": [{ "id": "5550100123", "kind": "mdn" }], "status": status });
        assert_eq!(stack.post_to(EXTERNAL, Some("application/json"), body.to_string().into_bytes()).await.0, 200);
    }
    assert_eq!(stack.events("mdn/5550100123").await.len(), 2);
}

#[tokio::test]
async fn a_message_of_unknown_format_is_kept_whole() {
    let stack = Stack::new().await;
    let body = json!({
        "requestId": "r-1",
        "deviceIds": [{ "id": "5550100123", "kind": "MDN" }],
        "deviceResponse": { "neverSeen": [{ "deep": "kept" }] },
    });
    assert_eq!(stack.post_to(EXTERNAL, None, body.to_string().into_bytes()).await.0, 200);
    let event = &stack.events("mdn/5550100123").await[0];
    assert_eq!(event["payload"], json!({ "deviceResponse": { "neverSeen": [{ "deep": "kept" }] } }));
    assert_eq!(event["unknown"], event["payload"]);
    assert_eq!(event["devices"], json!([{ "kind": "MDN", "value": "5550100123" }]));
}

#[tokio::test]
async fn a_message_that_names_no_device_is_an_event_of_its_account() {
    let stack = Stack::new().await;
    let account = "<AccountName>0000123456-00001</AccountName>";
    let body = |change: &str| provisioning_change("<RequestId>r</RequestId>", change, account);
    for change in ["One", "Two", "One"] {
        assert_eq!(stack.post(&body(change)).await, 200);
    }
    let messages = stack.topic_messages(2).await;
    assert_eq!(messages[0]["attributes"]["account"], "0000123456-00001");
    assert_eq!(messages[1]["message"]["subject"], "0000123456-00001");
    assert_eq!(messages[1]["message"]["data"]["sequence"], 2);
    assert_eq!(messages[1]["message"]["data"]["device"], Value::Null);
}

#[tokio::test]
async fn the_history_of_a_device_is_read_in_pages() {
    let stack = Stack::new().await;
    post_all(&stack).await;
    let (_, page) = stack.get("/devices/meid/A2000009D6BFE1/events?limit=2").await;
    assert_eq!(field(page.as_array().unwrap(), "sequence"), [1, 2]);
    let id = stack.device("meid/A2000009D6BFE1").await["id"].as_str().unwrap().to_owned();
    let (_, page) = stack.get(&format!("/devices/meid/A2000009D6BFE1/events?limit=2&after={id}:2")).await;
    assert_eq!(field(page.as_array().unwrap(), "sequence"), [3]);
    for query in ["limit=0", "limit=101", "limit=x", "after=x"] {
        let (status, error) = stack.get(&format!("/devices/meid/A2000009D6BFE1/events?{query}")).await;
        assert_eq!((status, &error["errorCode"]), (400, &json!("INPUT_INVALID.Query.Invalid")), "{query}");
    }
    assert_eq!(stack.get("/devices/mdn/0000000000").await.0, 404);
}

#[tokio::test]
async fn a_restart_keeps_devices_and_publishes_nothing_again() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path().join("data")).await;
    post_all(&stack).await;
    stack.topic_messages(5).await;
    let before = stack.device("esn/09400122453").await;
    drop(stack);

    let stack = Stack::on(directory.path().join("data")).await;
    assert_eq!(stack.device("esn/09400122453").await, before);
    post_all(&stack).await;
    stack.topic_messages(5).await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_leave_no_trace() {
    let credentials = |username: &str, password: &str| {
        GOLDEN[0]
            .replace("<Username/>", &format!("<Username>{username}</Username>"))
            .replace("<Password/>", &format!("<Password>{password}</Password>"))
    };
    let (username, password) = (Some("platform".to_owned()), Some("right".to_owned()));
    let stack = Stack::with(local_stack::Options { username, password, ..options() }).await;
    for body in
        [GOLDEN[0].to_owned(), credentials("platform", "wrong"), credentials("other", "right"), credentials("", "")]
    {
        let (status, _, answer) = stack.post_to(EXTERNAL, Some("text/xml"), body.into_bytes()).await;
        assert_eq!(status, 401);
        assert!(answer.contains("INPUT_INVALID.Credentials.Invalid"), "{answer}");
    }
    assert!(stack.rows().await.is_empty());
    assert_eq!(stack.quarantined().await.len(), 4);

    assert_eq!(stack.post(&credentials("platform", "right")).await, 200);
    let rows = format!("{:?}", stack.rows().await);
    let messages = format!("{:?}", stack.topic_messages(1).await);
    assert!(!rows.contains("right") && !messages.contains("right"));
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused() {
    let allow = "137.117.33.109,168.62.173.0/24".parse().unwrap();
    let stack = Stack::with(local_stack::Options { allow, ..options() }).await;
    assert_eq!(stack.post(GOLDEN[0]).await, 403);
    assert!(stack.rows().await.is_empty());
    assert_eq!(stack.get("/quarantine/messages").await.1, json!([]));
}
