//! Several accounts at one listener: the user name tells which account a message is of.

use std::collections::BTreeSet;

use local_stack::Options;
use local_tests::{Log, Stack, options, send_options, simulator, simulator_options};
use platform_simulator::send::{SendOptions, send};
use registration::{AccountName, Api, Credentials, Login, Platform, Registration};
use serde_json::{Value, json};

const FIRST: &str = "0000123456-00001";
const SECOND: &str = "TestAccount-2";

async fn stack() -> Stack {
    let (username, password) = (Some("me".to_owned()), Some("word".to_owned()));
    Stack::with(Options { username, password, ..options() }).await
}

/// A usage report that carries these credentials and has these other members.
fn usage(username: &str, password: &str, members: &Value) -> Vec<u8> {
    let mut body = json!({ "username": username, "password": password, "deviceResponse": { "usageResponse": [] } });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body.to_string().into_bytes()
}

fn device(mdn: &str) -> Value {
    json!({ "requestId": mdn, "deviceIds": [{ "id": mdn, "kind": "mdn" }] })
}

async fn post(stack: &Stack, body: Vec<u8>) -> (u16, String, String) {
    stack.post_to("DeviceUsage", Some("application/json"), body).await
}

#[tokio::test]
async fn a_message_that_states_no_account_is_of_the_account_whose_credentials_it_carries() {
    let stack = stack().await;
    for (username, mdn) in
        [("me-0000123456-00001", "5550100001"), ("me-TestAccount-2", "5550100002"), ("me", "5550100003")]
    {
        assert_eq!(post(&stack, usage(username, "word", &device(mdn))).await.0, 200, "{username}");
    }
    let messages = stack.topic_messages(3).await;
    let found: BTreeSet<_> = messages
        .iter()
        .map(|message| {
            let event = &message["message"];
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let mdn = text(&event["data"]["device"]["identifiers"][0]["value"]).unwrap();
            let accounts = (text(&message["attributes"]["account"]), text(&event["data"]["account"]));
            (mdn, text(&event["source"]).unwrap(), accounts)
        })
        .collect();
    let of = |mdn: &str, source: &str, account: Option<&str>| {
        let account = account.map(str::to_owned);
        (mdn.to_owned(), source.to_owned(), (account.clone(), account))
    };
    let expected = [
        of("5550100001", "/accounts/0000123456-00001", Some(FIRST)),
        of("5550100002", "/accounts/TestAccount-2", Some(SECOND)),
        of("5550100003", "/accounts/unstated", None),
    ];
    assert_eq!(found, expected.into());
}

#[tokio::test]
async fn a_message_that_names_no_device_is_an_event_of_the_account_whose_credentials_it_carries() {
    let stack = stack().await;
    assert_eq!(post(&stack, usage("me-0000123456-00001", "word", &json!({ "requestId": "r" }))).await.0, 200);
    let message = &stack.topic_messages(1).await[0]["message"];
    assert_eq!((&message["subject"], &message["source"]), (&json!(FIRST), &json!("/accounts/0000123456-00001")));
    let rows = stack.rows().await;
    assert!(rows.iter().any(|row| row["pk"].as_s().unwrap() == "ACCOUNT#0000123456-00001"));
}

#[tokio::test]
async fn a_resend_with_the_credentials_of_another_registration_is_a_duplicate() {
    let stack = stack().await;
    for username in ["me", "me-0000123456-00001", "me-TestAccount-2"] {
        assert_eq!(post(&stack, usage(username, "word", &device("5550100001"))).await.0, 200);
    }
    assert_eq!(stack.events("mdn/5550100001").await.len(), 1);
}

