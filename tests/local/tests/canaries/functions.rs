//! Callback functions, the publisher and the query function, with working and with failing AWS services.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::sqs::SqsMessage;
use axum::Router;
use axum::response::{IntoResponse, Response};
use callback_redriver::Redriver;
use change_publisher::{Cause, DeadLetters, Invocation, Publisher, Topics};
use credentials::{Cache, CallbackSecret, Credentials};
use device_query::{Name, Page, Query};
use enhanced_connectivity_service::SERVICE;
use http::{Method, StatusCode};
use jiff::Timestamp;
use listener::{AllowedAddresses, CallbackQueue, CallbackRequest, Listener, Metrics, Refusal, Verifier, refuse};
use local_tests::{Stack, aws_config, serve, silent_endpoint, unreachable_endpoint};
use queued_callback::{QueuedBody, QueuedCallback, Verification};
use serde_json::{Value, json};
use store::Store;
use tokio::net::TcpListener;

use super::evidence::Evidence;
use super::messages::Transport;
use super::{FREE_TEXT, IDENTIFIERS, PASSWORD, Place, REQUEST_ID, SMS_TEXT, USERNAME, WRONG_PASSWORD};

/// Shorter than a deployed function's, so that the failures are fast: enough for a queue, and little for the table.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1300);

/// AWS endpoints that fail, each in a way of its own.
struct Failing {
    urls: Vec<String>,
    _silent: TcpListener,
}

impl Failing {
    async fn new() -> Self {
        let (silent, silent_url) = silent_endpoint().await;
        let mut urls = vec![silent_url, unreachable_endpoint().await];
        let answers: [Answer; 6] = [
            |_| error("AccessDeniedException", "denied"),
            |_| (StatusCode::INTERNAL_SERVER_ERROR, "").into_response(),
            // A validation error quotes the value.
            |body| error("ValidationException", &format!("1 validation error detected: Value '{body}' at 'x'")),
            // An answer that is cut off, and one that is not the service's.
            |body| format!("{{\"Responses\": {{\"callbacks\": {body}").into_response(),
            |body| format!("<html>{body}</html>").into_response(),
            |_| error("ThrottlingException", "rate exceeded"),
        ];
        for answer in answers {
            urls.push(serve(Router::new().fallback(move |body: String| async move { answer(&body) })).await);
        }
        Self { urls, _silent: silent }
    }
}

/// Answers a request with this body.
type Answer = fn(&str) -> Response;

fn error(code: &str, message: &str) -> Response {
    let body = json!({ "__type": code, "message": message, "Message": message }).to_string();
    (StatusCode::BAD_REQUEST, [("x-amzn-errortype", code.to_owned())], body).into_response()
}

const PARKED: &str = "http://local/parked-callbacks";
const QUARANTINE: &str = "http://local/quarantined-callbacks";
const DEAD_LETTERS: &str = "http://local/dead-letters";

/// An SQS that accepts everything. Returns its URL and the messages, each with the URL of its queue.
async fn queue() -> (String, Arc<Mutex<Vec<(Value, String)>>>) {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let received = messages.clone();
    let app = Router::new().fallback(move |body: String| async move {
        let request: Value = serde_json::from_str(&body).unwrap();
        if let Some(body) = request["MessageBody"].as_str() {
            received.lock().unwrap().push((request["QueueUrl"].clone(), body.to_owned()));
        }
        axum::Json(json!({ "MessageId": "m" }))
    });
    (serve(app).await, messages)
}

fn config(url: &str) -> aws_config::SdkConfig {
    aws_config(url, RetryConfig::disabled())
}

struct Functions<'a> {
    evidence: &'a Evidence,
    table: aws_sdk_dynamodb::Client,
    queue: String,
    metrics: Metrics,
}

