//! Random histories of devices: the table stays consistent for any messages in any order.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use callback::Callback;
use device::{CallbackService, Identifier};
use jiff::{Timestamp, ToSpan};
use local_tests::{Contents, Stack, block_on, identifier_xml, provisioning_change};
use proptest::prelude::*;
use serde_json::{Value, json};
use store::Store;

/// A message of a history. Identifiers are from small pools, so that numbers are recycled and hardware is swapped.
#[derive(Debug, Clone)]
struct Sent {
    change: &'static str,
    /// The number of the request. Messages with equal requests and contents are duplicates.
    request: u8,
    /// The identifiers of the envelope and of the snapshot.
    addressed: BTreeSet<(&'static str, u8)>,
    snapshot: BTreeSet<(&'static str, u8)>,
    /// The receive time relative to the order of the history, in seconds. Negative if reordered.
    delay: i64,
    /// Whether it is recorded concurrently with the previous message.
    concurrent: bool,
}

const KINDS: [&str; 6] = ["mdn", "min", "iccid", "imei", "meid", "otaid"];
/// Changes of ExternalProvisioningChanges and of CarrierService.
const CHANGES: [&str; 10] = [
    "Activate",
    "SUSPEND",
    "RESTORE",
    "Deactivate",
    "ChangeMDN",
    "changeIMEI",
    "activateResponse",
    "deactivateResponse",
    "changeIdentifierResponse",
    "moveResponse",
];

fn names() -> impl Strategy<Value = BTreeSet<(&'static str, u8)>> {
    proptest::collection::btree_set((proptest::sample::select(KINDS.as_slice()), 0..3_u8), 0..5)
}

fn sent() -> impl Strategy<Value = Sent> {
    (
        proptest::sample::select(CHANGES.as_slice()),
        0..6_u8,
        prop_oneof![Just(BTreeSet::new()), names()],
        prop_oneof![Just(BTreeSet::new()), names()],
        -3..3_i64,
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(change, request, addressed, snapshot, delay, concurrent)| Sent {
            change,
            request,
            addressed,
            snapshot,
            delay,
            concurrent,
        })
}

fn service(sent: &Sent) -> &'static CallbackService {
    if sent.change.ends_with("Response") { &carrier_service::SERVICE } else { &external_provisioning_changes::SERVICE }
}

fn body(sent: &Sent) -> String {
    if sent.change.ends_with("Response") {
        let ids = |identifiers: &BTreeSet<(&str, u8)>| -> Vec<Value> {
            identifiers.iter().map(|(kind, number)| json!({ "kind": kind, "id": format!("{kind}{number}") })).collect()
        };
        let status = if sent.request == 5 { "Failed" } else { "Success" };
        let response = json!({ sent.change: { "deviceIds": ids(&sent.snapshot) } });
        let request = format!("r-{}", sent.request);
        return json!({ "requestId": request, "deviceIds": ids(&sent.addressed), "deviceResponse": response, "status": status })
            .to_string();
    }
    let elements = |element: &str, identifiers: &BTreeSet<(&str, u8)>| -> String {
        identifiers.iter().map(|(kind, number)| identifier_xml(element, kind, &format!("{kind}{number}"))).collect()
    };
    let Sent { change, request, .. } = sent;
    let envelope = format!("<RequestId>r-{request}</RequestId>{}", elements("Device", &sent.addressed));
    let account = "<AccountName>A</AccountName>";
    let state = format!("<CarrierInformation><State>{change}</State></CarrierInformation>");
    let snapshot = elements("DeviceIdentifiers", &sent.snapshot);
    provisioning_change(&envelope, change, &format!("{account}{state}{snapshot}"))
}

async fn record(store: &Store, sent: &Sent, received_at: Timestamp) {
    let recording = local_tests::record(store, service(sent), &body(sent), received_at, Duration::from_secs(30)).await;
    assert!(recording.failure.is_none() && recording.oversized.is_empty(), "{recording:?}");
}

/// The rows of the table as texts.
async fn contents(stack: &Stack) -> Contents {
    let text = |value: &AttributeValue| value.as_s().or_else(|_| value.as_n()).cloned().unwrap_or_default();
    let rows = stack.rows().await;
    Contents::of(rows.iter().map(|row| row.iter().map(|(name, value)| (name.clone(), text(value))).collect()))
}

/// The events of every device lead to the stored device.
async fn assert_events_lead_to_devices(store: &Store, contents: &Contents) {
    for device in contents.devices.values() {
        let rebuilt = device::rebuild(&store.recorded_events(&device.id).await.unwrap()).unwrap();
        assert_eq!(rebuilt.faults, []);
        assert_eq!(rebuilt.device, *device);
    }
}

async fn play(history: &[Sent]) {
    let stack = Stack::new().await;
    let store = stack.store();
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut distinct = BTreeSet::new();
    let mut place = 0;
    for group in history.chunk_by(|_, next| next.concurrent) {
        let recorded = group.iter().map(|sent| {
            place += 1;
            record(&store, sent, start + (place * 2 + sent.delay).seconds())
        });
        futures_util::future::join_all(recorded).await;
        for sent in group {
            let message = Callback::parse(body(sent).as_bytes(), None).unwrap().message;
            let parts = (service(sent).interpret)("", message).len();
            distinct.extend((0..parts).map(|part| (body(sent), part)));
        }
    }
    let contents = contents(&stack).await;
    contents.assert_consistent();
    assert_events_lead_to_devices(&store, &contents).await;
    assert_eq!(contents.applied().count(), distinct.len(), "each message is recorded once");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_history_leaves_the_table_consistent(history in proptest::collection::vec(sent(), 1..24)) {
        block_on(play(&history));
    }

    #[test]
    fn the_state_is_that_of_the_newest_message_in_any_order_of_arrival(
        order in Just((0..8_i64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        block_on(async {
            let stack = Stack::new().await;
            let store = stack.store();
            let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            for number in &order {
                let change = if *number == 7 { "RESTORE" } else { "SUSPEND" };
                let identifiers = BTreeSet::from([("meid", 1), ("mdn", u8::try_from(*number).unwrap())]);
                let request = u8::try_from(*number).unwrap();
                let sent = Sent { change, request, addressed: BTreeSet::new(), snapshot: identifiers, delay: 0, concurrent: false };
                record(&store, &sent, start + number.seconds()).await;
            }
            let device = store.device_with(&Identifier::new("meid", "meid1").unwrap()).await.unwrap().unwrap();
            assert_eq!(device.provisioning.state.as_deref(), Some("RESTORE"));
            assert!(device.identifiers.contains(&Identifier::new("mdn", "mdn7").unwrap()));
            assert_eq!(device.version, 8);
        });
    }
}
