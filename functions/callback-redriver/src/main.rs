//! The Lambda function behind the queue of parked callbacks.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use callback_redriver::Redriver;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use listener::Listener;
use settings::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let listener = Arc::new(Listener::of_process().await?);
    let sqs = aws_sdk_sqs::Client::new(&aws::config(Duration::from_secs(5)).await);
    let redriver = &Redriver { listener, sqs, queue_url: Variables::of_process().required("PARKED_QUEUE_URL")? };
    let redrive =
        |event: LambdaEvent<SqsEvent>| async { Ok::<_, Error>(redriver.redrive(event.payload.records).await) };
    lambda_runtime::run(service_fn(redrive)).await
}