impl Functions<'_> {
    fn listener(&self) -> Listener {
        Listener {
            store: Store::new(self.table.clone(), "callbacks", 0),
            allowed: AllowedAddresses::Any,
            verifier: Verifier::Fixed(Credentials { username: USERNAME.to_owned(), password: PASSWORD.to_owned() }),
            parked: CallbackQueue::new(aws_sdk_sqs::Client::new(&config(&self.queue)), PARKED),
            quarantine: CallbackQueue::new(aws_sdk_sqs::Client::new(&config(&self.queue)), QUARANTINE),
            metrics: self.metrics.clone(),
            answer_timeout: listener::ANSWER_TIMEOUT,
        }
    }

    /// Listeners of which one AWS service fails.
    fn failing(&self, url: &str) -> [Listener; 3] {
        let config = config(url);
        let secret = CallbackSecret::new(aws_sdk_secretsmanager::Client::new(&config), "arn");
        let listener = || Listener { answer_timeout: ANSWER_TIMEOUT, ..self.listener() };
        [
            Listener { store: Store::new(aws_sdk_dynamodb::Client::new(&config), "callbacks", 0), ..listener() },
            Listener {
                parked: CallbackQueue::new(aws_sdk_sqs::Client::new(&config), PARKED),
                quarantine: CallbackQueue::new(aws_sdk_sqs::Client::new(&config), QUARANTINE),
                ..listener()
            },
            Listener { verifier: Verifier::Secret(Box::new(Cache::new(secret))), ..listener() },
        ]
    }

    /// Sends a request. Returns the status.
    async fn send(&self, listener: &Listener, request: CallbackRequest) -> u16 {
        let (answer, outcome) = listener.answer_with_outcome(&SERVICE, request).await;
        if let Err(refusal) = &outcome.result {
            // The text and the cause of a refusal are logged.
            self.evidence.add(Place::Log, format!("{refusal} {refusal:?}"));
        }
        self.evidence.add(Place::Answer, format!("{:?} {}", answer.headers(), answer.body()));
        answer.status().as_u16()
    }
}

fn request(content_type: Option<&str>, body: impl Into<Vec<u8>>) -> CallbackRequest {
    CallbackRequest {
        method: Method::POST,
        source: None,
        content_type: content_type.map(str::to_owned),
        body: body.into().into(),
        received_at: Timestamp::now(),
        waited: Duration::ZERO,
    }
}

