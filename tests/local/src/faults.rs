//! Faults at the calls of AWS: a connection for unmodified SDK clients that lets one call go wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, HttpClient, RuntimeComponents, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use tokio::sync::Notify;

use crate::cloud::{Answer, Cloud, REGISTRAR_TABLE, Request};

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The service refuses the request: access denied.
    Refused,
    /// The service throttles the request.
    Throttled,
    /// The service throttles a part of the request.
    PartlyThrottled,
    /// The request does not arrive and is never answered.
    TimedOut,
    /// The service applies the request; the answer arrives after the deadline.
    AnsweredLate,
    /// The request is never answered, and the service applies it after the deadline.
    AppliedLate,
    /// The service applies the request; the connection is reset before the answer.
    AnswerLost,
    /// The process ends before the request is sent.
    KilledBefore,
    /// The process ends after the service has applied the request.
    KilledAfter,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Refused,
        Self::Throttled,
        Self::PartlyThrottled,
        Self::TimedOut,
        Self::AnsweredLate,
        Self::AppliedLate,
        Self::AnswerLost,
        Self::KilledBefore,
        Self::KilledAfter,
    ];

    /// Whether it can happen at a call.
    #[must_use]
    pub fn is_possible_at(self, call: &Call) -> bool {
        self != Self::PartlyThrottled || Request::can_be_partly_throttled(&call.action)
    }

    /// Whether it ends the process.
    #[must_use]
    pub fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::PartlyThrottled => "partly throttled",
            Self::TimedOut => "timed out",
            Self::AnsweredLate => "answered late",
            Self::AppliedLate => "applied late",
            Self::AnswerLost => "answer lost",
            Self::KilledBefore => "killed before",
            Self::KilledAfter => "killed after",
        })
    }
}

/// A call of a scenario: what is called, and the how manieth such call it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The action and what it is about.
    pub action: String,
    /// From 1.
    pub number: usize,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => f.write_str(&self.action),
            number => write!(f, "{} ({number})", self.action),
        }
    }
}

/// One fault of a run.
#[derive(Debug, Clone)]
pub struct Injection {
    /// Where.
    pub call: Call,
    /// What.
    pub fault: Fault,
    /// Whether all later calls to the same service go wrong in the same way.
    pub lasting: bool,
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, fault, lasting } = self;
        write!(f, "{call}: {fault}{}", if *lasting { " from then on" } else { "" })
    }
}

/// The connections of one process to AWS.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cloud: Arc<Cloud>,
    /// When an answer is late, or a request is applied late.
    late: Duration,
    state: Mutex<State>,
    killed: Notify,
}

#[derive(Debug, Default)]
struct State {
    injection: Option<Injection>,
    calls: Vec<Call>,
    counts: BTreeMap<String, usize>,
    /// The services whose calls go wrong from now on, and how.
    failing: BTreeMap<String, Fault>,
    killed: bool,
}

impl Connections {
    /// Connections of a new process. What is late comes after this time: longer than the process waits.
    #[must_use]
    pub fn new(cloud: &Arc<Cloud>, late: Duration) -> Self {
        Self(Arc::new(Inner { cloud: cloud.clone(), late, state: Mutex::default(), killed: Notify::new() }))
    }

    /// The configuration of SDK clients with these connections. Timeouts and retries are those of a function whose calls
    /// have this timeout.
    pub async fn config(&self, timeout: Duration) -> SdkConfig {
        // The SDK counts the retries of all clients of a region in this process, and stops retrying when there are many.
        static PROCESSES: AtomicUsize = AtomicUsize::new(0);
        let credentials = Credentials::new("local", "local", None, None, "local");
        let region = format!("process-{}", PROCESSES.fetch_add(1, Ordering::Relaxed));
        let loader = aws::loader(timeout).region(Region::new(region)).http_client(self.clone());
        loader.credentials_provider(SharedCredentialsProvider::new(credentials)).load().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Ends all faults.
    pub fn recover(&self) {
        *self.state() = State::default();
    }

    /// Lets all calls of a service go wrong.
    pub fn fail(&self, service: &str, fault: Fault) {
        self.state().failing.insert(service.to_owned(), fault);
    }

    /// Numbers the calls from 1 again, and lets this go wrong.
    pub fn inject(&self, injection: Option<Injection>) {
        let mut state = self.state();
        *state = State { injection, failing: std::mem::take(&mut state.failing), ..State::default() };
    }

    /// Whether the call at which something was to go wrong has been reached.
    #[must_use]
    pub fn injected(&self) -> bool {
        self.state().injection.is_none()
    }

    /// The result of an invocation, or `None` if the process is killed during it.
    pub async fn run<T>(&self, invocation: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.0.killed.notified() => None,
            result = invocation => Some(result),
        }
    }

