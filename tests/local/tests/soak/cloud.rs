//! The topics, the queues and Secrets Manager behind one address: each can be in trouble.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use local_stack::{Queues, call_queue};
use serde_json::{Value, json};
use std::sync::Arc;

/// While an endpoint is in trouble, this share of its requests fails.
const FAILING: f64 = 0.7;

/// The topic never accepts one event of this many.
const POISON_ONE_IN: u32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Endpoint {
    Topics,
    Queues,
    Secrets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Refuses,
    Throttles,
    /// Requests are applied, and then answered with an error.
    LosesAnswers,
    /// Requests are not answered until the trouble ends.
    Hangs,
}

impl Trouble {
    pub(crate) const ALL: [Self; 4] = [Self::Refuses, Self::Throttles, Self::LosesAnswers, Self::Hangs];
}

/// What was published.
#[derive(Default)]
pub(crate) struct Topics {
    /// How often each event was published, by id.
    pub(crate) published: HashMap<String, u64>,
    /// The events that were never accepted.
    pub(crate) poison: HashSet<String>,
    /// The last first publication of each device or account.
    last: HashMap<String, u64>,
    /// First publications out of order.
    pub(crate) disorder: Vec<String>,
}

impl Topics {
    /// Takes a message, unless it is poison.
    fn publish(&mut self, message: &Value) -> bool {
        let id = message["id"].as_str().unwrap();
        let subject = message["subject"].as_str().unwrap();
        let sequence = message["data"]["sequence"].as_u64().unwrap();
        let last = self.last.entry(subject.to_owned()).or_default();
        if sequence == *last + 1 {
            *last = sequence;
        } else if sequence > *last || !(self.published.contains_key(id) || self.poison.contains(id)) {
            self.disorder.push(format!("{subject}: {sequence} after {last}"));
        }
        let poison = u32::from_str_radix(&id[id.len() - 6..], 16).unwrap().is_multiple_of(POISON_ONE_IN);
        if poison {
            self.poison.insert(id.to_owned());
        } else {
            *self.published.entry(id.to_owned()).or_default() += 1;
        }
        !poison
    }
}

pub(crate) struct Cloud {
    pub(crate) queues: Arc<Queues>,
    pub(crate) topics: Mutex<Topics>,
    /// How many messages each queue accepted.
    pub(crate) queued: Mutex<BTreeMap<String, u64>>,
    /// The secret with the callback credentials.
    secret: String,
    troubles: Mutex<BTreeMap<Endpoint, Trouble>>,
    random: Mutex<fastrand::Rng>,
}

impl Cloud {
    pub(crate) fn new(queues: Arc<Queues>, secret: &Value, random: fastrand::Rng) -> Arc<Self> {
        Arc::new(Self {
            queues,
            topics: Mutex::default(),
            queued: Mutex::default(),
            secret: secret.to_string(),
            troubles: Mutex::default(),
            random: Mutex::new(random),
        })
    }

    pub(crate) fn app(self: &Arc<Self>) -> Router {
        Router::new().fallback(call).with_state(self.clone())
    }

    pub(crate) fn set(&self, endpoint: Endpoint, trouble: Option<Trouble>) {
        let mut troubles = self.troubles.lock().unwrap();
        match trouble {
            Some(trouble) => troubles.insert(endpoint, trouble),
            None => troubles.remove(&endpoint),
        };
    }

    fn trouble(&self, endpoint: Endpoint) -> Option<Trouble> {
        self.troubles.lock().unwrap().get(&endpoint).copied()
    }

    /// The fate of a request.
    async fn fate(&self, endpoint: Endpoint) -> Option<Trouble> {
        let trouble = self.trouble(endpoint).filter(|_| self.random.lock().unwrap().f64() < FAILING)?;
        while trouble == Trouble::Hangs && self.trouble(endpoint) == Some(trouble) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(trouble)
    }

    fn queue(&self, action: &str, body: &str) -> Response {
        let response = call_queue(&self.queues, true, action, body).unwrap();
        if action == "SendMessage" {
            let request: Value = serde_json::from_str(body).unwrap();
            let (_, queue) = request["QueueUrl"].as_str().unwrap().rsplit_once('/').unwrap();
            *self.queued.lock().unwrap().entry(queue.to_owned()).or_default() += 1;
        }
        response
    }

    fn secret(&self, body: &str) -> Response {
        let request: Value = serde_json::from_str(body).unwrap();
        if request["VersionStage"] != "AWSCURRENT" {
            let missing = json!({ "__type": "ResourceNotFoundException", "Message": "no such version" });
            return (StatusCode::BAD_REQUEST, axum::Json(missing)).into_response();
        }
        let version = json!({ "SecretString": self.secret, "VersionId": "1", "CreatedDate": 1_700_000_000.0 });
        axum::Json(version).into_response()
    }

    fn publish_batch(&self, body: &str, throttled: bool) -> Response {
        let fields: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let (mut successful, mut failed) = (String::new(), String::new());
        for place in 1.. {
            let entry = format!("PublishBatchRequestEntries.member.{place}");
            let Some(id) = fields.get(&format!("{entry}.Id")) else { break };
            let throttled = throttled && self.random.lock().unwrap().bool();
            let refused =
                |code| format!("<member><Id>{id}</Id><Code>{code}</Code><SenderFault>true</SenderFault></member>");
            if throttled {
                failed.push_str(&refused("Throttled"));
                continue;
            }
            let message = serde_json::from_str(&fields[&format!("{entry}.Message")]).unwrap();
            if self.topics.lock().unwrap().publish(&message) {
                successful.push_str(&format!("<member><Id>{id}</Id><MessageId>{place}</MessageId></member>"));
            } else {
                failed.push_str(&refused("InvalidParameter"));
            }
        }
        let answer = format!(
            "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishBatchResult>\
             <Successful>{successful}</Successful><Failed>{failed}</Failed></PublishBatchResult></PublishBatchResponse>"
        );
        ([(http::header::CONTENT_TYPE, "text/xml")], answer).into_response()
    }
}

async fn call(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: String) -> Response {
    let target = headers.get("x-amz-target").map(|target| target.to_str().unwrap()).unwrap_or_default();
    let (endpoint, action) = match target.split_once('.') {
        Some(("AmazonSQS", action)) => (Endpoint::Queues, action),
        Some(_) => (Endpoint::Secrets, ""),
        None => (Endpoint::Topics, ""),
    };
    let trouble = cloud.fate(endpoint).await;
    match trouble {
        Some(Trouble::Refuses | Trouble::Hangs) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Trouble::Throttles) if endpoint != Endpoint::Topics => {
            let throttled = json!({ "__type": "ThrottlingException", "message": "too fast" });
            return (StatusCode::BAD_REQUEST, axum::Json(throttled)).into_response();
        }
        _ => {}
    }
    let response = match endpoint {
        Endpoint::Queues => cloud.queue(action, &body),
        Endpoint::Secrets => cloud.secret(&body),
        Endpoint::Topics => cloud.publish_batch(&body, trouble == Some(Trouble::Throttles)),
    };
    if trouble == Some(Trouble::LosesAnswers) { StatusCode::INTERNAL_SERVER_ERROR.into_response() } else { response }
}
