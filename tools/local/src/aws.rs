//! An endpoint for SNS and SQS with the actions that the functions and the command line use. It keeps the messages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use change_publisher::{DeadLetters, Publisher, Topics};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::messages::Messages;
use super::queues::{DEAD_LETTERS, Queues, Received};
use cli_support::log_line;

/// The URL of a queue is this and its name.
pub const QUEUES: &str = "http://local/";

const TOPICS: &str = "arn:aws:sns:local:000000000000:";

/// The running endpoint.
pub(super) struct Endpoint {
    url: String,
}

/// What the endpoint keeps messages in.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) messages: Arc<Messages>,
    pub(super) queues: Arc<Queues>,
    pub(super) quiet: bool,
}

impl Endpoint {
    pub(super) async fn start(shared: Shared, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let listen = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listen.local_addr()?);
        let app = Router::new().fallback(call).with_state(shared);
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listen, app).await {
                eprintln!("The SNS and SQS endpoint stopped: {error}");
            }
        });
        Ok(Self { url })
    }

    /// The publisher, with unmodified clients of SNS and SQS.
    pub(super) fn publisher(&self) -> Publisher {
        let configuration = aws_sdk_sns::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(&self.url)
            .build();
        Publisher {
            sns: aws_sdk_sns::Client::from_conf(configuration),
            topics: Topics {
                provisioning_changes: format!("{TOPICS}provisioning-changes"),
                device_events: format!("{TOPICS}device-events"),
            },
            dead_letters: DeadLetters { sqs: self.queues(), queue_url: format!("{QUEUES}{DEAD_LETTERS}") },
        }
    }

    /// An unmodified client of SQS.
    pub(super) fn queues(&self) -> aws_sdk_sqs::Client {
        let configuration = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(&self.url)
            .build();
        aws_sdk_sqs::Client::from_conf(configuration)
    }
}

/// SQS requests are JSON with the action in a header, SNS requests are forms with the action in a field.
pub(super) async fn call(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let answer = match target.and_then(|target| target.strip_prefix("AmazonSQS.")) {
        Some(action) => call_queue(&shared.queues, shared.quiet, action, &body),
        None => {
            let fields: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            match fields.get("Action").map(String::as_str) {
                Some("PublishBatch") => publish_batch(&shared, &fields),
                _ => Ok(StatusCode::NOT_IMPLEMENTED.into_response()),
            }
        }
    };
    answer.unwrap_or_else(|error| {
        eprintln!("Cannot keep a message: {error:#}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueueRequest {
    queue_url: String,
    message_body: String,
    receipt_handle: String,
    max_number_of_messages: u32,
    visibility_timeout: u64,
}

impl Default for QueueRequest {
    fn default() -> Self {
        let text = String::new;
        // The defaults of SQS and of template.yaml.
        Self {
            queue_url: text(),
            message_body: text(),
            receipt_handle: text(),
            max_number_of_messages: 1,
            visibility_timeout: 60,
        }
    }
}

/// Answers a request to SQS.
///
/// # Errors
///
/// The request is malformed, or the queue cannot be read or written.
pub fn call_queue(queues: &Queues, quiet: bool, action: &str, body: &str) -> anyhow::Result<Response> {
    let request: QueueRequest = serde_json::from_str(body)?;
    let (_, queue) = request.queue_url.rsplit_once('/').unwrap_or_default();
    let hidden = Duration::from_secs(request.visibility_timeout);
    let answer = match action {
        "SendMessage" => {
            let number = queues.send(queue, &request.message_body)?;
            if !quiet {
                println!("{}", log_line(Timestamp::now(), &format!("{queue} ◀ message {number}")));
            }
            json!({ "MessageId": number.to_string() })
        }
        "ReceiveMessage" => {
            let received = queues.receive(queue, request.max_number_of_messages, hidden)?;
            let message = |message: Received| {
                json!({
                    "MessageId": message.number.to_string(),
                    "ReceiptHandle": message.receipt_handle,
                    "Body": message.body,
                    "Attributes": { "ApproximateReceiveCount": message.receives.to_string() },
                })
            };
            json!({ "Messages": received.into_iter().map(message).collect::<Vec<_>>() })
        }
        "DeleteMessage" => {
            queues.delete(queue, &request.receipt_handle)?;
            json!({})
        }
        "ChangeMessageVisibility" => {
            queues.change_visibility(queue, &request.receipt_handle, hidden)?;
            json!({})
        }
        "GetQueueAttributes" => {
            json!({ "Attributes": { "ApproximateNumberOfMessages": queues.length(queue)?.to_string() } })
        }
        _ => return Ok(StatusCode::NOT_IMPLEMENTED.into_response()),
    };
    Ok(axum::Json(answer).into_response())
}

fn publish_batch(shared: &Shared, fields: &BTreeMap<String, String>) -> anyhow::Result<Response> {
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let topic = field("TopicArn").trim_start_matches(TOPICS).to_owned();
    let mut taken = String::new();
    for place in 1.. {
        let entry = format!("PublishBatchRequestEntries.member.{place}");
        let Some(id) = fields.get(&format!("{entry}.Id")) else { break };
        let attributes = (1..).map(|number| format!("{entry}.MessageAttributes.entry.{number}")).map_while(|name| {
            Some((fields.get(&format!("{name}.Name"))?.clone(), field(&format!("{name}.Value.StringValue"))))
        });
        let message: Value = serde_json::from_str(&field(&format!("{entry}.Message")))?;
        let text = |name| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let published = format!("{topic} ◀ {} {}", text("type"), text("subject"));
        let attributes: BTreeMap<_, _> = attributes.collect();
        let members = [("topic", json!(topic)), ("message", message), ("attributes", json!(attributes))];
        let members = members.map(|(name, value)| (name.to_owned(), value));
        let number = shared.messages.add(Map::from_iter(members))?;
        taken.push_str(&format!("<member><Id>{id}</Id><MessageId>{number}</MessageId></member>"));
        if !shared.quiet {
            println!("{}", log_line(Timestamp::now(), &published));
        }
    }
    let answer = format!(
        "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult>\
         <Successful>{taken}</Successful><Failed/></PublishBatchResult></PublishBatchResponse>"
    );
    Ok(([(http::header::CONTENT_TYPE, "text/xml")], answer).into_response())
}