    /// What goes wrong at this call.
    fn fault_at(&self, request: &Request) -> Option<Fault> {
        let mut state = self.state();
        if state.killed {
            // Another call of the same process.
            return Some(Fault::KilledBefore);
        }
        let action = described(request);
        let count = state.counts.entry(action.clone()).or_default();
        *count += 1;
        let call = Call { action, number: *count };
        let injection = state.injection.take_if(|injection| injection.call == call);
        state.calls.push(call);
        if let Some(Injection { fault, lasting, .. }) = injection {
            if lasting {
                state.failing.insert(service(request), fault);
            }
            state.killed = fault.kills();
            return Some(fault);
        }
        state.failing.get(&service(request)).copied()
    }

    async fn send(self, request: Request) -> Result<Answer, ConnectorError> {
        let fault = self.fault_at(&request);
        let cloud = self.0.cloud.clone();
        let late = self.0.late;
        match fault {
            None => Ok(cloud.apply(&request)),
            Some(Fault::Refused) => Ok(request.refused()),
            Some(Fault::Throttled) => Ok(request.throttled()),
            Some(Fault::PartlyThrottled) => Ok(cloud.partly_throttle(&request)),
            Some(Fault::TimedOut) => pending().await,
            Some(Fault::AnsweredLate) => {
                let answer = cloud.apply(&request);
                tokio::time::sleep(late).await;
                Ok(answer)
            }
            Some(Fault::AppliedLate) => {
                // In a task of its own: the client gives up before.
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    cloud.apply(&request)
                });
                pending().await
            }
            Some(Fault::AnswerLost) => {
                let _lost = cloud.apply(&request);
                Err(ConnectorError::io("the connection was reset".into()))
            }
            Some(Fault::KilledBefore) => {
                self.0.killed.notify_one();
                pending().await
            }
            Some(Fault::KilledAfter) => {
                let _lost = cloud.apply(&request);
                self.0.killed.notify_one();
                pending().await
            }
        }
    }
}

impl HttpClient for Connections {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connections = self.clone();
        HttpConnectorFuture::new(async move {
            let body = request.body().bytes().expect("a request is not a stream");
            let Answer { status, body } =
                connections.send(Request::new(request.headers().get("x-amz-target"), body)).await?;
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
        })
    }
}

/// The action, and what tells it from the others of its kind.
fn described(request: &Request) -> String {
    let about = match request.action.as_str() {
        "GetItem" | "PutItem" if request.text("TableName") == REGISTRAR_TABLE => {
            let key = if request.action == "GetItem" { "Key" } else { "Item" };
            request.members[key]["pk"]["S"].as_str().unwrap_or_default()
        }
        "GetSecretValue" if request.members["VersionStage"].is_string() => request.text("VersionStage"),
        "GetSecretValue" => "login",
        "UpdateSecretVersionStage" => request.text("VersionStage"),
        "SendMessage" | "GetQueueAttributes" | "ChangeMessageVisibility" => {
            request.text("QueueUrl").rsplit('/').next().unwrap_or_default()
        }
        _ => "",
    };
    format!("{} {about}", request.action).trim_end().to_owned()
}

/// The service of a request. Those with form-encoded requests have different versions.
fn service(request: &Request) -> String {
    if request.service.is_empty() { request.text("Version").to_owned() } else { request.service.clone() }
}
