//! Every text of a message is in the recorded events.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use callback::Callback;
use device::RecordedEvent;
use local_tests::{Stack, block_on};
use proptest::prelude::*;
use registry::SERVICES;
use serde_json::{Map, Value, json};

/// Names that the platform uses, and invented ones.
const NAMES: [&str; 27] = [
    "deviceResponse",
    "Data",
    "usageResponse",
    "Usage",
    "deviceIds",
    "DeviceIdentifiers",
    "Device",
    "Kind",
    "kind",
    "id",
    "Identifier",
    "CarrierService",
    "activateResponse",
    "DeactivateDevice",
    "changeIdentifierResponse",
    "SmsMessage",
    "ExternalProvisioningChange",
    "DeviceInfo",
    "CustomFields",
    "Change",
    "Comment",
    "Summary",
    "Status",
    "Fault",
    "faultResponse",
    "accountName",
    "servicePlan",
];

/// The names of members in a generated payload.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![proptest::sample::select(NAMES.as_slice()).prop_map(str::to_owned), "[A-Za-z][a-zA-Z]{0,6}"]
}

/// Objects, arrays, nil and empty members, and texts.
fn payload() -> impl Strategy<Value = Map<String, Value>> {
    let identifier = proptest::sample::select(["mdn", "imei", "Iccid", "sku"].as_slice());
    let identifier = identifier.prop_map(|kind| json!({ "kind": kind, "id": "leaf" }));
    let leaf = prop_oneof![
        6 => Just(Value::from("leaf")),
        3 => identifier,
        1 => Just(Value::Null),
        1 => Just(Value::from("")),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            3 => proptest::collection::vec((name(), inner.clone()), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
            2 => proptest::collection::vec(inner, 1..4).prop_map(Value::Array),
        ]
    });
    proptest::collection::vec((name(), tree), 1..5).prop_map(|members| members.into_iter().collect())
}

/// Makes the text of every leaf unique.
fn number(value: &mut Value, texts: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|value| number(value, texts)),
        Value::Array(items) => items.iter_mut().for_each(|value| number(value, texts)),
        Value::String(text) if text == "leaf" => {
            *text = format!("leaf {}", texts.len());
            texts.push(text.clone());
        }
        _ => {}
    }
}

fn xml(name: &str, value: &Value, out: &mut String) {
    match value {
        Value::Null => write!(out, "<{name} xsi:nil=\"true\"/>").unwrap(),
        Value::Array(items) => items.iter().for_each(|item| xml(name, item, out)),
        Value::Object(members) => {
            write!(out, "<{name}>").unwrap();
            members.iter().for_each(|(name, value)| xml(name, value, out));
            write!(out, "</{name}>").unwrap();
        }
        Value::String(text) => write!(out, "<{name}>{text}</{name}>").unwrap(),
        other => write!(out, "<{name}>{other}</{name}>").unwrap(),
    }
}

fn leaves(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| leaves(value, found)),
        Value::Array(items) => items.iter().for_each(|value| leaves(value, found)),
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Null => {}
        other => {
            found.insert(other.to_string());
        }
    }
}

/// All texts of the events in the table.
async fn recorded(stack: &Stack) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for row in stack.rows().await {
        if row["sk"].as_s().unwrap().starts_with("EVENT#") {
            let recorded: RecordedEvent = serde_json::from_str(row["event"].as_s().unwrap()).unwrap();
            leaves(&serde_json::to_value(recorded.event).unwrap(), &mut kept);
        }
    }
    kept
}

#[tokio::test]
async fn every_text_of_every_golden_message_is_in_a_recorded_event() {
    let stack = Stack::new().await;
    let mut expected = BTreeSet::new();
    for service in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")).unwrap() {
        let service = service.unwrap().path();
        if !service.is_dir() {
            continue;
        }
        let name = service.file_name().unwrap().to_str().unwrap().replace('-', "");
        let registered = SERVICES.iter().find(|service| service.name.eq_ignore_ascii_case(&name));
        let name = registered.map_or(name, |service| service.name.to_string());
        for (transport, content_type) in [("soap", "text/xml"), ("rest", "application/json")] {
            for file in std::fs::read_dir(service.join(transport)).unwrap() {
                let body = std::fs::read(file.unwrap().path()).unwrap();
                let message = Callback::parse(&body, Some(content_type)).unwrap().message;
                leaves(&Value::Object(message.payload), &mut expected);
                leaves(&json!(message.devices), &mut expected);
                let (status, _, answer) = stack.post_to(&name, Some(content_type), body).await;
                assert_eq!(status, 200, "{answer}");
            }
        }
    }
    let recorded_texts = recorded(&stack).await;
    let lost: Vec<_> = expected.difference(&recorded_texts).collect();
    assert!(expected.len() > 500 && lost.is_empty(), "{lost:#?}");
}

async fn play(payload: Map<String, Value>, service: &str, soap: bool) {
    let (mut payload, mut texts) = (Value::Object(payload), Vec::new());
    number(&mut payload, &mut texts);
    let mut members = payload.as_object().unwrap().clone();
    let (content_type, body) = if soap {
        let mut data = String::new();
        members.iter().for_each(|(name, value)| xml(name, value, &mut data));
        let body = format!(
            "<Envelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><Body><CallbackRequest><RequestId>r</RequestId>{data}</CallbackRequest></Body></Envelope>"
        );
        ("text/xml", body)
    } else {
        members.insert("requestId".to_owned(), Value::from("r"));
        ("application/json", Value::Object(members).to_string())
    };
    let stack = Stack::new().await;
    let (status, _, answer) = stack.post_to(service, Some(content_type), body.clone().into_bytes()).await;
    assert_eq!(status, 200, "{answer}\n{body}");

    let recorded_texts = recorded(&stack).await;
    for text in texts {
        assert!(recorded_texts.contains(&text), "{text} is lost of\n{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_text_of_any_payload_is_in_the_recorded_event(payload in payload(), service in 0..=SERVICES.len(), soap: bool) {
        let service = SERVICES.get(service).map_or("AnyOtherService", |service| &*service.name);
        block_on(play(payload, service, soap));
    }
}
