//! The storage of `callbacks local`: retention, limits and exclusive use of the directory.

use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use local_stack::{Options, start};
use local_tests::{GOLDEN, Stack, options};
use serde_json::{Value, json};

fn in_directory(directory: &Path) -> Options {
    Options { data: Some(directory.to_owned()), ..options() }
}

/// The number of rows in a table of the embedded engine's database.
fn count(file: &Path, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn published_stream_records_are_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::on(directory.path().to_owned()).await;
    for body in GOLDEN {
        assert_eq!(stack.post(body).await, 200);
    }
    stack.topic_messages(5).await;
    assert_eq!(count(&directory.path().join("dynamodb.sqlite"), "_stream_records"), 0);
}

#[tokio::test]
async fn the_engine_keeps_no_transaction_tokens() {
    let stack = Stack::new().await;
    for key in ["a", "b"] {
        let value = AttributeValue::S(key.to_owned());
        let put = Put::builder().table_name("callbacks").item("pk", value.clone()).item("sk", value).build().unwrap();
        let item = TransactWriteItem::builder().put(put).build();
        // With its token, the second request would be refused: the token belongs to a different transaction.
        stack.local.table.transact_write_items().client_request_token("one").transact_items(item).send().await.unwrap();
    }
}

#[tokio::test]
async fn messages_come_in_pages_with_a_link_to_the_next_one() {
    let stack = Stack::new().await;
    for body in GOLDEN {
        assert_eq!(stack.post(body).await, 200);
    }
    stack.topic_messages(5).await;
    let url = format!("http://{}/topics/messages", stack.local.address);
    let first = reqwest::get(format!("{url}?limit=3")).await.unwrap();
    assert_eq!(first.headers()["link"], "<?limit=3&after=3>; rel=\"next\"");
    let numbers =
        |page: Value| page.as_array().unwrap().iter().map(|message| message["number"].clone()).collect::<Vec<_>>();
    assert_eq!(numbers(first.json().await.unwrap()), [1, 2, 3]);
    let last = reqwest::get(format!("{url}?limit=3&after=3")).await.unwrap();
    assert!(!last.headers().contains_key("link"));
    assert_eq!(numbers(last.json().await.unwrap()), [4, 5]);
    for query in ["limit=0", "limit=1001", "limit=x", "after=x"] {
        let (status, error) = stack.get(&format!("/topics/messages?{query}")).await;
        assert_eq!((status, &error["errorCode"]), (400, &json!("INPUT_INVALID.Query.Invalid")), "{query}");
    }
}

#[tokio::test]
async fn messages_of_the_quarantine_and_the_topics_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let messages = async |stack: &Stack| (stack.topic_messages(1).await, stack.all("/quarantine/messages").await);
    let before = {
        let stack = Stack::on(directory.path().to_owned()).await;
        assert_eq!(stack.post(GOLDEN[0]).await, 200);
        assert_eq!(stack.post("<broken").await, 400);
        messages(&stack).await
    };
    assert_eq!(before.1.len(), 1);
    assert_eq!(messages(&Stack::on(directory.path().to_owned()).await).await, before);
}

#[tokio::test]
async fn unpublished_events_are_published_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path().join("dynamodb.sqlite");
    {
        let stack = Stack::on(directory.path().to_owned()).await;
        // Records stay in the stream, as after a crash between publishing and deleting.
        let keep = "CREATE TRIGGER kept BEFORE DELETE ON _stream_records BEGIN SELECT RAISE(FAIL, 'kept'); END";
        rusqlite::Connection::open(&table).unwrap().execute_batch(keep).unwrap();
        assert_eq!(stack.post(GOLDEN[0]).await, 200);
    }
    std::fs::remove_file(directory.path().join("messages.sqlite")).unwrap();
    rusqlite::Connection::open(&table).unwrap().execute_batch("DROP TRIGGER kept").unwrap();
    Stack::on(directory.path().to_owned()).await.topic_messages(1).await;
}

#[tokio::test]
async fn an_empty_file_of_an_earlier_version_does_not_prevent_the_start() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("published-to"), "").unwrap();
    let stack = Stack::on(directory.path().to_owned()).await;
    assert_eq!(stack.post(GOLDEN[0]).await, 200);
    stack.topic_messages(1).await;
}

#[tokio::test]
async fn an_unusable_file_is_named() {
    for file in ["dynamodb.sqlite", "messages.sqlite"] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(file), "no database at all, but long enough for a header\n".repeat(9))
            .unwrap();
        let error = format!("{:#}", start(in_directory(directory.path())).await.unwrap_err());
        assert!(error.contains(file), "{error}");
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = start(in_directory(directory.path())).await.unwrap();
    let error = format!("{:#}", start(in_directory(directory.path())).await.unwrap_err());
    let expected = format!("{} is used by another process of `callbacks local`", directory.path().display());
    assert_eq!(error, expected);
    drop(first);
    start(in_directory(directory.path())).await.unwrap();
}

#[tokio::test]
async fn a_reset_deletes_what_a_directory_keeps_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    {
        let stack = Stack::on(directory.path().to_owned()).await;
        assert_eq!(stack.post(GOLDEN[0]).await, 200);
        assert_eq!(stack.post("<broken").await, 400);
        stack.topic_messages(1).await;
    }
    std::fs::write(directory.path().join("mine"), "").unwrap();
    let stack = Stack::with(Options { reset: true, ..in_directory(directory.path()) }).await;
    assert_eq!(stack.get("/devices/mdn/2300329133").await.0, 404);
    stack.topic_messages(0).await;
    assert_eq!(stack.get("/quarantine/messages").await.1, json!([]));
    assert!(directory.path().join("mine").exists());
}

#[tokio::test]
async fn a_message_for_two_thousand_devices_is_recorded_without_a_timeout() {
    let devices: Vec<_> =
        (0..2000).map(|number| json!({ "id": format!("9900{number:011}"), "kind": "imei" })).collect();
    let body = json!({ "requestId": "r", "deviceIds": devices, "deviceResponse": {}, "status": "Success" });
    let stack = Stack::new().await;
    let (status, _, answer) =
        stack.post_to("DeviceService", Some("application/json"), body.to_string().into_bytes()).await;
    assert_eq!(status, 200, "{answer}");
    for _ in 0..400 {
        if stack.all("/topics/messages").await.len() == 2000 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not all was published");
}
