//! Callbacks that cannot be recorded when they come: parked, redriven, and recorded at their own time of receipt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_lambda_events::sqs::SqsMessage;
use callback_redriver::Redriver;
use credentials::{Cache, CallbackSecret, Credentials};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use listener::{AllowedAddresses, CallbackQueue, CallbackRequest, Listener, Metrics, Verifier};
use local_stack::Options;
use local_tests::{GOLDEN, Stack, aws_config, options, serve, silent_endpoint, unreachable_endpoint};
use queued_callback::{QueuedBody, QueuedCallback, Verification};
use serde_json::{Value, json};
use store::Store;
use tokio::time::{Instant, timeout};

const PARKED: &str = "parked-callbacks";
const QUARANTINE: &str = "quarantined-callbacks";

fn client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&aws_config(endpoint, RetryConfig::disabled()))
}

/// A listener with this table whose queues are those of a stack.
fn listener(stack: &Stack, table: aws_sdk_dynamodb::Client, verifier: Verifier) -> Listener {
    Listener {
        store: Store::new(table, "callbacks", 0),
        allowed: AllowedAddresses::Any,
        verifier,
        parked: stack.queue(PARKED),
        quarantine: stack.queue(QUARANTINE),
        metrics: Metrics::Off,
        answer_timeout: listener::ANSWER_TIMEOUT,
    }
}

fn request(body: &str) -> CallbackRequest {
    CallbackRequest {
        method: Method::POST,
        source: None,
        content_type: None,
        body: body.to_owned().into(),
        received_at: Timestamp::now(),
        waited: Duration::ZERO,
    }
}

async fn post(listener: &Listener, service: &str, body: &str) -> u16 {
    let service = registry::service(service).unwrap();
    listener.answer(&service, request(body)).await.status().as_u16()
}

/// A message of a queue, as its event source mapping passes it on.
fn message(number: usize, body: String) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(number.to_string());
    message.body = Some(body);
    message
}

fn queued(service: &str, body: &str, received_at: Timestamp) -> QueuedCallback {
    QueuedCallback {
        service: service.to_owned(),
        received_at,
        reason: "a test".to_owned(),
        verification: Verification::Verified { parts: None, account: None },
        content_type: None,
        source: None,
        piece: None,
        body: QueuedBody::new(body.to_owned()),
    }
}

fn redriver(stack: &Stack) -> Redriver {
    let sqs =
        aws_sdk_sqs::Client::new(&aws_config(&format!("http://{}", stack.local.address), RetryConfig::disabled()));
    let listener = listener(stack, stack.local.table.clone(), Verifier::AcceptAny);
    Redriver { listener: Arc::new(listener), sqs, queue_url: format!("http://local/{PARKED}") }
}