#[tokio::test]
async fn a_message_that_states_another_account_than_its_credentials_is_quarantined() {
    let stack = stack().await;
    let stating = |account: &str| {
        let mut members = device("5550100001");
        members["deviceResponse"] = json!({ "usageResponse": [{ "accountName": account }] });
        members
    };
    let (status, _, answer) = post(&stack, usage("me-TestAccount-2", "word", &stating(FIRST))).await;
    assert_eq!(status, 403);
    assert!(answer.contains("INPUT_INVALID.Account.Other"), "{answer}");
    assert!(stack.rows().await.is_empty());
    assert_eq!(stack.quarantined().await.len(), 1);
    for username in ["me-0000123456-00001", "me"] {
        assert_eq!(post(&stack, usage(username, "word", &stating(FIRST))).await.0, 200, "{username}");
    }
    assert_eq!(stack.topic_messages(1).await[0]["attributes"]["account"], FIRST);
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_are_refused_alike() {
    let stack = stack().await;
    let mut answers = BTreeSet::new();
    let wrong = [
        ("me", "wrong"),
        ("me-0000123456-00001", "wrong"),
        ("other", "word"),
        ("mee", "word"),
        ("me-", "word"),
        ("m", "word"),
        ("", "word"),
        ("ME", "word"),
    ];
    for (username, password) in wrong {
        answers.insert(post(&stack, usage(username, password, &device("5550100001"))).await);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers.first().unwrap().0, 401);
    assert!(stack.rows().await.is_empty());
    let reasons: Vec<_> = stack.quarantined().await.into_iter().map(|message| message.reason).collect();
    assert_eq!(reasons.len(), wrong.len());
    assert!(reasons.windows(2).all(|pair| pair[0] == pair[1]), "{reasons:?}");
}

#[tokio::test]
async fn a_callback_with_right_credentials_from_a_new_address_is_refused_like_any_other_but_kept() {
    let (username, password) = (Some("me".to_owned()), Some("word".to_owned()));
    let allow = "137.117.33.109".parse().unwrap();
    let stack = Stack::with(Options { username, password, allow, ..options() }).await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut answers = BTreeSet::new();
    for (username, password, warnings, kept) in
        [("other", "word", 0, 0), ("me", "wrong", 1, 0), ("me-0000123456-00001", "word", 2, 1), ("", "", 2, 1)]
    {
        answers.insert(post(&stack, usage(username, password, &device("5550100001"))).await);
        let log = log.text();
        assert_eq!(log.matches("from an address that is not allowed").count(), warnings, "{username}: {log}");
        assert_eq!(stack.quarantined().await.len(), kept, "{username}");
        assert!(!log.contains("5550100001") && !log.contains("word"), "{log}");
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers.first().unwrap().0, 403);
    assert!(log.text().contains("127.0.0.1"), "the operator needs the address:\n{}", log.text());
    assert!(stack.rows().await.is_empty());
}

#[tokio::test]
async fn callbacks_of_every_registered_account_are_published_with_their_account() {
    let stack = stack().await;
    let usual = simulator_options();
    let login =
        Login { username: usual.username, password: usual.password, key: Some(usual.key), secret: Some(usual.secret) };
    let simulator = simulator().await;
    let client = Platform::new(Api::Rest, &format!("http://{}/api", simulator.address), login).unwrap();
    let credentials = Credentials { username: "me".to_owned(), password: "word".to_owned() };
    let base = "http://127.0.0.1:9001/callbacks";
    for name in [FIRST, SECOND] {
        let account: AccountName = name.parse().unwrap();
        for service in Api::Rest.services() {
            let registration = Registration::below(Api::Rest, account.clone(), service, base, &credentials).unwrap();
            client.register(&registration).await.unwrap();
        }
        let origin = Some(format!("http://{}", stack.local.address).parse().unwrap());
        let options = SendOptions { origin, ..send_options(&simulator, name) };
        let report = send(&options).await.unwrap();
        assert!(report.unacknowledged.is_empty() && report.messages > 20, "{name}: {report}");
    }
    assert!(stack.quarantined().await.is_empty());
    let mut sources = BTreeSet::new();
    for message in stack.all("/topics/messages").await {
        sources.insert(message["message"]["source"].as_str().unwrap().to_owned());
    }
    assert_eq!(sources, [format!("/accounts/{FIRST}"), format!("/accounts/{SECOND}")].into());
}
