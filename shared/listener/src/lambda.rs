//! The listener as a Lambda function behind API Gateway (REST API).

use std::borrow::Cow;
use std::time::Duration;

use aws_config::SdkConfig;
use bytes::Bytes;
use device::CallbackService;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt, service_fn};
use store::Store;

use crate::{ANSWER_WITHIN, CredentialsSource, Listener, Metrics, Quarantine, Received, Refusal, Settings, refuse};

/// How long a call of AWS may take, so that an answer can follow before the platform sends again.
const AWS_WITHIN: Duration = Duration::from_millis(2400);

/// Serves the callbacks of one service until Lambda ends the function.
///
/// # Errors
///
/// A setting that is missing or wrong, or the runtime's own.
pub async fn serve(service: &'static CallbackService) -> Result<(), Error> {
    run(|_| Some(Cow::Borrowed(service))).await
}

/// Serves the callbacks of the services that the path parameter `service` names, until Lambda ends the function. A name that
/// `named` does not accept is answered 404.
///
/// # Errors
///
/// A setting that is missing or wrong, or the runtime's own.
pub async fn serve_named(named: fn(&str) -> Option<CallbackService>) -> Result<(), Error> {
    run(|request| {
        let parameters = request.path_parameters();
        named(parameters.first("service").unwrap_or_default()).map(Cow::Owned)
    })
    .await
}

async fn run(service: impl Fn(&Request) -> Option<Cow<'static, CallbackService>> + Sync) -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let listener = listener(settings, &aws::config(AWS_WITHIN).await);
    listener.warm_up().await;
    let (listener, service) = (&listener, &service);
    lambda_http::run(service_fn(|request| async move {
        let received = received(&request);
        Ok::<_, Error>(match service(&request) {
            Some(service) => listener.answer(&service, received).await,
            None => refuse(&received, &Refusal::UnknownService),
        })
    }))
    .await
}

fn listener(settings: Settings, aws: &SdkConfig) -> Listener {
    let secrets = aws_sdk_secretsmanager::Client::new(aws);
    Listener {
        store: Store::new(aws_sdk_dynamodb::Client::new(aws), settings.table_name, settings.event_retention_days),
        allowed: settings.allowed_addresses,
        credentials: match settings.credentials_secret_arn {
            Some(arn) => CredentialsSource::secret(secrets, arn),
            None => CredentialsSource::NotRequired,
        },
        quarantine: Quarantine::new(aws_sdk_sqs::Client::new(aws), settings.quarantine_queue_url),
        metrics: Metrics::Log { stack: settings.stack_name },
        answer_within: ANSWER_WITHIN,
    }
}

/// The gateway's clock and its view of the sender, where it gives them.
fn received(request: &Request) -> Received {
    let (source, received_at) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => (
            context.identity.source_ip.as_deref().and_then(|source| source.parse().ok()),
            Timestamp::from_millisecond(context.request_time_epoch).ok().filter(|at| at.as_millisecond() > 0),
        ),
        _ => (None, None),
    };
    Received {
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
