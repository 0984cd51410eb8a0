//! The Lambda function of the callback service AlertService.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&alert_service::SERVICE).await
}
