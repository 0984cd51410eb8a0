//! Passes parked callbacks to the redriver, like Lambda's event source mapping.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use callback_redriver::Redriver;

use super::queues::{PARKED, Queues, Received};

/// Polling interval.
const PAUSE: Duration = Duration::from_millis(100);

/// As in template.yaml.
const BATCH_SIZE: u32 = 10;
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(360);

/// Redrives until the task is stopped.
pub async fn redrive(queues: Arc<Queues>, redriver: Redriver) {
    loop {
        match redrive_next(&queues, &redriver).await {
            Ok(0) => tokio::time::sleep(PAUSE).await,
            Ok(_) => {}
            Err(error) => {
                eprintln!("Cannot redrive parked callbacks: {error:#}");
                tokio::time::sleep(PAUSE * 10).await;
            }
        }
    }
}

/// Redrives a batch and deletes what was recorded. Returns the number of messages.
async fn redrive_next(queues: &Queues, redriver: &Redriver) -> anyhow::Result<usize> {
    let received = queues.receive(PARKED, BATCH_SIZE, VISIBILITY_TIMEOUT)?;
    if received.is_empty() {
        return Ok(0);
    }
    let response = redriver.redrive(received.iter().map(message).collect()).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    for message in &received {
        if !failed.contains(&message.number.to_string().as_str()) {
            queues.delete(PARKED, &message.receipt_handle)?;
        }
    }
    Ok(received.len())
}

fn message(received: &Received) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(received.number.to_string());
    message.receipt_handle = Some(received.receipt_handle.clone());
    message.body = Some(received.body.clone());
    message.attributes.insert("ApproximateReceiveCount".to_owned(), received.receives.to_string());
    message
}
