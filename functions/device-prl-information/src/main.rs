//! The Lambda function of the callback service DevicePRLInformation.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&device_prl_information::SERVICE).await
}
