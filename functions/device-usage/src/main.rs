//! The Lambda function of the callback service DeviceUsage.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&device_usage::SERVICE).await
}
