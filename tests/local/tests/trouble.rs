//! Unreachable or failing AWS services. What is logged then is in `canaries`.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use external_provisioning_changes::SERVICE;
use http::{Method, Response};
use jiff::Timestamp;
use listener::{AllowedAddresses, CallbackQueue, CallbackRequest, Listener, Metrics, Verifier};
use local_tests::{GOLDEN, aws_config, silent_endpoint, unreachable_endpoint};
use store::Store;
use tokio::time::{Instant, timeout};

/// A listener whose AWS services are at this endpoint.
fn listener(endpoint: &str) -> Listener {
    let config = aws_config(endpoint, RetryConfig::standard());
    Listener {
        store: Store::new(aws_sdk_dynamodb::Client::new(&config), "callbacks", 0),
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

#[tokio::test]
async fn a_callback_that_can_be_neither_recorded_nor_parked_is_answered_503() {
    let response = answer(&listener(&unreachable_endpoint().await), GOLDEN[0]).await;
    assert_eq!(response.status(), 503);
    assert!(response.body().contains("REQUEST_FAILED.TryAgain"), "{}", response.body());
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_table_and_a_queue_that_do_not_answer_time_out_before_the_platform_resends() {
    let (_listen, url) = silent_endpoint().await;
    let listener = listener(&url);
    let started = Instant::now();
    let response = timeout(Duration::from_secs(4), answer(&listener, GOLDEN[0])).await.expect("an answer within 4 s");
    assert_eq!(response.status(), 503);
    assert!(started.elapsed() > Duration::from_secs(1), "the table had time to answer");
}

#[tokio::test]
async fn a_malformed_body_that_cannot_be_quarantined_is_answered_503() {
    let response = answer(&listener(&unreachable_endpoint().await), "<broken").await;
    assert_eq!(response.status(), 503);
}
