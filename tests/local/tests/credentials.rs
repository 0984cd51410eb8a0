//! The verification of callback credentials with a scripted Secrets Manager: cache, rotations and failures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use callback::Callback;
use credentials::{Cache, CallbackSecret};
use listener::{Refusal, Verifier, VerifyError};
use local_tests::{aws_config, serve};
use serde_json::{Value, json};

#[derive(Default)]
struct Vault {
    current: Mutex<Option<Value>>,
    previous: Mutex<Option<Value>>,
    pending: Mutex<Option<Value>>,
    /// The pending version is older than the current one.
    pending_is_superseded: Mutex<bool>,
    /// Requests for this stage are throttled.
    throttled: Mutex<Option<&'static str>>,
    reads: Mutex<usize>,
    /// Requests are not answered while it is held.
    gate: tokio::sync::Mutex<()>,
}

async fn get_secret_value(State(vault): State<Arc<Vault>>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    if vault.throttled.lock().unwrap().is_some_and(|stage| request["VersionStage"] == stage) {
        let error = axum::Json(json!({ "__type": "ThrottlingException", "Message": "rate exceeded" }));
        return (http::StatusCode::BAD_REQUEST, error).into_response();
    }
    if request["VersionStage"] == "AWSCURRENT" {
        *vault.reads.lock().unwrap() += 1;
    }
    drop(vault.gate.lock().await);
    let version = if request["VersionStage"] == "AWSCURRENT" {
        vault.current.lock().unwrap().clone().unwrap_or(json!("malformed"))
    } else {
        let version = if request["VersionStage"] == "AWSPREVIOUS" { &vault.previous } else { &vault.pending };
        let Some(version) = version.lock().unwrap().clone() else {
            let error = axum::Json(json!({ "__type": "ResourceNotFoundException", "Message": "no such version" }));
            return (http::StatusCode::BAD_REQUEST, error).into_response();
        };
        version
    };
    let text = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    let created = match request["VersionStage"].as_str().unwrap() {
        "AWSPREVIOUS" => 1000.0,
        "AWSPENDING" if *vault.pending_is_superseded.lock().unwrap() => 2000.0,
        "AWSCURRENT" => 3000.0,
        _ => 4000.0,
    };
    let version = json!({ "SecretString": text, "VersionId": request["VersionStage"], "CreatedDate": created });
    axum::Json(version).into_response()
}

async fn vault() -> (Arc<Vault>, Verifier) {
    let vault = Arc::new(Vault::default());
    let app = Router::new().fallback(get_secret_value).with_state(vault.clone());
    let url = serve(app).await;
    (vault, verifier(&url))
}

/// A verifier whose Secrets Manager is this endpoint. Its client does not retry.
fn verifier(url: &str) -> Verifier {
    let client = aws_sdk_secretsmanager::Client::new(&aws_config(url, RetryConfig::disabled()));
    Verifier::Secret(Box::new(Cache::new(CallbackSecret::new(client, "arn"))))
}

fn version(password: &str) -> Option<Value> {
    Some(json!({ "username": "platform", "password": password }))
}

/// Moves the clock, on which the age of cached versions depends.
async fn advance(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

async fn verify(verifier: &Verifier, password: &str) -> Result<(), VerifyError> {
    let body = json!({ "username": "platform", "password": password, "requestId": "r" }).to_string();
    verifier.verify(Callback::parse(body.as_bytes(), None).unwrap()).await.map(drop)
}

#[tokio::test]
async fn only_the_current_and_the_previous_password_are_valid() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("new");
    *vault.previous.lock().unwrap() = version("old");
    assert!(verify(&verifier, "new").await.is_ok());
    assert!(verify(&verifier, "old").await.is_ok());
    for wrong in ["", "ol", "older", "NEW"] {
        assert!(matches!(verify(&verifier, wrong).await, Err(VerifyError::WrongCredentials)), "{wrong}");
    }
    assert_eq!(*vault.reads.lock().unwrap(), 1, "the secret is cached");
}

#[tokio::test]
async fn the_pending_password_is_valid_before_it_becomes_current() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("current");
    *vault.previous.lock().unwrap() = version("previous");
    *vault.pending.lock().unwrap() = version("pending");
    for right in ["current", "previous", "pending"] {
        assert!(verify(&verifier, right).await.is_ok(), "{right}");
    }
    *vault.pending.lock().unwrap() = Some(json!("malformed"));
    assert!(matches!(verify(&verifier, "malformed").await, Err(VerifyError::WrongCredentials)));
}

