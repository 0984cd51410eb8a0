//! The Lambda function of the callback service StateService.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&state_service::SERVICE).await
}