pub(super) async fn run(evidence: &Evidence) {
    let (stack, failing) = (Stack::new().await, Failing::new().await);
    let (queue, queued) = queue().await;
    let (lines, metrics) = channel();
    let table = stack.local.table.clone();
    let functions = Functions { evidence, table, queue, metrics: Metrics::Channel(lines) };
    for transport in Transport::ALL {
        callbacks(&functions, transport).await;
        failures(&functions, &failing, transport).await;
    }
    queries(evidence, &stack, &failing).await;
    publisher(evidence, &functions, &failing).await;
    redriver(&functions, &failing).await;

    add_metrics(evidence, &metrics);
    for (queue, message) in queued.lock().unwrap().iter() {
        if queue == DEAD_LETTERS {
            evidence.add(Place::DeadLetters, message.clone());
            continue;
        }
        let place = if queue == PARKED { Place::Parked } else { Place::Quarantine };
        evidence.add(place, message.clone());
        // A message of the queue of parked callbacks that is malformed is quarantined unchanged.
        if let Ok(callback) = QueuedCallback::from_message(message) {
            evidence.add(place, String::from_utf8_lossy(callback.body()));
            evidence.add(Place::Log, format!("{:?}", callback.body));
        }
    }
    stack.rows().await.iter().for_each(|row| evidence.add(Place::Table, format!("{row:?}")));
    // The stream takes a moment. Every message of both transports is published, and the part that fits.
    for _ in 0..200 {
        if stack.all("/topics/messages").await.len() >= 7 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    stack.all("/topics/messages").await.iter().for_each(|message| evidence.add(Place::Topic, message.to_string()));
}

pub(super) fn add_metrics(evidence: &Evidence, lines: &Receiver<String>) {
    let lines: Vec<_> = lines.try_iter().collect();
    assert!(!lines.is_empty());
    lines.into_iter().for_each(|line| evidence.add(Place::Metrics, line));
}

/// Accepted and refused callbacks, while AWS works.
async fn callbacks(functions: &Functions<'_>, transport: Transport) {
    let listener = functions.listener();
    let (message, content_type) = (transport.message(""), Some(transport.content_type()));
    for _ in 0..2 {
        assert_eq!(functions.send(&listener, request(content_type, message.clone())).await, 200);
    }
    for message in [transport.sms(), transport.failure()] {
        assert_eq!(functions.send(&listener, request(content_type, message)).await, 200);
    }
    let oversized = transport.message(&"x".repeat(600_000));
    assert_eq!(functions.send(&listener, request(content_type, oversized)).await, 413);
    if let Some(body) = transport.oversized_part() {
        assert_eq!(functions.send(&listener, request(content_type, body)).await, 200);
    }

    for wrong in [
        message.replace(PASSWORD, WRONG_PASSWORD),
        message.replace(USERNAME, WRONG_PASSWORD),
        message.replace(PASSWORD, ""),
    ] {
        assert_eq!(functions.send(&listener, request(content_type, wrong)).await, 401);
    }
    for (content_type, body) in transport.refused() {
        let status = functions.send(&listener, request(content_type, body.clone())).await;
        let start = String::from_utf8_lossy(&body).chars().take(500).collect::<String>();
        assert!((400..500).contains(&status), "{status} {content_type:?} {start}");
    }
    assert_eq!(functions.send(&listener, request(content_type, "")).await, 400);
    let get = CallbackRequest { method: Method::GET, ..request(content_type, message.clone()) };
    assert_eq!(functions.send(&listener, get).await, 405);
    let elsewhere = Listener { allowed: "192.0.2.1".parse().unwrap(), ..functions.listener() };
    assert_eq!(functions.send(&elsewhere, request(content_type, message.clone())).await, 403);
    assert!(other_services::service(&format!("{PASSWORD} {SMS_TEXT}")).is_none());
    let unknown = refuse(&request(content_type, message), &Refusal::UnknownService);
    functions.evidence.add(Place::Answer, format!("{:?} {}", unknown.headers(), unknown.body()));
}

/// The same callbacks, while one AWS service fails.
async fn failures(functions: &Functions<'_>, failing: &Failing, transport: Transport) {
    let (message, content_type) = (transport.message(""), Some(transport.content_type()));
    let wrong = message.replace(PASSWORD, WRONG_PASSWORD);
    // Waiting for the silent endpoint takes seconds, so it is done once.
    let skipped = usize::from(transport == Transport::Rest);
    for url in failing.urls.iter().skip(skipped) {
        let [no_table, no_queue, no_secret] = functions.failing(url);
        for listener in [&no_table, &no_secret] {
            tokio::time::timeout(ANSWER_TIMEOUT, listener.warm_up()).await.ok();
            assert_eq!(functions.send(listener, request(content_type, message.clone())).await, 200, "{url}");
        }
        let no_table = Listener { parked: no_queue.parked.clone(), ..no_table };
        assert_eq!(functions.send(&no_table, request(content_type, message.clone())).await, 503, "{url}");
        assert_eq!(functions.send(&no_queue, request(content_type, wrong.clone())).await, 503, "{url}");
        let half = message[..message.len() / 2].to_owned();
        assert_eq!(functions.send(&no_queue, request(content_type, half)).await, 503, "{url}");
        let oversized = transport.message(&"y".repeat(600_000));
        assert_eq!(functions.send(&no_queue, request(content_type, oversized)).await, 503, "{url}");
    }
}

/// Parked callbacks that can be recorded, that cannot yet, and that never can.
async fn redriver(functions: &Functions<'_>, failing: &Failing) {
    let [soap, rest] = Transport::ALL.map(|transport| transport.message(""));
    let parked = |service: &str, body: &str, verification: Verification| QueuedCallback {
        service: service.to_owned(),
        received_at: Timestamp::now(),
        reason: "a test".to_owned(),
        verification,
        content_type: None,
        source: None,
        piece: None,
        body: QueuedBody::new(body.to_owned()),
    };
    let verified = || Verification::Verified { account: None, parts: None };
    let right = parked(&SERVICE.name, &soap, verified()).to_message().unwrap();
    let messages = [
        parked(&SERVICE.name, &rest, Verification::Unverified),
        parked(&SERVICE.name, &rest.replace(PASSWORD, WRONG_PASSWORD), Verification::Unverified),
        parked(&SERVICE.name, &soap[..soap.len() / 2], verified()),
        parked(&format!("{SMS_TEXT} {FREE_TEXT}"), &soap, verified()),
    ];
    let bodies = messages.iter().map(|callback| callback.to_message().unwrap());
    let sqs_messages = |bodies: Vec<String>| {
        let message = |(number, body): (usize, String)| {
            let mut message = SqsMessage::default();
            (message.message_id, message.body) = (Some(number.to_string()), Some(body));
            message
        };
        bodies.into_iter().enumerate().map(message).collect::<Vec<_>>()
    };
    let malformed = format!("{{\"service\": \"{SMS_TEXT}\", \"reason\": {PASSWORD}");
    let bodies: Vec<_> = bodies.chain([right, malformed]).collect();
    // Without the first and the last endpoint, which are silent and throttle: an attempt would take 20 s.
    let last = failing.urls.len() - 1;
    for url in failing.urls[1..last].iter().chain([&functions.queue]) {
        let [no_table, no_queue, no_secret] = functions.failing(url);
        for listener in [no_table, no_queue, no_secret, functions.listener()] {
            let sqs = aws_sdk_sqs::Client::new(&config(url));
            let redriver = Redriver { listener: Arc::new(listener), sqs, queue_url: PARKED.to_owned() };
            // Alone, since a table that fails ends the batch.
            for body in &bodies {
                let response = redriver.redrive(sqs_messages(vec![body.clone()])).await;
                functions.evidence.add(Place::FunctionResult, format!("{response:?}"));
            }
            redriver.redrive(sqs_messages(bodies.clone())).await;
        }
    }
}

/// What the query API answers and logs.
async fn queries(evidence: &Evidence, stack: &Stack, failing: &Failing) {
    let page = |after: Option<&str>| Page { after: after.map(str::to_owned), limit: None };
    let mut queries = vec![
        Query::Request(REQUEST_ID.to_owned(), page(None)),
        Query::Request(SMS_TEXT.to_owned(), page(Some(SMS_TEXT))),
    ];
    for (kind, value) in IDENTIFIERS {
        let name = || Name { kind: kind.to_owned(), value: value.to_owned() };
        queries.push(Query::Device(name()));
        queries.push(Query::Events(name(), page(None)));
    }
    for query in queries {
        let answer = device_query::answer(&stack.store(), &query).await;
        evidence.add(Place::QueryAnswer, format!("{:?} {}", answer.headers(), answer.body()));
        for url in failing.urls.iter().skip(1) {
            let store = Store::new(aws_sdk_dynamodb::Client::new(&config(url)), "callbacks", 0);
            let answer = device_query::answer(&store, &query).await;
            assert!(!answer.status().is_success(), "{}", answer.body());
            // A failed query must not answer with anything.
            evidence.add(Place::Answer, format!("{:?} {}", answer.headers(), answer.body()));
        }
    }
}

/// Events that cannot be published, and records that are none.
async fn publisher(evidence: &Evidence, functions: &Functions<'_>, failing: &Failing) {
    let (_, mdn) = IDENTIFIERS[0];
    let devices: Vec<Value> = IDENTIFIERS.iter().map(|(kind, id)| json!({ "kind": kind, "id": id })).collect();
    let event = json!({
        "id": "e", "device": "d", "sequence": 1, "service": "ExternalProvisioningChanges", "change": FREE_TEXT,
        "requestId": REQUEST_ID, "receivedAt": "2026-01-01T00:00:00Z", "changes": [],
        "devices": devices, "payload": { "text": SMS_TEXT }, "unknown": {},
    });
    let recorded = json!({ "event": event, "account": "A", "device": null }).to_string();
    let images = [
        json!({ "event": { "S": recorded } }),
        json!({ "event": { "S": recorded[..recorded.len() / 2] } }),
        json!({ "event": { "S": recorded.replace("\"sequence\":1", &format!("\"sequence\":\"{mdn}\"")) } }),
        json!({ "event": { "N": mdn } }),
        json!({ "event": { "SS": [mdn, SMS_TEXT] } }),
        json!({ "events": { "S": recorded } }),
    ];
    let record = |image: &Value| -> EventRecord {
        let change = json!({ "Keys": {}, "NewImage": image, "SequenceNumber": "1", "SizeBytes": 1,
                             "ApproximateCreationDateTime": 1.0 });
        serde_json::from_value(
            json!({ "awsRegion": "local", "eventID": "e", "eventName": "INSERT", "dynamodb": change }),
        )
        .unwrap()
    };
    let topic = |name: &str| format!("arn:aws:sns:local:000000000000:{name}");
    for url in failing.urls.iter().skip(1) {
        let topics = Topics { provisioning_changes: topic("changes"), device_events: topic("events") };
        for queue in [url, &functions.queue] {
            let dead_letters =
                DeadLetters { sqs: aws_sdk_sqs::Client::new(&config(queue)), queue_url: DEAD_LETTERS.to_owned() };
            let sns = aws_sdk_sns::Client::new(&config(url));
            let publisher = Publisher { sns, topics: topics.clone(), dead_letters };
            for image in &images {
                for records in [vec![record(image)], vec![record(&images[0]), record(image)]] {
                    let published = publisher.publish(Invocation { records, cause: Cause::Stream }).await;
                    evidence.add(Place::FunctionResult, format!("{published:?}"));
                    if let Err(error) = published {
                        evidence.add(Place::FunctionResult, error.to_string());
                    }
                }
            }
        }
    }
}
