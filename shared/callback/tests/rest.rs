//! REST messages: the documented envelope, and the shapes that its members were seen in.

use callback::{Attempt, Callback, ExternalProvisioningChange, MAX_OBJECTS, MAX_VALUES, Message, Outcome, ParseError};
use serde_json::{Value, json};

fn parse(body: &str) -> Result<Message, ParseError> {
    Callback::parse(body.as_bytes(), Some("application/json")).map(|callback| callback.message)
}

#[test]
fn the_documented_failure_is_parsed() {
    let message = parse(
        r#"{"username":"","password":"","requestId":"r-1","deviceIds":[{"id":"89000000000000000001","kind":"Iccid"},
            {"id":"350000000000001","kind":"Imei"}],"faultResponse":{"faultcode":"UnifiedWebService.REQUEST_FAILED.DeviceAlreadyActive",
            "faultstring":"REQUEST_FAILED. Device is already active"},"status":"Failed","callbackCount":2,"maxCallbackThreshold":4}"#,
    )
    .unwrap();
    assert_eq!(message.request_id.as_deref(), Some("r-1"));
    assert_eq!(message.attempt, Attempt { count: Some(2), threshold: Some(4) });
    assert_eq!(message.devices.len(), 2);
    assert_eq!(message.devices[0].kind, "Iccid");
    let Outcome::Failed { code, text } = &message.outcome else { panic!("{:?}", message.outcome) };
    assert_eq!(code.as_deref(), Some("UnifiedWebService.REQUEST_FAILED.DeviceAlreadyActive"));
    assert_eq!(text.as_deref(), Some("REQUEST_FAILED. Device is already active"));
}

#[test]
fn the_status_determines_the_outcome_if_there_is_no_fault() {
    let outcome = |status: &str| parse(&format!(r#"{{"requestId":"r","status":{status}}}"#)).unwrap().outcome;
    assert_eq!(outcome("\"Success\""), Outcome::Succeeded);
    assert_eq!(outcome("\"Failed\""), Outcome::Failed { code: None, text: None });
    assert_eq!(outcome("\"warning\""), Outcome::Other("warning".to_owned()));
    assert_eq!(outcome("null"), Outcome::Unstated);
}

#[test]
fn a_member_under_device_response_is_found_in_an_object_or_an_array() {
    let message = parse(r#"{"requestId":"r","deviceResponse":{"usageResponse":[{"bytesUsed":1}]}}"#).unwrap();
    assert_eq!(message.member("UsageResponse"), Some(&json!([{ "bytesUsed": 1 }])));
}

#[test]
fn an_undocumented_provisioning_change_is_read_by_the_soap_names() {
    let message = parse(
        r#"{"requestId":"r","deviceResponse":{"externalProvisioningChange":{"change":"Suspend","deviceInfo":{"accountName":"0001",
            "carrierInformation":{"state":"suspend"},"deviceIdentifiers":[{"kind":"IMEI","id":"350000000000001"}],"connected":true}}}}"#,
    )
    .unwrap();
    let change = ExternalProvisioningChange::of(&message).unwrap();
    let info = change.device_info.value().unwrap();
    assert_eq!(info.account_name.value().map(String::as_str), Some("0001"));
    assert_eq!(info.connected.value(), Some(&true));
    assert_eq!(info.device_identifiers.value().unwrap()[0].value, "350000000000001");
    assert!(change.unknown.is_empty());
}

