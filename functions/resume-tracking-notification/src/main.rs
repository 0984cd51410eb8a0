//! The Lambda function of the callback service ResumeTrackingNotification.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&resume_tracking_notification::SERVICE).await
}
