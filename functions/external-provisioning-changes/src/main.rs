//! The Lambda function of the callback service ExternalProvisioningChanges.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&external_provisioning_changes::SERVICE).await
}
