//! The Lambda function of the callback service PromoChanges.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    listener::serve(&promo_changes::SERVICE).await
}
