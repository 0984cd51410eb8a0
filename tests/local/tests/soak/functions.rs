//! The callback functions behind a gateway. Each can be killed in the middle of its requests, and starts again with the
//! next one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use credentials::{Cache, CallbackSecret};
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use jiff::Timestamp;
use listener::{
    AWS_TIMEOUT, AllowedAddresses, CallbackQueue, CallbackRequest, Listener, Metrics, QUEUE_TIMEOUT, Verifier,
};
use local_stack::{PARKED, QUARANTINE, QUEUES, TABLE, WithoutToken};
use local_tests::aws_config;
use store::Store;
use tokio::sync::watch;

/// Where the functions find AWS.
#[derive(Clone, Copy)]
pub(crate) struct Endpoints {
    pub(crate) dynamodb: SocketAddr,
    pub(crate) cloud: SocketAddr,
}

impl Endpoints {
    /// Clients with the timeouts and retries of a function.
    pub(crate) fn config(address: SocketAddr, timeout: Duration) -> SdkConfig {
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(50));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(timeout / 2)
            .operation_timeout(timeout);
        let config = aws_config(&format!("http://{address}"), retries).into_builder();
        config.timeout_config(timeouts.build()).build()
    }

    /// A listener as a function that has just started.
    pub(crate) fn listener(self) -> Listener {
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(&Self::config(self.dynamodb, AWS_TIMEOUT));
        let table = aws_sdk_dynamodb::Client::from_conf(dynamodb.interceptor(WithoutToken).build());
        let secrets = aws_sdk_secretsmanager::Client::new(&Self::config(self.cloud, AWS_TIMEOUT));
        let queues = aws_sdk_sqs::Client::new(&Self::config(self.cloud, QUEUE_TIMEOUT));
        let queue = |name| CallbackQueue::new(queues.clone(), format!("{QUEUES}{name}"));
        Listener {
            store: Store::new(table, TABLE, 0),
            allowed: AllowedAddresses::Any,
            verifier: Verifier::Secret(Box::new(Cache::new(CallbackSecret::new(secrets, "arn")))),
            parked: queue(PARKED),
            quarantine: queue(QUARANTINE),
            metrics: Metrics::Off,
            answer_timeout: listener::ANSWER_TIMEOUT,
        }
    }
}

/// A running function. It is killed when the sender is dropped.
struct Instance {
    listener: Arc<Listener>,
    alive: watch::Sender<()>,
}

pub(crate) struct Functions {
    endpoints: Endpoints,
    instances: Mutex<BTreeMap<String, Instance>>,
    requests: AtomicU64,
    /// The answers of the gateway, by status.
    answers: Mutex<BTreeMap<u16, u64>>,
}

impl Functions {
    pub(crate) fn new(endpoints: Endpoints) -> Arc<Self> {
        Arc::new(Self {
            endpoints,
            instances: Mutex::default(),
            requests: AtomicU64::new(0),
            answers: Mutex::default(),
        })
    }

    /// The gateway.
    pub(crate) fn app(self: &Arc<Self>) -> Router {
        Router::new().route("/callbacks/{service}", any(callback)).with_state(self.clone())
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn answers(&self) -> BTreeMap<u16, u64> {
        self.answers.lock().unwrap().clone()
    }

    /// Kills the function of a random service, or all of them. Their requests are answered 502.
    pub(crate) fn kill(&self, random: &mut fastrand::Rng) {
        let mut instances = self.instances.lock().unwrap();
        if random.u8(..10) == 0 {
            instances.clear();
        } else if let Some(service) = random.choice(instances.keys().cloned().collect::<Vec<_>>()) {
            instances.remove(&service);
        }
    }

    fn instance(&self, service: &str) -> (Arc<Listener>, watch::Receiver<()>) {
        let mut instances = self.instances.lock().unwrap();
        let new = || Instance { listener: Arc::new(self.endpoints.listener()), alive: watch::Sender::new(()) };
        let instance = instances.entry(service.to_owned()).or_insert_with(new);
        (instance.listener.clone(), instance.alive.subscribe())
    }
}

async fn callback(
    State(functions): State<Arc<Functions>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Response {
    functions.requests.fetch_add(1, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Ok(body) = to_bytes(body, 6_000_000).await else { return StatusCode::BAD_REQUEST.into_response() };
    let request = CallbackRequest {
        method: head.method,
        source: None,
        content_type,
        body,
        received_at: Timestamp::now(),
        waited: Duration::ZERO,
    };
    let service = registry::service(&name).unwrap();
    let (listener, mut alive) = functions.instance(&name);
    let response = tokio::select! {
        response = listener.answer(&service, request) => response.map(Body::from),
        // The only change is the end.
        _ = alive.changed() => StatusCode::BAD_GATEWAY.into_response(),
    };
    *functions.answers.lock().unwrap().entry(response.status().as_u16()).or_default() += 1;
    response
}
