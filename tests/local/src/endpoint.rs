//! Scripted endpoints in place of AWS or of the platform, and the configuration of AWS clients for them.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use tokio::net::TcpListener;

/// Serves the application on a free port until the test ends. Returns its URL.
pub async fn serve(app: Router) -> String {
    let (listener, url) = silent_endpoint().await;
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    url
}

/// An endpoint that accepts connections and never answers, until it is dropped.
pub async fn silent_endpoint() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// The URL of a port that refuses connections.
pub async fn unreachable_endpoint() -> String {
    silent_endpoint().await.1
}

/// The configuration of AWS clients that send all requests to this endpoint.
#[must_use]
pub fn aws_config(endpoint: &str, retries: RetryConfig) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("local"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
        .endpoint_url(endpoint)
        .build()
}