#[test]
fn numbers_keep_every_digit_and_repeated_names_every_value() {
    let message =
        parse(r#"{"requestId":7,"eid":89033023426200000000005430099246,"exact":1e400,"half":0.5,"a":1,"a":2}"#)
            .unwrap();
    assert_eq!(message.request_id.as_deref(), Some("7"));
    let expected = json!({ "eid": "89033023426200000000005430099246", "exact": "1e400", "half": 0.5, "a": [1, 2] });
    assert_eq!(Value::Object(message.payload), expected);
}

#[test]
fn members_that_are_not_as_documented_stay_in_the_payload() {
    let message = parse(
        r#"{"requestId":{"a":1},"deviceIds":[{"id":"1","kind":"mdn","extra":true},{"id":"2","kind":"mdn"}],"callbackCount":"many"}"#,
    )
    .unwrap();
    assert_eq!(message.devices.len(), 2);
    let expected = json!({
        "requestId": { "a": 1 },
        "deviceIds": [{ "id": "1", "kind": "mdn", "extra": true }],
        "callbackCount": "many",
    });
    assert_eq!(Value::Object(message.payload), expected);
}

#[test]
fn credentials_in_any_spelling_and_structure_are_removed() {
    let callback =
        Callback::parse(br#"{"requestId":"r","UserName":"u","password":{"deep":"secret"},"Password":"p"}"#, None)
            .unwrap();
    assert_eq!(callback.credentials.password.as_deref(), Some("p"));
    let left = json!({ "password": { "deep": "[left out: a secret]" } });
    assert_eq!(Value::Object(callback.message.payload), left);
}

#[test]
fn json_that_is_not_a_callback_is_refused() {
    assert_eq!(parse(r#"{"hello":"world"}"#).err(), Some(ParseError::NotACallback));
    assert_eq!(parse("[1]").err(), Some(ParseError::NotACallback));
    assert_eq!(parse("{").err(), Some(ParseError::Json { line: 1, column: 1 }));
    assert_eq!(parse(r#"{"requestId":"r"} x"#).err(), Some(ParseError::Json { line: 1, column: 19 }));
    assert_eq!(
        parse(&format!(r#"{{"requestId":{}1{}}}"#, "[".repeat(48), "]".repeat(48))).err(),
        Some(ParseError::TooDeep)
    );
}

#[test]
fn more_values_than_any_message_has_are_refused() {
    for body in [
        format!(r#"{{"requestId":"r","a":[{}0]}}"#, "0,".repeat(MAX_VALUES)),
        format!(r#"{{"requestId":"r","a":[{}0]}}"#, r#"{"a":0},"#.repeat(MAX_OBJECTS)),
        format!("<CallbackRequest>{}</CallbackRequest>", "<a/>".repeat(MAX_VALUES)),
        format!("<CallbackRequest>{}</CallbackRequest>", "<a b=''/>".repeat(MAX_OBJECTS)),
    ] {
        assert_eq!(Callback::parse(body.as_bytes(), None).err(), Some(ParseError::TooManyValues));
    }
}

#[test]
fn a_body_of_the_maximum_size_full_of_devices_is_accepted() {
    let identifiers: Vec<_> = (0..33_000).map(|number| format!(r#"{{"id":"{number}","kind":"mdn"}}"#)).collect();
    let message = parse(&format!(r#"{{"requestId":"r","deviceIds":[{}]}}"#, identifiers.join(","))).unwrap();
    assert_eq!(message.devices.len(), 33_000);
    let members: String = (0..20).map(|number| format!(r#","member{number}":"{number}""#)).collect();
    let items: Vec<_> =
        (0..2_000).map(|number| format!(r#"{{"deviceIds":[{{"id":"{number}","kind":"mdn"}}]{members}}}"#)).collect();
    assert!(
        parse(&format!(r#"{{"requestId":"r","deviceResponse":{{"usageResponse":[{}]}}}}"#, items.join(","))).is_ok()
    );
}

#[test]
fn a_text_too_long_for_a_request_id_stays_in_the_payload() {
    let long = "r".repeat(513);
    for (id, expected) in [("r".repeat(512), true), (long.clone(), false)] {
        let body = format!(r#"{{"requestId": "{id}", "deviceIds": [], "status": "Success"}}"#);
        let message = Callback::parse(body.as_bytes(), None).unwrap().message;
        assert_eq!(message.request_id.is_some(), expected);
        assert_eq!(message.payload.contains_key("requestId"), !expected);
    }
}
