//! The listener as a Lambda function behind API Gateway (REST API).

use std::borrow::Cow;
use std::time::{Duration, Instant};

use aws::Metrics;
use aws_config::SdkConfig;
use bytes::Bytes;
use credentials::{Cache, CallbackSecret};
use device::CallbackService;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt, service_fn};
use settings::{SettingError, Variables};
use store::Store;

use crate::answer::{Refusal, refuse};
use crate::listener::{ANSWER_TIMEOUT, Listener};
use crate::queue::CallbackQueue;
use crate::request::CallbackRequest;
use crate::settings::Settings;
use crate::verify::Verifier;

/// Timeout of an AWS call, retries included: shorter than [`ANSWER_TIMEOUT`], so that an answer can follow.
pub const AWS_TIMEOUT: Duration = Duration::from_millis(2400);

/// Timeout of a call of SQS, retries included. A queue is used when little time is left.
pub const QUEUE_TIMEOUT: Duration = Duration::from_millis(850);

/// A gateway's time of receipt that is longer ago is not that of this request.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Serves the callbacks of one service until Lambda stops the function.
///
/// # Errors
///
/// A missing or malformed setting, or an error of the runtime.
pub async fn serve(service: &'static CallbackService) -> Result<(), Error> {
    run(|_| Some(Cow::Borrowed(service))).await
}

/// Serves the callbacks of every service that the path parameter `service` can name, until Lambda stops the function. A
/// name for which `named` returns `None` is answered 404.
///
/// # Errors
///
/// A missing or malformed setting, or an error of the runtime.
pub async fn serve_named(named: fn(&str) -> Option<CallbackService>) -> Result<(), Error> {
    run(|request| {
        let parameters = request.path_parameters();
        named(parameters.first("service").unwrap_or_default()).map(Cow::Owned)
    })
    .await
}

async fn run(service: impl Fn(&Request) -> Option<Cow<'static, CallbackService>> + Sync) -> Result<(), Error> {
    let started = Instant::now();
    lambda_http::tracing::init_default_subscriber();
    let listener = Listener::of_process().await?;
    listener.warm_up().await;
    let (listener, service) = (&listener, &service);
    lambda_http::run(service_fn(|request| async move {
        let service = service(&request);
        let request = callback_request(&request, started.elapsed());
        Ok::<_, Error>(match service {
            // Boxed: as part of this future, its layout would exceed a limit of the compiler.
            Some(service) => Box::pin(listener.answer(&service, request)).await,
            None => refuse(&request, &Refusal::UnknownService),
        })
    }))
    .await
}

impl Listener {
    /// The listener of this process's environment.
    ///
    /// # Errors
    ///
    /// A missing or malformed setting.
    pub async fn of_process() -> Result<Self, SettingError> {
        let settings = Settings::read(&Variables::of_process())?;
        Ok(Self::new(settings, &aws::config(AWS_TIMEOUT).await, &aws::config(QUEUE_TIMEOUT).await))
    }

    /// A listener with these settings. Its timeouts are those of a callback function if `aws` has [`AWS_TIMEOUT`] and
    /// `queues` has [`QUEUE_TIMEOUT`].
    #[must_use]
    pub fn new(settings: Settings, aws: &SdkConfig, queues: &SdkConfig) -> Self {
        let (secrets, queues) = (aws_sdk_secretsmanager::Client::new(aws), aws_sdk_sqs::Client::new(queues));
        Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), settings.table_name, settings.event_retention_days),
            allowed: settings.allowed_addresses,
            verifier: match settings.credentials_secret_arn {
                Some(arn) => Verifier::Secret(Box::new(Cache::new(CallbackSecret::new(secrets, arn)))),
                None => Verifier::AcceptAny,
            },
            parked: CallbackQueue::new(queues.clone(), settings.parked_queue_url),
            quarantine: CallbackQueue::new(queues, settings.quarantine_queue_url),
            metrics: Metrics::Log { stack: settings.stack_name },
            answer_timeout: ANSWER_TIMEOUT,
        }
    }
}

/// Source address and time of receipt are those of the gateway, if it states them.
fn callback_request(request: &Request, process_age: Duration) -> CallbackRequest {
    let (source, received_at) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => (
            context.identity.source_ip.as_deref().and_then(|source| source.parse().ok()),
            Timestamp::from_millisecond(context.request_time_epoch).ok().filter(|at| at.as_millisecond() > 0),
        ),
        _ => (None, None),
    };
    let now = Timestamp::now();
    CallbackRequest {
        method: request.method().clone(),
        source,
        content_type: request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned),
        body: match request.body() {
            Body::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Body::Binary(bytes) => Bytes::copy_from_slice(bytes),
            _ => Bytes::new(),
        },
        received_at: received_at.unwrap_or(now),
        waited: waited(received_at, now, process_age),
    }
}

/// How long the sender has waited: since the gateway received the request, or, if that is not known, since the start of
/// a process that has just started.
fn waited(received_at: Option<Timestamp>, now: Timestamp, process_age: Duration) -> Duration {
    let since_receipt = received_at.and_then(|received_at| Duration::try_from(now.duration_since(received_at)).ok());
    let credible = |wait: &Duration| *wait <= MAX_WAIT;
    since_receipt.filter(credible).or(Some(process_age).filter(|age| *age < ANSWER_TIMEOUT)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_the_start_of_the_function_counts() {
        let now: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let waited = |received_at, process_age| waited(received_at, now, Duration::from_secs(process_age)).as_secs();
        assert_eq!(waited(at("2026-01-01T00:00:08Z"), 1), 2, "the gateway's time of receipt");
        assert_eq!(waited(at("2026-01-01T00:00:10Z"), 2), 0, "a process that was started before the request");
        assert_eq!(waited(None, 1), 1, "unknown: since the start of the process");
        assert_eq!(waited(at("2020-01-01T00:00:00Z"), 1), 1, "not credible: likewise");
        assert_eq!(waited(at("2026-01-01T00:00:11Z"), 1), 1, "in the future: likewise");
        assert_eq!(waited(None, 60), 0, "unknown, and the process is old");
    }
}