#[tokio::test]
async fn a_pending_password_that_is_no_newer_than_the_current_one_is_invalid() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("by hand");
    *vault.pending.lock().unwrap() = version("of a failed rotation");
    *vault.pending_is_superseded.lock().unwrap() = true;
    assert!(verify(&verifier, "by hand").await.is_ok());
    let refused = verify(&verifier, "of a failed rotation").await;
    assert!(matches!(refused, Err(VerifyError::WrongCredentials)));
}

#[tokio::test]
async fn callbacks_do_not_wait_for_a_slow_refresh_which_continues() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("first");
    assert!(verify(&verifier, "first").await.is_ok());
    *vault.previous.lock().unwrap() = version("first");
    *vault.current.lock().unwrap() = version("second");
    let gate = vault.gate.lock().await;
    advance(11 * 60).await;
    for _ in 0..10 {
        assert!(verify(&verifier, "first").await.is_ok());
        assert!(matches!(verify(&verifier, "second").await, Err(VerifyError::WrongCredentials)));
    }
    drop(gate);
    while verify(&verifier, "second").await.is_err() {
        tokio::task::yield_now().await;
        advance(3).await;
    }
    assert_eq!(*vault.reads.lock().unwrap(), 2, "there was one refresh");
}

#[tokio::test]
async fn an_unreadable_version_is_soon_read_again_while_the_cached_versions_remain_valid() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("current");
    *vault.pending.lock().unwrap() = version("pending");
    *vault.throttled.lock().unwrap() = Some("AWSPENDING");
    assert!(verify(&verifier, "current").await.is_ok());
    assert!(matches!(verify(&verifier, "pending").await, Err(VerifyError::WrongCredentials)));
    *vault.throttled.lock().unwrap() = None;
    advance(3).await;
    assert!(verify(&verifier, "pending").await.is_ok());

    for stage in ["AWSCURRENT", "AWSPENDING"] {
        *vault.throttled.lock().unwrap() = Some(stage);
        advance(11 * 60).await;
        assert!(verify(&verifier, "current").await.is_ok() && verify(&verifier, "pending").await.is_ok(), "{stage}");
    }
}

#[tokio::test]
async fn a_rotated_password_is_found_after_a_minute_without_more_frequent_reads() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("first");
    assert!(verify(&verifier, "first").await.is_ok());
    *vault.previous.lock().unwrap() = version("first");
    *vault.current.lock().unwrap() = version("second");
    for _ in 0..5 {
        assert!(matches!(verify(&verifier, "second").await, Err(VerifyError::WrongCredentials)));
    }
    assert_eq!(*vault.reads.lock().unwrap(), 1);

    advance(61).await;
    assert!(verify(&verifier, "second").await.is_ok());
    assert!(verify(&verifier, "first").await.is_ok());
    assert_eq!(*vault.reads.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_malformed_previous_version_is_ignored() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("new");
    *vault.previous.lock().unwrap() = Some(json!("malformed"));
    assert!(verify(&verifier, "new").await.is_ok());
    assert!(matches!(verify(&verifier, "malformed").await, Err(VerifyError::WrongCredentials)));
}

#[tokio::test]
async fn a_password_rotated_out_twice_is_invalid() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = version("first");
    assert!(verify(&verifier, "first").await.is_ok());
    *vault.current.lock().unwrap() = version("third");
    *vault.previous.lock().unwrap() = version("second");
    advance(11 * 60).await;
    assert!(matches!(verify(&verifier, "first").await, Err(VerifyError::WrongCredentials)));
    assert!(verify(&verifier, "second").await.is_ok());
}

#[tokio::test]
async fn an_unreadable_secret_refuses_every_callback_and_is_not_revealed() {
    let (vault, verifier) = vault().await;
    *vault.current.lock().unwrap() = Some(json!("{\"username\":\"platform\",\"password\":hunter2}"));
    let refusal = verify(&verifier, "hunter2").await.unwrap_err();
    assert!(!format!("{refusal:?} {refusal}").contains("hunter2"));
    assert_eq!(Refusal::from(refusal).status(), 503);
}

#[tokio::test]
async fn a_truncated_answer_is_reported_without_its_content() {
    let app = Router::new().fallback(|| async { "{\"SecretString\": \"{\\\"password\\\": \\\"hunter2\\\"}\", \"Ver" });
    let url = serve(app).await;
    let refusal = verify(&verifier(&url), "hunter2").await.unwrap_err();
    assert!(!format!("{refusal:?} {refusal}").contains("hunter2"), "{refusal:?}");
    assert_eq!(Refusal::from(refusal).status(), 503);
}
