//! The Lambda function behind the table's stream.

use std::time::Duration;

use change_publisher::{DeadLetters, Invocation, Publisher, Settings};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use settings::Variables;

/// Timeout of an AWS call, retries included.
const AWS_TIMEOUT: Duration = Duration::from_secs(12);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let Settings { topics, dead_letter_queue_url: queue_url } = Settings::read(&Variables::of_process())?;
    let config = aws::config(AWS_TIMEOUT).await;
    let dead_letters = DeadLetters { sqs: aws_sdk_sqs::Client::new(&config), queue_url };
    let publisher = &Publisher { sns: aws_sdk_sns::Client::new(&config), topics, dead_letters };
    let publish = |event: LambdaEvent<Invocation>| async { Ok::<_, Error>(publisher.publish(event.payload).await?) };
    lambda_runtime::run(service_fn(publish)).await
}
