//! SNS and SQS, as far as the listener and the publisher use them: `PublishBatch` and `SendMessage`. What they are sent
//! can be read back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use change_publisher::{Publisher, Topics};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The quarantine's URL, as far as a client cares.
pub(super) const QUARANTINE: &str = "http://local/quarantined-callbacks";

const TOPICS: &str = "arn:aws:sns:local:000000000000:";

/// What was sent, oldest first.
#[derive(Debug, Default)]
pub struct Sent {
    topics: Mutex<Vec<TopicMessage>>,
    quarantine: Mutex<Vec<Value>>,
}

/// A message that SNS was sent.
#[derive(Debug, Clone, Serialize)]
struct TopicMessage {
    topic: String,
    message: Value,
    attributes: BTreeMap<String, String>,
}

impl Sent {
    /// The messages of all topics, as `{topic, message, attributes}`.
    #[must_use]
    pub fn topic_messages(&self) -> Value {
        json!(*self.topics.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The messages of the quarantine.
    #[must_use]
    pub fn quarantine_messages(&self) -> Value {
        json!(*self.quarantine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The running endpoint.
pub(super) struct Endpoint {
    url: String,
    pub(super) sent: Arc<Sent>,
}

#[derive(Clone)]
struct Shared {
    sent: Arc<Sent>,
    quiet: bool,
}

impl Endpoint {
    pub(super) async fn start(quiet: bool, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let listen = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listen.local_addr()?);
        let sent = Arc::new(Sent::default());
        let app = Router::new().fallback(call).with_state(Shared { sent: sent.clone(), quiet });
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listen, app).await {
                eprintln!("The SNS and SQS endpoint stopped: {error}");
            }
        });
        Ok(Self { url, sent })
    }

    /// The publisher with an unchanged client of SNS.
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
        }
    }

    /// An unchanged client of SQS.
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

/// SQS speaks JSON and names its action in a header, SNS forms and names it in a field.
async fn call(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    if headers.get("x-amz-target").is_some_and(|target| target == "AmazonSQS.SendMessage") {
        return send_message(&shared, &body).unwrap_or_else(|| StatusCode::BAD_REQUEST.into_response());
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    match fields.get("Action").map(String::as_str) {
        Some("PublishBatch") => publish_batch(&shared, &fields),
        _ => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

fn send_message(shared: &Shared, body: &str) -> Option<Response> {
    let request: Value = serde_json::from_str(body).ok()?;
    let message: Value = serde_json::from_str(request.get("MessageBody")?.as_str()?).ok()?;
    if !shared.quiet {
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        println!("  quarantine ◀ {}: {}", text("service"), text("reason"));
    }
    let mut quarantine = shared.sent.quarantine.lock().unwrap_or_else(PoisonError::into_inner);
    quarantine.push(message);
    Some(axum::Json(json!({ "MessageId": quarantine.len().to_string() })).into_response())
}

fn publish_batch(shared: &Shared, fields: &BTreeMap<String, String>) -> Response {
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let topic = field("TopicArn").trim_start_matches(TOPICS).to_owned();
    let mut taken = String::new();
    for place in 1.. {
        let entry = format!("PublishBatchRequestEntries.member.{place}");
        let Some(id) = fields.get(&format!("{entry}.Id")) else { break };
        let attributes = (1..).map(|number| format!("{entry}.MessageAttributes.entry.{number}")).map_while(|name| {
            Some((fields.get(&format!("{name}.Name"))?.clone(), field(&format!("{name}.Value.StringValue"))))
        });
        let text = field(&format!("{entry}.Message"));
        let message = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let message = TopicMessage { topic: topic.clone(), message, attributes: attributes.collect() };
        if !shared.quiet {
            println!("  {topic} ◀ {}", message.message);
        }
        let mut topics = shared.sent.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.push(message);
        taken.push_str(&format!("<member><Id>{id}</Id><MessageId>{}</MessageId></member>", topics.len()));
    }
    let answer = format!(
        "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult>\
         <Successful>{taken}</Successful><Failed/></PublishBatchResult></PublishBatchResponse>"
    );
    ([(http::header::CONTENT_TYPE, "text/xml")], answer).into_response()
}
