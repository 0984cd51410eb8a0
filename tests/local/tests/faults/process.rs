//! A process of a callback function or of the redriver, and what it leaves behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use callback_redriver::Redriver;
use device::CallbackService;
use http::Method;
use jiff::Timestamp;
use listener::{AWS_TIMEOUT, CallbackRequest, Listener, Metrics, QUEUE_TIMEOUT, Settings};
use local_tests::{Cloud, Connections, Row, TABLE, identifier_xml, provisioning_change};
use queued_callback::QueuedCallback;
use serde_json::{Value, json};
use settings::Variables;
use tokio::time::Instant;

const SECRET: &str = "arn:callback-credentials";
pub(crate) const PARKED: &str = "https://sqs/parked-callbacks";
pub(crate) const QUARANTINE: &str = "https://sqs/quarantined-callbacks";

/// The service names of DynamoDB and of Secrets Manager in requests.
pub(crate) const DYNAMODB: &str = "DynamoDB_20120810";
pub(crate) const SECRETS_MANAGER: &str = "secretsmanager";

/// Longer than a callback function waits, and until after a resend.
pub(crate) const LATE: Duration = Duration::from_secs(6);

/// When the callbacks under test are received.
const RECEIVED: i64 = 1_800_000_000;

/// This long after the callback under test was received.
pub(crate) fn at(later: Duration) -> Timestamp {
    Timestamp::from_second(RECEIVED).unwrap() + later
}

/// Before the callback under test was received.
pub(crate) fn earlier() -> Timestamp {
    Timestamp::from_second(RECEIVED - 60).unwrap()
}

/// A message to a callback function.
#[derive(Clone)]
pub(crate) struct Callback {
    pub(crate) service: &'static CallbackService,
    pub(crate) body: String,
}

/// A REST message with the right credentials.
pub(crate) fn rest(service: &'static CallbackService, mut message: Value) -> Callback {
    message["username"] = json!("platform");
    message["password"] = json!("right");
    message["status"] = json!("Success");
    Callback { service, body: message.to_string() }
}

pub(crate) fn usage(request: &str, items: &[Value]) -> Callback {
    rest(
        &device_usage::SERVICE,
        json!({ "requestId": request, "deviceResponse": { "usageResponse": items }, "callbackCount": 1 }),
    )
}

pub(crate) fn usage_of(device: usize, bytes: usize) -> Value {
    let imei = json!({ "id": format!("35000000{device:07}"), "kind": "imei" });
    let mdn = json!({ "id": format!("55501{device:05}"), "kind": "mdn" });
    json!({ "deviceIds": [imei, mdn], "bytesUsed": bytes })
}

/// A snapshot of a device with this meid and mdn.
pub(crate) fn snapshot(request: &str, change: &str, state: &str, meid: &str, mdn: &str) -> Callback {
    let credentials = "<Username>platform</Username><Password>right</Password>";
    let identifiers = [("meid", meid), ("mdn", mdn)];
    let identifiers = identifiers.map(|(kind, value)| identifier_xml("DeviceIdentifiers", kind, value)).concat();
    let state = format!("<CarrierInformation><State>{state}</State></CarrierInformation>");
    let device = format!("<AccountName>A</AccountName>{state}{identifiers}");
    let envelope = format!("{credentials}<RequestId>{request}</RequestId>");
    let body = provisioning_change(&envelope, change, &device);
    Callback { service: &external_provisioning_changes::SERVICE, body }
}

/// AWS with the callback credentials.
pub(crate) fn cloud() -> Arc<Cloud> {
    let cloud = Arc::new(Cloud::default());
    let credentials = json!({ "username": "platform", "password": "right" });
    cloud.state().add_version(SECRET, "first", &credentials.to_string(), &["AWSCURRENT"], 0.0);
    cloud
}

/// A process of a callback function, or of the redriver.
pub(crate) struct Process {
    pub(crate) connections: Connections,
    started: Instant,
    redriver: Redriver,
}

impl Process {
    /// A new process. Nothing goes wrong in it yet.
    pub(crate) async fn start(cloud: &Arc<Cloud>) -> Self {
        let connections = Connections::new(cloud, LATE);
        let variable = |name: &str| {
            let value = match name {
                "STACK_NAME" => "cb",
                "TABLE_NAME" => TABLE,
                "CREDENTIALS_SECRET_ARN" => SECRET,
                "ALLOWED_ADDRESSES" => "any",
                "PARKED_QUEUE_URL" => PARKED,
                "QUARANTINE_QUEUE_URL" => QUARANTINE,
                _ => return None,
            };
            Some(value.to_owned())
        };
        let settings = Settings::read(&Variables::new(&variable)).unwrap();
        let (aws, queues) = (connections.config(AWS_TIMEOUT).await, connections.config(QUEUE_TIMEOUT).await);
        let mut listener = Listener::new(settings, &aws, &queues);
        listener.metrics = Metrics::Off;
        let redriver = Redriver {
            listener: Arc::new(listener),
            sqs: aws_sdk_sqs::Client::new(&queues),
            queue_url: PARKED.to_owned(),
        };
        Self { connections, started: Instant::now(), redriver }
    }

