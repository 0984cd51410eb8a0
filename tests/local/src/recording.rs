//! Recording messages without a listener, at times that the test chooses.

use std::collections::BTreeSet;
use std::time::Duration;

use callback::Callback;
use device::{CallbackDelivery, CallbackService};
use jiff::{SignedDuration, Timestamp};
use store::{Recording, Store};
use tokio::time::Instant;

use crate::stack::Stack;

/// Records a message of a service as the listener does, received at this time.
pub async fn record(
    store: &Store,
    service: &CallbackService,
    body: &str,
    received_at: Timestamp,
    timeout: Duration,
) -> Recording {
    let message = Callback::parse(body.as_bytes(), None).unwrap().message;
    let delivery = CallbackDelivery::new(service, &message, received_at);
    let observations = (service.interpret)(&service.name, message);
    store.record(&delivery, observations.iter().enumerate(), Instant::now() + timeout).await
}

/// How many events a device has after these deliveries, each received this long after the first. Panics if two events
/// have the same id: subscribers discard an event whose id they have seen.
pub async fn events_recorded(
    service: &CallbackService,
    identifier: &str,
    deliveries: impl IntoIterator<Item = (SignedDuration, &str)>,
) -> usize {
    let stack = Stack::new().await;
    let store = stack.store();
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    for (delay, body) in deliveries {
        let recording = record(&store, service, body, start + delay, Duration::from_secs(5)).await;
        assert!(recording.failure.is_none(), "{recording:?}");
    }
    let events = stack.events(identifier).await;
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), events.len(), "subscribers discard an event whose id they have seen");
    events.len()
}

/// Runs a test case of a property to its end.
pub fn block_on<T>(case: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case)
}
