//! `callbacks events`, on `callbacks local`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, BillingMode};
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use axum::body::Bytes;
use axum::extract::State;
use axum::{Json, Router};
use local_stack::Local;
use serde_json::{Value, json};

use crate::{command, post, run, stack};

const QUEUE: &str = "http://local/publisher-dead-letters";

async fn get(url: &str, path: &str) -> Vec<Value> {
    reqwest::get(format!("{url}{path}")).await.unwrap().json().await.unwrap()
}

/// Waits until this many messages are at this path.
async fn messages(url: &str, path: &str, count: usize) -> Vec<Value> {
    for _ in 0..400 {
        let messages = get(url, path).await;
        if messages.len() >= count {
            assert_eq!(messages.len(), count, "{messages:#?}");
            return messages;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path} does not have {count} messages");
}

fn usage(request_id: &str) -> Value {
    let usage = json!({ "accountName": "0000123456-00001", "deviceIds": [{ "kind": "imei", "id": "990013907835573" }],
                        "requestId": request_id, "dataUsage": 1 });
    json!({ "username": "", "password": "", "requestId": request_id, "deviceIds": usage["deviceIds"],
            "deviceResponse": { "deviceUsageResponse": usage } })
}

/// Writes a row to the table as if it were the event of a device.
async fn put_event(local: &Local, device: &str, event: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = local.table.put_item().table_name("callbacks").item("pk", text(&format!("DEVICE#{device}")));
    put.item("sk", text("EVENT#000000000001")).item("event", text(event)).send().await.unwrap();
}

/// Sends a message to the dead-letter queue.
async fn send(url: &str, message: &Value) {
    let request = json!({ "QueueUrl": QUEUE, "MessageBody": message.to_string() });
    let request = reqwest::Client::new().post(url).header("x-amz-target", "AmazonSQS.SendMessage").json(&request);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_with_its_reason_and_stays_until_it_can_be_published() {
    let (local, url) = stack().await;
    post(&url, "DeviceUsage", &usage("1")).await;
    let published = messages(&url, "/topics/messages", 1).await.remove(0);
    put_event(&local, "poison", "rubbish").await;
    let mut letter = messages(&url, "/dead-letters/messages", 1).await.remove(0);
    let reason = "the row's attribute 'event' is no event: line 1, column 1";
    assert_eq!(letter["reason"], reason);

    for arguments in [vec!["--dry-run"], vec![]] {
        let arguments = [vec!["events", "redrive", "--local", &url], arguments].concat();
        let (code, output, error) = run(command(&arguments)).await;
        assert_eq!((code, error.as_str()), (1, ""), "{output}");
        let line = format!("DEVICE#poison EVENT#000000000001: {reason}\n0 messages published or dropped, 1 left\n");
        assert_eq!(output, line);
    }
    assert_eq!(messages(&url, "/topics/messages", 1).await.len(), 1);

    // As if a later version could publish it.
    let id = published["message"]["subject"].as_str().unwrap();
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let keys = [key("pk", &format!("DEVICE#{id}")), key("sk", "EVENT#000000000001")].into();
    let row = local.table.get_item().table_name("callbacks").set_key(Some(keys)).send().await.unwrap();
    letter["record"]["dynamodb"]["NewImage"]["event"]["S"] = row.item.unwrap()["event"].as_s().unwrap().as_str().into();
    send(&url, &letter).await;
    let (code, output, _) = run(command(&["events", "redrive", "--local", &url])).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.ends_with("1 message published or dropped, 1 left\n"), "{output}");
    let again = messages(&url, "/topics/messages", 2).await.remove(1);
    assert_eq!(again["message"], published["message"], "the first publication of an event is no replay");
    assert_eq!(messages(&url, "/dead-letters/messages", 1).await[0]["number"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_to_expired_records_names_the_command_that_publishes_them_and_is_then_dropped() {
    let (_local, url) = stack().await;
    let batch = json!({
        "shardId": "shardId-00000001-000000000001", "startSequenceNumber": "000000000000000000900", "endSequenceNumber": "000000000000000001100",
        "batchSize": 2, "streamArn": "arn:aws:dynamodb:local:000000000000:table/former/stream/2026-03-01T00:00:00.000",
        "approximateArrivalOfFirstRecord": "2026-03-01T10:00:00Z",
        "approximateArrivalOfLastRecord": "2026-03-01T10:05:00Z",
    });
    send(&url, &json!({ "requestContext": {}, "DDBStreamBatchInfo": batch })).await;
    let (code, output, error) = run(command(&["events", "redrive", "--local", &url])).await;
    assert_eq!(code, 1, "{output}{error}");
    let advice =
        format!("callbacks events republish --local {url} --since 2026-03-01T09:00:00Z --until 2026-03-01T10:05:01Z");
    assert!(output.contains(&advice), "{output}");
    let (code, output, _) = run(command(&["events", "redrive", "--local", &url, "--drop-expired"])).await;
    assert_eq!((code, output.as_str()), (0, "1 message published or dropped, 0 left\n"));
    assert!(get(&url, "/dead-letters/messages").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_records_that_a_pointer_names_are_published_from_the_stream_in_order() {
    let (local, url) = stack().await;
    for request in ["1", "2", "3"] {
        post(&url, "DeviceUsage", &usage(request)).await;
    }
    let published = messages(&url, "/topics/messages", 3).await;
    // The stream of another table, since `callbacks local` deletes what it has published.
    let client = &local.table;
    let table = client.describe_table().table_name("callbacks").send().await.unwrap().table.unwrap();
    let create = client.create_table().table_name("other").billing_mode(BillingMode::PayPerRequest);
    let create = create.set_key_schema(table.key_schema).set_attribute_definitions(table.attribute_definitions);
    create.set_stream_specification(table.stream_specification).send().await.unwrap();
    let rows = client.scan().table_name("callbacks").send().await.unwrap().items.unwrap();
    let mut rows: Vec<_> = rows.into_iter().filter(|row| row["pk"].as_s().unwrap().starts_with("DEVICE#")).collect();
    rows.sort_by_key(|row| row["sk"].as_s().unwrap().clone());
    for row in rows {
        client.put_item().table_name("other").set_item(Some(row)).send().await.unwrap();
    }
    let (arn, shard, numbers) = stream_of(&local, "other").await;
    assert_eq!(numbers.len(), 4, "three events and the device");
    let batch = json!({
        "shardId": shard, "startSequenceNumber": numbers[1], "endSequenceNumber": numbers[3], "batchSize": 3,
        "streamArn": arn, "approximateArrivalOfFirstRecord": "2026-03-01T10:00:00Z",
        "approximateArrivalOfLastRecord": "2026-03-01T10:05:00Z",
    });
    send(&url, &json!({ "requestContext": {}, "DDBStreamBatchInfo": batch })).await;
    let (code, output, error) = run(command(&["events", "redrive", "--local", &url])).await;
    assert_eq!((code, output.as_str()), (0, "1 message published or dropped, 0 left\n"), "{error}");
    let again = messages(&url, "/topics/messages", 5).await;
    assert_eq!(again[3]["message"], published[1]["message"]);
    assert_eq!(again[4]["message"], published[2]["message"]);
}

/// The ids of events by subject, in the order of publication.
fn ids(messages: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in messages {
        let text = |name: &str| message["message"][name].as_str().unwrap().to_owned();
        ids.entry(text("subject")).or_default().push(text("id"));
    }
    ids
}

/// Runs `republish` with the position in this directory.
async fn republish(url: &str, directory: &Path, options: &[&str]) -> (i32, String, String) {
    let arguments = ["events", "republish", "--local", url];
    let mut command = command(&[&arguments, options].concat());
    command.env("XDG_STATE_HOME", directory);
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_events_are_published_again_in_order_with_their_ids_marked_as_a_replay() {
    let (_local, url) = stack().await;
    let state = tempfile::tempdir().unwrap();
    for request in ["1", "2", "3"] {
        post(&url, "DeviceUsage", &usage(request)).await;
    }
    post(&url, "NearRealTime", &json!({ "requestId": "n", "deviceResponse": { "accountName": "A", "x": 1 } })).await;
    let events = messages(&url, "/topics/messages", 4).await;

    let (code, output, error) = republish(&url, state.path(), &["--since", "2020-01-01", "--dry-run"]).await;
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(output, "DeviceUsage: 3\nNearRealTime: 1\n4 events would be published again\n");
    assert_eq!(get(&url, "/topics/messages").await.len(), 4);

    let (code, output, error) = republish(&url, state.path(), &["--since", "2020-01-01"]).await;
    assert_eq!((code, error.as_str()), (0, ""), "{output}");
    let replay = output.trim().strip_prefix("4 events published again as replay ").unwrap();
    let all = messages(&url, "/topics/messages", 8).await;
    assert_eq!(ids(&all[4..]), ids(&events), "in order per device and account");
    for message in &all[4..] {
        assert_eq!((&message["message"]["replay"], &message["attributes"]["replay"]), (&json!(replay), &json!(replay)));
    }
    let original = events.iter().find(|event| event["message"]["id"] == all[4]["message"]["id"]).unwrap();
    assert_eq!(original["message"].get("replay"), None);
    assert_eq!(original["message"]["data"], all[4]["message"]["data"]);
    let files = std::fs::read_dir(state.path().join("thingspace-callbacks")).unwrap().count();
    assert_eq!(files, 0, "a run that has ended leaves no position");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_limited_to_a_period_a_service_and_a_device() {
    let (_local, url) = stack().await;
    let state = tempfile::tempdir().unwrap();
    for request in ["1", "2"] {
        post(&url, "DeviceUsage", &usage(request)).await;
    }
    post(&url, "NearRealTime", &json!({ "requestId": "n", "deviceResponse": { "accountName": "A", "x": 1 } })).await;
    messages(&url, "/topics/messages", 3).await;
    let imei = "imei:990013907835573";
    let cases: [(&[&str], &str); 7] = [
        (&["--since", "2020-01-01"], "3 events"),
        (&["--since", "2020-01-01", "--until", "2020-01-02"], "0 events"),
        (&["--since", "2100-01-01", "--until", "2100-01-02"], "0 events"),
        (&["--since", "2020-01-01", "--service", "NearRealTime"], "1 event"),
        (&["--since", "2020-01-01", "--device", imei], "2 events"),
        (&["--since", "2020-01-01", "--device", imei, "--service", "NearRealTime"], "0 events"),
        (&["--since", "2020-01-01", "--device", imei, "--until", "2100-01-01"], "2 events"),
    ];
    for (options, expected) in cases {
        let (code, output, error) = republish(&url, state.path(), &[options, &["--dry-run"]].concat()).await;
        assert_eq!((code, error.as_str()), (0, ""));
        assert!(output.ends_with(&format!("{expected} would be published again\n")), "{options:?}: {output}");
    }
    let (code, output, _) = republish(&url, state.path(), &["--since", "2020-01-01", "--device", imei]).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.starts_with("2 events published again"), "{output}");
    messages(&url, "/topics/messages", 5).await;

    for (options, text) in [
        (["--since", "2026-03-02", "--until", "2026-03-01"], "--until is before --since"),
        (["--since", "2026-03-02", "--device", "imei:1"], "no device has this identifier"),
    ] {
        let (code, _, error) = republish(&url, state.path(), &options).await;
        assert_eq!((code, error), (2, format!("Error: {text}.\n")));
    }
}

/// A publisher function that publishes a limited number of events, and what it was invoked with.
#[derive(Default)]
struct Publisher {
    limit: Mutex<usize>,
    published: Mutex<Vec<String>>,
    replays: Mutex<BTreeSet<String>>,
    largest: Mutex<usize>,
}

async fn invoke(State(publisher): State<Arc<Publisher>>, body: Bytes) -> Json<Value> {
    let input: Value = serde_json::from_slice(&body).unwrap();
    publisher.replays.lock().unwrap().insert(input["cause"]["replay"]["run"].as_str().unwrap().to_owned());
    let records = input["Records"].as_array().unwrap();
    let mut largest = publisher.largest.lock().unwrap();
    *largest = records.len().max(*largest);
    for record in records {
        let mut limit = publisher.limit.lock().unwrap();
        if *limit == 0 {
            let failed = &record["dynamodb"]["SequenceNumber"];
            let failures = json!([{ "itemIdentifier": failed }]);
            return Json(json!({ "batchItemFailures": failures, "reason": "SNS failed: Throttling" }));
        }
        *limit -= 1;
        publisher.published.lock().unwrap().push(record["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap().to_owned());
    }
    Json(json!({ "batchItemFailures": [] }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_stops_is_continued_by_the_same_command_where_it_stopped() {
    let (local, _) = stack().await;
    let state = tempfile::tempdir().unwrap();
    for sequence in 1..=250 {
        let items = [("pk", "DEVICE#1"), ("sk", &format!("EVENT#{sequence:012}")), ("service", "DeviceUsage")];
        let items = items.into_iter().chain([("receivedAt", "2026-03-01T10:00:00Z"), ("event", "{}")]);
        let mut put = local.table.put_item().table_name("callbacks");
        for (name, value) in items {
            put = put.item(name, AttributeValue::S(value.to_owned()));
        }
        put.send().await.unwrap();
    }
    // The deployment: the table of the stack, with a publisher function that stops.
    let publisher = Arc::new(Publisher { limit: Mutex::new(130), ..Publisher::default() });
    let outputs = json!({ "TableName": "callbacks", "PublisherFunctionName": "p" });
    let deployment = json!({ "dynamodb": format!("http://{}", local.dynamodb), "outputs": outputs });
    let app = Router::new()
        .route("/stack", axum::routing::get(async || Json(deployment)))
        .route("/2015-03-31/functions/p/invocations", axum::routing::post(invoke))
        .with_state(publisher.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });

    let options = ["--since", "2026-03-01", "--until", "2026-03-02"];
    let (code, _, error) = republish(&url, state.path(), &options).await;
    let text = "no more events can be published at the moment, and the same command continues after the first 130";
    assert_eq!((code, error), (3, format!("Error: {text}: SNS failed: Throttling.\n")));
    *publisher.limit.lock().unwrap() = usize::MAX;
    let (code, output, error) = republish(&url, state.path(), &options).await;
    assert_eq!(code, 0, "{error}");
    assert!(error.starts_with("Continues the replay "), "{error}");
    assert!(output.starts_with("250 events published again"), "{output}");

    let expected: Vec<_> = (1..=250).map(|sequence| format!("EVENT#{sequence:012}")).collect();
    assert_eq!(*publisher.published.lock().unwrap(), expected, "each once, in order");
    assert_eq!(publisher.replays.lock().unwrap().len(), 1, "it is one run");
    assert_eq!(*publisher.largest.lock().unwrap(), 100);
}

/// The stream of a table: its ARN, its shard and the sequence numbers of its records.
async fn stream_of(local: &Local, table: &str) -> (String, String, Vec<String>) {
    let configuration = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(format!("http://{}", local.dynamodb))
        .build();
    let client = aws_sdk_dynamodbstreams::Client::from_conf(configuration);
    let arn =
        client.list_streams().table_name(table).send().await.unwrap().streams.unwrap().remove(0).stream_arn.unwrap();
    let described = client.describe_stream().stream_arn(&arn).send().await.unwrap().stream_description.unwrap();
    let shard = described.shards.unwrap().remove(0).shard_id.unwrap();
    let iterator = client.get_shard_iterator().stream_arn(&arn).shard_id(&shard);
    let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap().shard_iterator;
    let records = client.get_records().shard_iterator(iterator.unwrap()).send().await.unwrap().records.unwrap();
    (arn, shard, records.into_iter().map(|record| record.dynamodb.unwrap().sequence_number.unwrap()).collect())
}
