//! Unreachable or failing AWS services, and what is logged.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use external_provisioning_changes::SERVICE;
use http::{Method, Response};
use jiff::Timestamp;
use listener::{AllowedAddresses, CallbackQueue, CallbackRequest, Listener, Metrics, Verifier};
use local_tests::{GOLDEN, Log, Stack, aws_config, serve, silent_endpoint, unreachable_endpoint};
use store::Store;
use tokio::time::{Instant, timeout};

/// A listener whose AWS services are at this endpoint, except the table if one is given.
fn listener(endpoint: &str, table: Option<aws_sdk_dynamodb::Client>) -> Listener {
    let config = aws_config(endpoint, RetryConfig::standard());
    let table = table.unwrap_or_else(|| aws_sdk_dynamodb::Client::new(&config));
    Listener {
        store: Store::new(table, "callbacks", 0),
        allowed: AllowedAddresses::Any,
        verifier: Verifier::Fixed(credentials::Credentials {
            username: "user-7".to_owned(),
            password: "secret-7".to_owned(),
        }),
        parked: CallbackQueue::new(aws_sdk_sqs::Client::new(&config), "http://local/parked-callbacks"),
        quarantine: CallbackQueue::new(aws_sdk_sqs::Client::new(&config), "http://local/quarantined-callbacks"),
        metrics: Metrics::Off,
        answer_timeout: listener::ANSWER_TIMEOUT,
    }
}

async fn answer(listener: &Listener, body: &str) -> Response<String> {
    let body = body
        .replace("<Username/>", "<Username>user-7</Username>")
        .replace("<Password/>", "<Password>secret-7</Password>");
    let received = CallbackRequest {
        method: Method::POST,
        source: None,
        content_type: Some("text/xml".to_owned()),
        body: body.into_bytes().into(),
        received_at: Timestamp::now(),
        waited: Duration::ZERO,
    };
    listener.answer(&SERVICE, received).await
}

/// An AWS that denies every request.
async fn denying_endpoint() -> String {
    let error = (http::StatusCode::BAD_REQUEST, r#"{"__type":"AccessDeniedException","message":"denied"}"#);
    serve(axum::Router::new().fallback(async move || error)).await
}

#[tokio::test]
async fn a_callback_that_cannot_be_recorded_is_answered_503() {
    let response = answer(&listener(&unreachable_endpoint().await, None), GOLDEN[0]).await;
    assert_eq!(response.status(), 503);
    assert!(response.body().contains("REQUEST_FAILED.TryAgain"), "{}", response.body());
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_table_that_does_not_answer_times_out_before_the_platform_resends() {
    let (_listen, url) = silent_endpoint().await;
    let listener = listener(&url, None);
    let started = Instant::now();
    let response = timeout(Duration::from_secs(4), answer(&listener, GOLDEN[0])).await.expect("an answer within 4 s");
    assert_eq!(response.status(), 503);
    assert!(started.elapsed() > Duration::from_secs(1), "the table had time to answer");
}

#[tokio::test]
async fn a_malformed_body_that_cannot_be_quarantined_is_answered_503() {
    let response = answer(&listener(&unreachable_endpoint().await, None), "<broken").await;
    assert_eq!(response.status(), 503);
}

#[tokio::test]
async fn nothing_of_a_message_reaches_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let stack = Stack::new().await;
    let working = listener(&unreachable_endpoint().await, Some(stack.local.table.clone()));
    let broken = listener(&denying_endpoint().await, None);
    for body in GOLDEN {
        assert_eq!(answer(&working, body).await.status(), 200);
    }
    assert_eq!(answer(&broken, GOLDEN[0]).await.status(), 503);
    assert_eq!(answer(&working, &GOLDEN[0][..1000]).await.status(), 503);
    assert_eq!(
        answer(&working, &GOLDEN[0].replace("<Password/>", "<Password>secret-8</Password>")).await.status(),
        503
    );
    let log = log.text();
    assert!(log.contains("Callback recorded.") && log.contains("Callback refused."), "{log}");
    assert!(log.contains("DynamoDB failed (AccessDeniedException)"), "the cause is for the operator:\n{log}");
    for secret in ["secret-", "user-7", "2300329133", "A2000009D6BFE1", "Verizon Test", "CallbackRequest"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