    /// Starts up as a callback function does. `None` if it is killed.
    pub(crate) async fn warm_up(&self) -> Option<()> {
        self.connections.run(self.redriver.listener.warm_up()).await
    }

    /// The status of the answer to a callback, or `None` if the process is killed before. `cold` if the sender has waited
    /// since the process was started.
    pub(crate) async fn answer(&self, callback: &Callback, received_at: Timestamp, cold: bool) -> Option<u16> {
        let request = CallbackRequest {
            method: Method::POST,
            source: None,
            content_type: None,
            body: callback.body.clone().into(),
            received_at,
            waited: if cold { self.started.elapsed() } else { Duration::ZERO },
        };
        let answer = self.connections.run(self.redriver.listener.answer(callback.service, request)).await;
        answer.map(|answer| answer.status().as_u16())
    }

    /// Delivers all messages of the queue of parked callbacks to the redriver, once. Returns whether all were processed;
    /// those that were are deleted. `None` if the process is killed before that.
    pub(crate) async fn redrive(&self, cloud: &Cloud) -> Option<bool> {
        let parked = cloud.state().queues.remove(PARKED).unwrap_or_default();
        let message = |(number, message): (usize, &Value)| {
            let mut delivered = SqsMessage::default();
            delivered.message_id = Some(number.to_string());
            delivered.receipt_handle = Some(number.to_string());
            delivered.body = Some(message.to_string());
            delivered
        };
        let messages = parked.iter().enumerate().map(message).collect();
        let response = self.connections.run(self.redriver.redrive(messages)).await;
        let failed = response.as_ref().map(|response| {
            let failures = response.batch_item_failures.iter();
            failures.map(|failure| failure.item_identifier.parse().unwrap()).collect::<BTreeSet<usize>>()
        });
        let remains = |number: &usize| failed.as_ref().is_none_or(|failed| failed.contains(number));
        let remaining =
            parked.into_iter().enumerate().filter(|(number, _)| remains(number)).map(|(_, message)| message);
        cloud.state().queues.entry(PARKED.to_owned()).or_default().splice(0..0, remaining);
        failed.map(|failed| failed.is_empty())
    }
}

/// What is left of a run: the rows of the table, and the bodies in the quarantine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) rows: BTreeSet<Row>,
    pub(crate) quarantined: BTreeSet<String>,
}

impl Kept {
    /// What AWS holds, with these times replaced by that of the callback under test. What then is no change is left out
    /// of the events: of two parts about one device, the first may be recorded at once and the second by a resend.
    pub(crate) fn of(cloud: &Cloud, times: &[Timestamp]) -> Self {
        let original = at(Duration::ZERO).to_string();
        let row = |row: Row| -> Row {
            let attributes = row.into_iter().filter(|(name, _)| name != "expiresAt" && name != "receivedAt");
            let with_time =
                |text: String| times.iter().fold(text, |text, time| text.replace(&time.to_string(), &original));
            let mut row: Row = attributes.map(|(name, value)| (name, with_time(value))).collect();
            if let Some(event) = row.get_mut("event") {
                let mut recorded: Value = serde_json::from_str(event).unwrap();
                let changes = recorded["event"]["changes"].as_array_mut().unwrap();
                changes.retain(|change| change["before"] != change["after"]);
                *event = recorded.to_string();
            }
            row
        };
        let rows = cloud.rows(TABLE).into_iter().map(row).collect();
        let quarantined = queued(cloud, QUARANTINE).iter().map(body).collect();
        Self { rows, quarantined }
    }

    /// Asserts that it is this.
    pub(crate) fn assert_is(&self, expected: &Self, context: &str) {
        let difference = |these: &Self, others: &Self| -> Vec<String> {
            let rows = these.rows.difference(&others.rows).map(|row| format!("{row:?}").chars().take(600).collect());
            let bodies = these.quarantined.difference(&others.quarantined);
            rows.chain(bodies.map(|body| body.chars().take(300).collect())).take(3).collect()
        };
        let (missing, unexpected) = (difference(expected, self), difference(self, expected));
        assert!(self == expected, "{context}:\n  missing: {missing:#?}\n  unexpected: {unexpected:#?}");
    }
}

/// The callbacks in a queue.
pub(crate) fn queued(cloud: &Cloud, queue: &str) -> Vec<QueuedCallback> {
    let state = cloud.state();
    let messages = state.queues.get(queue).into_iter().flatten();
    messages.map(|message| QueuedCallback::from_message(&message.to_string()).unwrap()).collect()
}

fn body(callback: &QueuedCallback) -> String {
    String::from_utf8(callback.body().to_vec()).unwrap()
}
