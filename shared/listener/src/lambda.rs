//! The listener as a Lambda function behind API Gateway (REST API).

use std::borrow::Cow;
use std::time::Duration;

use aws::Metrics;
use aws_config::SdkConfig;
use bytes::Bytes;
use credentials::{Cache, CallbackSecret};
use device::CallbackService;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt, service_fn};
use settings::Variables;
use store::Store;

use crate::answer::{Refusal, refuse};
use crate::listener::{ANSWER_TIMEOUT, Listener};
use crate::quarantine::Quarantine;
use crate::request::CallbackRequest;
use crate::settings::Settings;
use crate::verify::Verifier;

/// Timeout of an AWS call, retries included: shorter than [`ANSWER_TIMEOUT`], so that an answer can follow.
pub const AWS_TIMEOUT: Duration = Duration::from_millis(2400);

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
    lambda_http::tracing::init_default_subscriber();
    let settings = Settings::read(&Variables::of_process())?;
    let listener = Listener::new(settings, &aws::config(AWS_TIMEOUT).await);
    listener.warm_up().await;
    let (listener, service) = (&listener, &service);
    lambda_http::run(service_fn(|request| async move {
        let service = service(&request);
        let request = callback_request(&request);
        Ok::<_, Error>(match service {
            // Boxed: as part of this future, its layout would exceed a limit of the compiler.
            Some(service) => Box::pin(listener.answer(&service, request)).await,
            None => refuse(&request, &Refusal::UnknownService),
        })
    }))
    .await
}

impl Listener {
    /// A listener with these settings. Its timeouts are those of a callback function if `aws` has [`AWS_TIMEOUT`].
    #[must_use]
    pub fn new(settings: Settings, aws: &SdkConfig) -> Self {
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), settings.table_name, settings.event_retention_days),
            allowed: settings.allowed_addresses,
            verifier: match settings.credentials_secret_arn {
                Some(arn) => Verifier::Secret(Box::new(Cache::new(CallbackSecret::new(secrets, arn)))),
                None => Verifier::AcceptAny,
            },
            quarantine: Quarantine::new(aws_sdk_sqs::Client::new(aws), settings.quarantine_queue_url),
            metrics: Metrics::Log { stack: settings.stack_name },
            answer_timeout: ANSWER_TIMEOUT,
        }
    }
}

/// Source address and time of receipt are those of the gateway, if it states them.
fn callback_request(request: &Request) -> CallbackRequest {
    let (source, received_at) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => (
            context.identity.source_ip.as_deref().and_then(|source| source.parse().ok()),
            Timestamp::from_millisecond(context.request_time_epoch).ok().filter(|at| at.as_millisecond() > 0),
        ),
        _ => (None, None),
    };
    CallbackRequest {
        method: request.method().clone(),
        source,
        content_type: request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned),
        body: match request.body() {
            Body::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Body::Binary(bytes) => Bytes::copy_from_slice(bytes),
            _ => Bytes::new(),
        },
        received_at: received_at.unwrap_or_else(Timestamp::now),
    }
}
