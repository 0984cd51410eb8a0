//! A connection for unmodified SDK clients to the embedded table, with a scheduling point at each call.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, HttpClient, IdentityCache, Region, RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use local_tests::{Answer, Cloud, Request};
use serde_json::{Map, Value, json};

/// How DynamoDB reads the rows of a `BatchGetItem`. Each read is strongly consistent, but the batch is no transaction:
/// other writers can come between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// All at the same time.
    Together,
    /// Row by row.
    RowByRow,
    /// Row by row, the last one first.
    RowByRowReversed,
}

/// The connection of one process to the table.
#[derive(Clone)]
pub(crate) struct Connection {
    cloud: Arc<Cloud>,
    reads: Reads,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Whether the process has made a call. The start of a task is a scheduling point already.
    started: AtomicBool,
    killed: AtomicBool,
    /// The request that has been sent and not yet applied.
    in_flight: Mutex<Option<Request>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// The scheduler decides which task is next.
async fn point() {
    let mut reached = false;
    poll_fn(|context| {
        if std::mem::replace(&mut reached, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Connection {
    pub(crate) fn new(cloud: &Arc<Cloud>, reads: Reads) -> Self {
        Self { cloud: cloud.clone(), reads, state: Arc::default() }
    }

    /// A client without timers, caches and retries: the scheduler alone decides what happens when.
    pub(crate) fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .identity_cache(IdentityCache::no_cache())
            .timeout_config(TimeoutConfig::disabled())
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .endpoint_url("http://localhost")
            .http_client(self.clone());
        Client::from_conf(config.build())
    }

    /// The result of an invocation, or `None` if the process is killed first. The invocation is dropped then.
    pub(crate) async fn unless_killed<T>(&self, invocation: impl Future<Output = T>) -> Option<T> {
        let mut invocation = std::pin::pin!(invocation);
        poll_fn(|context| {
            if self.state.killed.load(Ordering::Relaxed) {
                return Poll::Ready(None);
            }
            invocation.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Kills the process. A request that it has sent arrives all the same, at any later time.
    pub(crate) async fn kill(&self) {
        self.state.killed.store(true, Ordering::Relaxed);
        let in_flight = self.state.in_flight.lock().unwrap().take();
        if let Some(request) = in_flight {
            point().await;
            drop(self.cloud.apply(&request));
        }
    }

    /// Sends a request. A scheduling point before each call is enough: between two calls a process does nothing that
    /// others can see, so the point after a call is the one before the next.
    async fn send(&self, request: Request) -> Answer {
        if request.action == "BatchGetItem" && self.reads != Reads::Together {
            return self.read_row_by_row(&request).await;
        }
        if self.state.started.swap(true, Ordering::Relaxed) {
            *self.state.in_flight.lock().unwrap() = Some(request.clone());
            point().await;
            *self.state.in_flight.lock().unwrap() = None;
        }
        self.cloud.apply(&request)
    }

    async fn read_row_by_row(&self, request: &Request) -> Answer {
        let mut responses: Map<String, Value> = Map::new();
        for (table, read) in request.members["RequestItems"].as_object().unwrap() {
            let mut keys = read["Keys"].as_array().unwrap().clone();
            if self.reads == Reads::RowByRowReversed {
                keys.reverse();
            }
            let mut rows = Vec::new();
            for key in keys {
                let mut read = read.clone();
                read["Keys"] = json!([key]);
                let members = json!({ "RequestItems": { table: read } });
                let request = Request::new(Some("DynamoDB_20120810.BatchGetItem"), members.to_string().as_bytes());
                if self.state.started.swap(true, Ordering::Relaxed) {
                    point().await;
                }
                let answer = self.cloud.apply(&request);
                assert_eq!(answer.status, 200, "{}", answer.body);
                let answer: Value = serde_json::from_str(&answer.body).unwrap();
                rows.extend(answer["Responses"][table].as_array().unwrap().iter().cloned());
            }
            responses.insert(table.clone(), Value::Array(rows));
        }
        Answer { status: 200, body: json!({ "Responses": responses, "UnprocessedKeys": {} }).to_string() }
    }
}

impl HttpClient for Connection {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connection = self.clone();
        let request = Request::new(request.headers().get("x-amz-target"), request.body().bytes().unwrap());
        HttpConnectorFuture::new(async move {
            let Answer { status, body } = connection.send(request).await;
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
        })
    }
}
