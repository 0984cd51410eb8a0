//! An endpoint for SNS and SQS with the actions that the functions use: `PublishBatch` and `SendMessage`. It keeps the
//! messages. Lambda's `Invoke` runs the publisher.

use std::collections::BTreeMap;
use std::sync::Arc;

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

use super::functions;
use super::messages::{Kind, Messages};
use cli_support::log_line;

/// The URL of the quarantine.
pub(super) const QUARANTINE: &str = "http://local/quarantined-callbacks";

/// The URL of the publisher's dead-letter queue.
pub(super) const DEAD_LETTERS: &str = "http://local/publisher-dead-letters";

const TOPICS: &str = "arn:aws:sns:local:000000000000:";

/// The running endpoint.
pub(super) struct Endpoint {
    pub(super) url: String,
}

#[derive(Clone)]
struct Shared {
    messages: Arc<Messages>,
    quiet: bool,
}

impl Endpoint {
    pub(super) async fn start(messages: Arc<Messages>, quiet: bool, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let listen = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listen.local_addr()?);
        let app = Router::new().fallback(call).with_state(Shared { messages, quiet });
        let app = app.merge(functions::app(Self { url: url.clone() }.publisher()));
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
            dead_letters: DeadLetters { sqs: self.queues(), queue_url: DEAD_LETTERS.to_owned() },
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
async fn call(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let answer = if headers.get("x-amz-target").is_some_and(|target| target == "AmazonSQS.SendMessage") {
        send_message(&shared, &body)
    } else {
        let fields: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        match fields.get("Action").map(String::as_str) {
            Some("PublishBatch") => publish_batch(&shared, &fields),
            _ => return StatusCode::NOT_IMPLEMENTED.into_response(),
        }
    };
    answer.unwrap_or_else(|error| {
        eprintln!("Cannot keep a message: {error:#}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

fn send_message(shared: &Shared, body: &str) -> anyhow::Result<Response> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct SendMessage {
        queue_url: String,
        message_body: String,
    }
    let request: SendMessage = serde_json::from_str(body)?;
    let message: Map<String, Value> = serde_json::from_str(&request.message_body)?;
    let (kind, queue) = match request.queue_url.as_str() {
        DEAD_LETTERS => (Kind::DeadLetters, "dead letters"),
        _ => (Kind::Quarantine, "quarantine"),
    };
    let number = shared.messages.add(kind, message)?;
    if !shared.quiet {
        println!("{}", log_line(Timestamp::now(), &format!("{queue} ◀ message {number}")));
    }
    Ok(axum::Json(json!({ "MessageId": number.to_string() })).into_response())
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
        let number = shared.messages.add(Kind::Topics, Map::from_iter(members))?;
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
