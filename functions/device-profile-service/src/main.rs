//! The Lambda function of the callback service DeviceProfileService.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&device_profile_service::SERVICE).await
}
