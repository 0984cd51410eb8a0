//! The Lambda function that keeps the registrations at the platform equal to the stack's endpoints.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use listener_registrar::{Event, Registrar, Settings};
use settings::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let aws = aws::config(Duration::from_secs(10)).await;
    let registrar = &Registrar::new(&aws, Settings::read(&Variables::of_process())?)?;
    let handle =
        |event: LambdaEvent<Event>| async move { registrar.handle(event.payload, &event.context.request_id).await };
    lambda_runtime::run(service_fn(handle)).await
}