/// The numbers of the messages that stay in the queue.
async fn remaining(redriver: &Redriver, callbacks: impl IntoIterator<Item = QueuedCallback>) -> Vec<String> {
    let callbacks = callbacks.into_iter().enumerate();
    let messages = callbacks.map(|(number, callback)| message(number, callback.to_message().unwrap())).collect();
    let response = redriver.redrive(messages).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

async fn wait_for_device(stack: &Stack, identifier: &str) -> Value {
    for _ in 0..200 {
        let (status, device) = stack.get(&format!("/devices/{identifier}")).await;
        if status == 200 {
            return device;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{identifier} is not recorded");
}

#[tokio::test]
async fn a_callback_that_the_table_does_not_take_is_parked_and_recorded_at_its_time_of_receipt() {
    let (_listen, silent) = silent_endpoint().await;
    let denied = (http::StatusCode::BAD_REQUEST, r#"{"__type":"AccessDeniedException","message":"denied"}"#);
    let denying = serve(axum::Router::new().fallback(async move || denied)).await;
    for table in [silent, unreachable_endpoint().await, denying] {
        let stack = Stack::new().await;
        let listener = listener(&stack, client(&table), Verifier::AcceptAny);
        let before = Timestamp::now();
        let answer = timeout(Duration::from_secs(4), post(&listener, "ExternalProvisioningChanges", GOLDEN[0])).await;
        assert_eq!(answer, Ok(200));
        let after = Timestamp::now();
        let device = wait_for_device(&stack, "mdn/2300329133").await;
        assert_eq!(device["version"], 1);
        let received_at: Timestamp =
            stack.events("mdn/2300329133").await[0]["receivedAt"].as_str().unwrap().parse().unwrap();
        assert!(before <= received_at && received_at <= after, "{received_at}");
        assert!(stack.parked().await.is_empty());
        stack.topic_messages(1).await;
    }
}

/// Forwards to the engine, but throttles every transaction from this one on.
async fn throttled_from(stack: &Stack, first: usize) -> String {
    let engine = format!("http://{}", stack.local.dynamodb);
    let (client, transactions) = (reqwest::Client::new(), Arc::new(AtomicUsize::new(0)));
    let forward = async move |headers: http::HeaderMap, body: String| {
        let is_transaction = headers["x-amz-target"].to_str().unwrap().ends_with("TransactWriteItems");
        if is_transaction && transactions.fetch_add(1, Ordering::Relaxed) >= first {
            let error = r#"{"__type":"ThrottlingException","message":"too fast"}"#;
            return (http::StatusCode::BAD_REQUEST, error.to_owned());
        }
        let response = client.post(&engine).headers(headers).body(body).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    serve(axum::Router::new().fallback(forward)).await
}

#[tokio::test]
async fn of_a_message_that_is_recorded_in_part_the_rest_is_parked() {
    let stack = Stack::new().await;
    let item = |number| json!({ "deviceIds": [{ "id": format!("55501{number:05}"), "kind": "mdn" }], "bytesUsed": 1 });
    let items: Vec<Value> = (0..60).map(item).collect();
    let body = json!({ "deviceResponse": { "usageResponse": items }, "status": "Success" }).to_string();

    // A stack without a redriver of its own would show the parked message, so the queue is one that no one reads.
    let mut listener = listener(&stack, client(&throttled_from(&stack, 2).await), Verifier::AcceptAny);
    listener.parked = stack.queue("unread");
    assert_eq!(post(&listener, "DeviceUsage", &body).await, 200);
    let recorded: Vec<usize> = recorded_among(&stack, 60).await;
    assert!(!recorded.is_empty() && recorded.len() < 60, "{recorded:?}");

    let config = aws_config(&format!("http://{}", stack.local.address), RetryConfig::disabled());
    let received = aws_sdk_sqs::Client::new(&config).receive_message().queue_url("http://local/unread").send().await;
    let parked = QueuedCallback::from_message(received.unwrap().messages()[0].body().unwrap()).unwrap();
    let missing: Vec<usize> = (0..60).filter(|number| !recorded.contains(number)).collect();
    let Verification::Verified { parts: Some(mut parts), .. } = parked.verification.clone() else {
        panic!("{parked:?}")
    };
    parts.sort_unstable();
    assert_eq!(parts, missing);

    assert!(remaining(&redriver(&stack), [parked]).await.is_empty());
    assert_eq!(recorded_among(&stack, 60).await.len(), 60);
    for number in [0, 59] {
        assert_eq!(stack.events(&format!("mdn/55501{number:05}")).await.len(), 1, "each once, without a request id");
    }
}

async fn recorded_among(stack: &Stack, devices: usize) -> Vec<usize> {
    let mut recorded = Vec::new();
    for number in 0..devices {
        if stack.get(&format!("/devices/mdn/55501{number:05}")).await.0 == 200 {
            recorded.push(number);
        }
    }
    recorded
}

#[tokio::test]
async fn without_readable_credentials_a_callback_is_parked_unverified_and_verified_before_it_is_recorded() {
    let stack = Stack::with(Options {
        username: Some("platform".to_owned()),
        password: Some("secret-1".to_owned()),
        ..options()
    })
    .await;
    let (_listen, silent) = silent_endpoint().await;
    for secrets in [silent, unreachable_endpoint().await] {
        let secrets = aws_sdk_secretsmanager::Client::new(&aws_config(&secrets, RetryConfig::disabled()));
        let verifier = Verifier::Secret(Box::new(Cache::new(CallbackSecret::new(secrets, "arn"))));
        let listener = listener(&stack, stack.local.table.clone(), verifier);
        let body = |password: &str, mdn: &str| {
            json!({ "requestId": mdn, "username": "platform", "password": password,
                    "deviceIds": [{ "id": mdn, "kind": "mdn" }], "deviceResponse": { "restoreResponse": {} } })
            .to_string()
        };
        let answer = async |password, mdn| {
            timeout(Duration::from_secs(4), post(&listener, "CarrierService", &body(password, mdn))).await
        };
        assert_eq!(answer("wrong", "5550100002").await, Ok(200));
        assert_eq!(answer("secret-1", "5550100001").await, Ok(200));
        wait_for_device(&stack, "mdn/5550100001").await;
        for _ in 0..100 {
            if stack.parked().await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(stack.get("/devices/mdn/5550100002").await.0, 404);
    }
    let quarantined = stack.quarantined().await;
    assert_eq!(quarantined.len(), 2);
    for callback in quarantined {
        assert_eq!(callback.verification, Verification::Unverified);
        assert_eq!(callback.reason, "The user name or password is not the registered one.");
    }
}

#[tokio::test]
async fn a_parked_callback_overwrites_nothing_newer_and_is_recorded_once_however_often_it_is_delivered() {
    let stack = Stack::new().await;
    let state = |name: &str| {
        json!({ "deviceIds": [{ "id": "5550100001", "kind": "mdn" }],
                "deviceResponse": { "goToStateResponse": { "stateName": name } } })
        .to_string()
    };
    let now = Timestamp::now();
    let older = queued("StateService", &state("older"), now - SignedDuration::from_mins(10));
    let newer = queued("StateService", &state("newer"), now);
    let redriver = redriver(&stack);
    for batch in [vec![newer.clone(), older.clone()], vec![older.clone()], vec![newer, older]] {
        assert!(remaining(&redriver, batch).await.is_empty());
    }
    assert_eq!(stack.device("mdn/5550100001").await["customState"]["values"]["stateName"], "newer");
    assert_eq!(stack.events("mdn/5550100001").await.len(), 2);
}

#[tokio::test]
async fn equal_messages_without_a_request_id_are_recorded_once_each_however_often_the_queue_delivers_them() {
    let stack = Stack::new().await;
    let now = Timestamp::now();
    let sent = |second, count: u32| {
        let device = [json!({ "id": "5550100001", "kind": "mdn" })];
        let sms = json!({ "deviceIds": device, "smsMessage": "on", "callbackCount": count });
        queued("EnhancedConnectivityService", &sms.to_string(), now + SignedDuration::from_secs(second))
    };
    let redriver = redriver(&stack);
    let (first, second, third, resent) = (sent(0, 1), sent(1, 1), sent(20, 1), sent(10, 2));
    for batch in [
        vec![first.clone(), second.clone(), third.clone()],
        vec![first.clone()],
        vec![third.clone(), second.clone()],
        // Older than the last one, but with a higher counter, and too late to be a resend.
        vec![resent.clone()],
        vec![third],
        vec![first, resent, second],
    ] {
        assert!(remaining(&redriver, batch).await.is_empty());
    }
    assert_eq!(stack.events("mdn/5550100001").await.len(), 4);
}

#[tokio::test]
async fn a_parked_callback_that_can_never_be_recorded_is_quarantined_and_does_not_stop_the_others() {
    let stack = Stack::new().await;
    let now = Timestamp::now();
    let parked = [
        queued("No Service", "{}", now),
        queued("DeviceUsage", "{broken", now),
        queued("ExternalProvisioningChanges", GOLDEN[0], now),
    ];
    let redriver = redriver(&stack);
    assert!(remaining(&redriver, parked).await.is_empty());
    assert!(redriver.redrive(vec![message(9, "no callback".to_owned())]).await.batch_item_failures.is_empty());
    assert_eq!(stack.device("mdn/2300329133").await["version"], 1);
    let quarantined = stack.get("/quarantine/messages").await.1;
    let reasons: Vec<_> = quarantined.as_array().unwrap().iter().map(|message| &message["reason"]).collect();
    assert_eq!(
        reasons,
        [
            &json!("There is no callback service of this name."),
            &json!("The JSON is not well-formed (line 1, column 2)."),
            &Value::Null
        ]
    );
    assert_eq!(quarantined[2]["message"], "no callback");
}

#[tokio::test]
async fn while_the_table_is_unreachable_a_batch_stays_in_the_queue_after_one_attempt() {
    let stack = Stack::new().await;
    let mut redriver = redriver(&stack);
    let table = client(&unreachable_endpoint().await);
    redriver.listener = Arc::new(listener(&stack, table, Verifier::AcceptAny));
    let parked = (0..10).map(|_| queued("ExternalProvisioningChanges", GOLDEN[0], Timestamp::now()));
    assert_eq!(remaining(&redriver, parked).await.len(), 10);
    assert!(stack.quarantined().await.is_empty());
}

#[tokio::test]
async fn after_a_slow_start_the_first_answer_comes_within_three_seconds() {
    let (_listen, silent) = silent_endpoint().await;
    let config = aws_config(&silent, RetryConfig::disabled());
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let queue = |name: &str| CallbackQueue::new(aws_sdk_sqs::Client::new(&config), name);
    let listener = Listener {
        store: Store::new(client(&silent), "callbacks", 0),
        allowed: AllowedAddresses::Any,
        verifier: Verifier::Secret(Box::new(Cache::new(CallbackSecret::new(secrets, "arn")))),
        parked: queue(PARKED),
        quarantine: queue(QUARANTINE),
        metrics: Metrics::Off,
        answer_timeout: listener::ANSWER_TIMEOUT,
    };
    // Time passes only while everything waits, so that a slow machine does not change the result.
    tokio::time::pause();
    let started = Instant::now();
    listener.warm_up().await;
    let service = registry::service("ExternalProvisioningChanges").unwrap();
    let request = CallbackRequest { waited: started.elapsed(), ..request(GOLDEN[0]) };
    let answer = listener.answer(&service, request).await;
    assert_eq!(answer.status(), 503, "neither the table nor the queue answers");
    assert!(started.elapsed() <= Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_parked_callback_is_of_the_account_whose_credentials_it_carried() {
    let stack = Stack::new().await;
    let expected = Credentials { username: "me".to_owned(), password: "word".to_owned() };
    let listener = listener(&stack, client(&unreachable_endpoint().await), Verifier::Fixed(expected));
    let body = json!({
        "username": "me-0000123456-00001",
        "password": "word",
        "deviceIds": [{ "id": "5550100123", "kind": "mdn" }],
        "deviceResponse": { "usageResponse": [] },
    });
    assert_eq!(post(&listener, "DeviceUsage", &body.to_string()).await, 200);
    wait_for_device(&stack, "mdn/5550100123").await;
    let message = &stack.topic_messages(1).await[0];
    assert_eq!(message["message"]["source"], "/accounts/0000123456-00001");
}

#[tokio::test]
async fn wrong_credentials_are_those_of_the_time_of_the_redrive() {
    let stack = Stack::new().await;
    let mut redriver = redriver(&stack);
    let expected = Credentials { username: "platform".to_owned(), password: "new".to_owned() };
    redriver.listener = Arc::new(listener(&stack, stack.local.table.clone(), Verifier::Fixed(expected)));
    let callback = queued("ExternalProvisioningChanges", GOLDEN[0], Timestamp::now());
    let unverified = QueuedCallback { verification: Verification::Unverified, ..callback.clone() };
    assert!(remaining(&redriver, [unverified]).await.is_empty());
    assert!(stack.rows().await.is_empty());
    assert_eq!(stack.quarantined().await.len(), 1);
    assert!(remaining(&redriver, [callback]).await.is_empty());
    assert_eq!(stack.device("mdn/2300329133").await["version"], 1, "verified when it was received");
}
