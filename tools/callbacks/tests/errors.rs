//! The error texts when AWS or `callbacks local` is unreachable: each names what is missing and where it was expected.

use std::process::Command;

use axum::Router;
use http::StatusCode;

use crate::{command, run};

fn show(arguments: &[&str]) -> Command {
    let mut command = command(&["devices", "show", "mdn:2300329133"]);
    command.args(arguments);
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    command
}

/// Whether the command succeeded, and its error output.
async fn stderr_of(command: Command) -> (bool, String) {
    let (code, _, error) = run(command).await;
    (code == 0, error)
}

async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    address.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_region_is_reported() {
    let (done, text) = stderr_of(show(&["--table", "x"])).await;
    assert!(!done && text.contains("no AWS region is set;"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_named_with_its_region() {
    let missing = || async {
        let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"not found"}"#;
        (StatusCode::BAD_REQUEST, body)
    };
    let mut command = show(&["--table", "x"]);
    command.env("AWS_REGION", "us-east-1");
    command.env("AWS_ENDPOINT_URL", format!("http://{}", serve(Router::new().fallback(missing)).await));
    let (done, text) = stderr_of(command).await;
    assert!(!done && text.contains("no table 'x' in us-east-1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_local_needs_no_scheme_and_is_named_if_nothing_answers() {
    let (done, text) = stderr_of(show(&["--local", "localhost:1"])).await;
    assert!(!done && text.contains("localhost:1 does not answer; is callbacks local running?"), "{text}");
    assert!(!text.contains("2300329133"), "{text}");
    let address = serve(Router::new().fallback(async || "{}")).await;
    let (done, text) = stderr_of(show(&["--local", &address])).await;
    assert!(done, "{text}");
}
