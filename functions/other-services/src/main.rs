//! The Lambda function of all callback services beyond the thirteen.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve_named(other_services::service).await
}
