//! What the command line says when AWS or `callbacks local` cannot be asked: what is missing, and where it was looked for.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use axum::Router;
use http::StatusCode;

fn show(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callbacks"));
    command.env_clear().args(["devices", "show", "mdn:2300329133"]).args(arguments);
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    command
}

async fn said(mut command: Command) -> (bool, String) {
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (ran.status.success(), String::from_utf8(ran.stderr).unwrap())
}

async fn served(app: Router) -> String {
    let listen = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listen.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listen, app).await.unwrap() });
    address.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_region_is_reported() {
    let (done, text) = said(show(&["--table", "x"])).await;
    assert!(!done && text.contains("No AWS region is set."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_named_with_its_region() {
    let missing = || async {
        let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"not found"}"#;
        (StatusCode::BAD_REQUEST, body)
    };
    let mut command = show(&["--table", "x"]);
    command.env("AWS_REGION", "us-east-1");
    command.env("AWS_ENDPOINT_URL", format!("http://{}", served(Router::new().fallback(missing)).await));
    let (done, text) = said(command).await;
    assert!(!done && text.contains("No table 'x' in us-east-1."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_local_needs_no_scheme_and_is_named_if_nothing_answers() {
    let (done, text) = said(show(&["--local", "localhost:1"])).await;
    assert!(!done && text.contains("localhost:1 does not answer; is callbacks local running?"), "{text}");
    assert!(!text.contains("2300329133"), "{text}");
    let address = served(Router::new().fallback(async || "{}")).await;
    let (done, text) = said(show(&["--local", &address])).await;
    assert!(done, "{text}");
}
