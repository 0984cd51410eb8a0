//! Optimistic locking: another writer changes a row between the read and the conditional write.

use std::time::Duration;

use device::Identifier;
use external_provisioning_changes::SERVICE;
use jiff::Timestamp;
use local_tests::{GOLDEN, Stack};
use store::{Store, StoreError};

async fn record(store: &Store, body: &str, received_at: Timestamp, within: Duration) -> Result<(), StoreError> {
    local_tests::record(store, &SERVICE, body, received_at, within).await.failure.map_or(Ok(()), Err)
}

#[tokio::test]
async fn concurrent_writers_of_one_device_lose_no_event() {
    let stack = Stack::new().await;
    let store = stack.store();
    let now = Timestamp::now();
    let bodies: Vec<_> = (0..20).map(|number| GOLDEN[2].replace("0aafcb4a", &format!("{number:08}"))).collect();
    let writers = bodies.iter().map(|body| record(&store, body, now, Duration::from_secs(30)));
    for written in futures_util::future::join_all(writers).await {
        written.unwrap();
    }
    assert_eq!(stack.device("meid/A2000009D6BFE1").await["version"], 20);
    assert_eq!(stack.events("meid/A2000009D6BFE1").await.len(), 20);
}

/// A row whose version differs from its device's is inconsistent, so that every retry fails until the deadline.
#[tokio::test]
async fn losing_every_race_until_the_deadline_is_an_error_and_changes_nothing() {
    let stack = Stack::new().await;
    let store = stack.store();
    record(&store, GOLDEN[1], Timestamp::now(), Duration::from_secs(5)).await.unwrap();
    let id = store.device_with(&Identifier::new("meid", "A2000009D6BFE1").unwrap()).await.unwrap().unwrap().id;
    stack.corrupt_version(&id).await;

    let rows = stack.rows().await.len();
    let lost = record(&store, GOLDEN[2], Timestamp::now(), Duration::from_millis(300)).await;
    assert!(matches!(lost, Err(StoreError::DeadlineExceeded)), "{lost:?}");
    assert_eq!(stack.rows().await.len(), rows);
}

#[tokio::test]
async fn equal_content_without_a_request_id_is_a_duplicate_only_while_the_platform_resends() {
    let stack = Stack::new().await;
    let store = stack.store();
    let body = GOLDEN[2].replace("<RequestId>0aafcb4a-91fe-46b0-9154-f84f410f0f49</RequestId>", "");
    let at = |minutes: i64| Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap();
    for (minutes, version) in [(0, 1), (5, 1), (15, 1), (21, 2), (22, 2)] {
        record(&store, &body, at(minutes), Duration::from_secs(5)).await.unwrap();
        assert_eq!(stack.device("meid/A2000009D6BFE1").await["version"], version, "after {minutes} minutes");
    }
}

#[tokio::test]
async fn an_event_too_large_for_a_row_is_refused_and_quarantined() {
    let stack = Stack::new().await;
    let body = GOLDEN[2].replace("<Source/>", &format!("<Source>{}</Source>", "x".repeat(500_000)));
    assert_eq!(stack.post(&body).await, 413);
    assert!(stack.rows().await.is_empty());
    assert_eq!(stack.quarantined().await.len(), 1);
}
