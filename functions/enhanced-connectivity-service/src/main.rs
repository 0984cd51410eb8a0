//! The Lambda function of the callback service EnhancedConnectivityService.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&enhanced_connectivity_service::SERVICE).await
}
