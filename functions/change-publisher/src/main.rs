//! The Lambda function behind the table's stream.

use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use change_publisher::{Publisher, Topics};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use settings::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let topics = Topics::read(&Variables::of_process())?;
    let sns = aws_sdk_sns::Client::new(&aws::config(Duration::from_secs(20)).await);
    let publisher = &Publisher { sns, topics };
    let publish = |event: LambdaEvent<Event>| async { Ok::<_, Error>(publisher.publish(event.payload.records).await?) };
    lambda_runtime::run(service_fn(publish)).await
}
