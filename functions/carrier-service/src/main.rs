//! The Lambda function of the callback service CarrierService.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&carrier_service::SERVICE).await
}
