//! The Lambda function of the callback service DeviceSuspensionStatus.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&device_suspension_status::SERVICE).await
}
