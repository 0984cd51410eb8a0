//! The Lambda function of the callback service SMSDeliveryConfirmation.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&sms_delivery_confirmation::SERVICE).await
}
