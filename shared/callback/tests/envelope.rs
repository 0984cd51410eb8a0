//! The envelope, however it is spelled and decorated: what is read, what is left, and what is never left.

use callback::{Callback, DeviceIdentifier, ExternalProvisioningChange, Message, Outcome, Sent};
use serde_json::{Value, json};

fn callback(body: &str) -> Callback {
    Callback::parse(body.as_bytes(), None).expect("a callback")
}

fn rest(body: &Value) -> Message {
    callback(&body.to_string()).message
}

fn soap(contents: &str) -> Callback {
    callback(&format!(
        r#"<Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Body><CallbackRequest>{contents}</CallbackRequest></Body></Envelope>"#
    ))
}

fn names(devices: &[DeviceIdentifier]) -> Vec<(&str, &str)> {
    devices.iter().map(|device| (device.kind.as_str(), device.value.as_str())).collect()
}

#[test]
fn a_blank_request_id_counts_as_missing_and_any_other_is_kept_as_sent() {
    for id in [
        "<RequestId/>",
        "<RequestId> \n </RequestId>",
        "<RequestId xsi:nil='true'/>",
        "<RequestId a='b'/>",
        "<Username/>",
    ] {
        assert_eq!(soap(id).message.request_id, None, "{id}");
    }
    for id in [json!(""), json!(" \t"), json!("\u{a0}"), Value::Null] {
        assert_eq!(rest(&json!({ "requestId": id, "status": "Success" })).request_id, None);
    }
    assert_eq!(rest(&json!({ "requestId": " r " })).request_id.as_deref(), Some(" r "));
    assert_eq!(rest(&json!({ "RequestId": null, "requestId": "r" })).request_id.as_deref(), Some("r"));
    assert_eq!(rest(&json!({ "REQUESTID": " ", "requestId": "r" })).request_id.as_deref(), Some("r"));
}

#[test]
fn attributes_do_not_hide_texts_of_the_envelope() {
    let callback = soap(
        "<Username xsi:type='x'>u</Username><Password xsi:type='x'>canary</Password><RequestId xsi:type='x'>r</RequestId>
         <Device xsi:type='x'><Kind>mdn</Kind><Identifier>1</Identifier></Device>
         <Device><Kind xsi:type='x'>imei</Kind><Identifier xsi:type='x'>2</Identifier></Device>
         <Device><Kind>eid</Kind><Identifier>3</Identifier><Role>main</Role></Device>
         <Data xsi:type='x'><Data><Status xsi:type='x'>Success</Status></Data></Data>
         <CallbackCount xsi:type='x'>2</CallbackCount>",
    );
    assert_eq!(callback.credentials.username.as_deref(), Some("u"));
    assert_eq!(callback.credentials.password.as_deref(), Some("canary"));
    let message = callback.message;
    assert_eq!(message.request_id.as_deref(), Some("r"));
    assert_eq!(names(&message.devices), [("mdn", "1"), ("imei", "2"), ("eid", "3")]);
    assert_eq!(message.attempt.count, Some(2));
    assert_eq!(message.outcome, Outcome::Succeeded);
    assert_eq!(
        Value::Object(message.payload),
        json!({
            "Username": { "@type": "[left out: a secret]" },
            "Password": { "@type": "[left out: a secret]" },
            "RequestId": { "@type": "x" },
            "Device": [
                { "@type": "x", "Kind": "mdn", "Identifier": "1" },
                { "Kind": { "@type": "x", "#text": "imei" }, "Identifier": { "@type": "x", "#text": "2" } },
                { "Kind": "eid", "Identifier": "3", "Role": "main" },
            ],
            "CallbackCount": { "@type": "x" },
            "Data": { "@type": "x", "Status": { "@type": "x", "#text": "Success" } },
        })
    );
}

#[test]
fn attributes_do_not_hide_members_of_a_provisioning_change() {
    let message = soap(
        "<Data><ExternalProvisioningChange><Change a='b'>Suspend</Change><Source a='b' xsi:nil='true'/>
         <DeviceInfo a='b'><Connected a='b'>true</Connected>
         <DeviceIdentifiers a='b'><Kind>mdn</Kind><Identifier>1</Identifier></DeviceIdentifiers>
         <CustomFields a='b'><Name>CustomField1</Name><Value a='b'>v</Value></CustomFields>
         </DeviceInfo></ExternalProvisioningChange></Data>",
    )
    .message;
    let change = ExternalProvisioningChange::of(&message).unwrap();
    assert_eq!(change.change.value().unwrap().text(), "Suspend");
    assert_eq!(change.source, Sent::Nil);
    let info = change.device_info.value().unwrap();
    assert_eq!(info.connected, Sent::Value(true));
    assert_eq!(names(info.device_identifiers.value().unwrap()), [("mdn", "1")]);
    assert_eq!(info.custom_fields.value().unwrap()[0].value, Sent::Value("v".to_owned()));
}

#[test]
fn members_of_the_envelope_are_read_in_any_casing() {
    let message = rest(&json!({
        "USERNAME": "u", "Password": "p", "RequestId": "r", "Device": [{ "Kind": "Mdn", "Identifier": "1" }],
        "DeviceIds": { "ID": 2, "KIND": "imei" }, "deviceids": [{ "id": "3", "kind": "eid" }],
        "CALLBACKCOUNT": "1", "STATUS": "success",
    }));
    assert_eq!(message.request_id.as_deref(), Some("r"));
    assert_eq!(names(&message.devices), [("Mdn", "1"), ("imei", "2"), ("eid", "3")]);
    assert_eq!((message.attempt.count, message.outcome), (Some(1), Outcome::Succeeded));
    assert_eq!(Value::Object(message.payload), json!({ "STATUS": "success" }));
}

#[test]
fn an_sms_of_a_device_is_a_callback_without_a_request_id() {
    let message = rest(&json!({ "deviceIds": [{ "id": "1", "kind": "mdn" }], "smsMessage": "hello" }));
    assert_eq!(message.member("smsMessage"), Some(&json!("hello")));
    assert_eq!(rest(&json!({ "SmsMessage": "hello" })).outcome, Outcome::Unstated);
    assert_eq!(names(&rest(&json!({ "Device": { "Kind": "mdn", "Identifier": "1" } })).devices), [("mdn", "1")]);
}

#[test]
fn an_empty_fault_is_not_a_failure() {
    for fault in [
        "<Fault/>",
        "<Fault> </Fault>",
        "<Fault xsi:nil='true'/>",
        "<Fault a='b'/>",
        "<Fault><faultcode/><faultstring> </faultstring><detail><a b='c'/><d xsi:nil='true'/></detail></Fault>",
        "<Fault/><Fault/>",
    ] {
        assert_eq!(soap(&format!("<Data>{fault}</Data>")).message.outcome, Outcome::Unstated, "{fault}");
        let message = soap(&format!("<Data>{fault}<Comment>SUCCESS</Comment></Data>")).message;
        assert_eq!(message.outcome, Outcome::Succeeded, "{fault}");
    }
    for fault in
        [json!({}), json!(""), json!([]), json!(null), json!(false), json!({ "faultcode": "", "detail": { "a": [] } })]
    {
        let message = rest(&json!({ "requestId": "r", "status": "Success", "faultResponse": fault }));
        assert_eq!(message.outcome, Outcome::Succeeded, "{fault}");
    }
}

#[test]
fn a_fault_with_contents_is_found_in_any_structure() {
    let failed = |code: Option<&str>, text: Option<&str>| Outcome::Failed {
        code: code.map(str::to_owned),
        text: text.map(str::to_owned),
    };
    for (fault, expected) in [
        ("<Fault/><faultResponse><faultcode>c</faultcode></faultResponse>", failed(Some("c"), None)),
        (
            "<Fault><FaultCode a='b'>c</FaultCode><FaultString a='b'>t</FaultString></Fault>",
            failed(Some("c"), Some("t")),
        ),
        ("<Fault a='b'>t</Fault>", failed(None, Some("t"))),
        ("<Fault/><Fault>t</Fault>", failed(None, Some("t"))),
        ("<Fault><faultcode/><detail>d</detail></Fault>", failed(None, None)),
    ] {
        assert_eq!(
            soap(&format!("<Data>{fault}<Comment>SUCCESS</Comment></Data>")).message.outcome,
            expected,
            "{fault}"
        );
    }
    let inside = rest(&json!({ "requestId": "r", "deviceResponse": { "faultResponse": { "faultcode": "c" } } }));
    assert_eq!(inside.outcome, failed(Some("c"), None));
}

/// The message with every part and credential shown, as logs and events would.
fn shown(callback: &Callback) -> String {
    let message = &callback.message;
    format!("{callback:?} {message:?} {}", Value::Object(message.payload.clone()))
}

#[test]
fn a_secret_anywhere_in_a_rest_payload_is_redacted() {
    for secret in [
        json!({ "deviceCredential": { "username": "canary", "password": "canary" } }),
        json!({ "DEVICE_CREDENTIALS": [{ "user": "canary" }, "canary", ["canary"]] }),
        json!({ "password": "canary" }),
        json!({ "Pass-Word": { "deep": [{ "er": "canary" }] } }),
        json!({ "simPasswd": "canary" }),
        json!({ "clientSecret": ["canary"] }),
        json!({ "password2": "canary" }),
        json!({ "extendedAttributes": [{ "key": "Password", "value": "canary" }, { "Name": "apn_password", "Value": ["canary"] }] }),
    ] {
        for body in [
            json!({ "requestId": "r", "deviceResponse": { "activateResponse": secret } }),
            json!({ "requestId": "r", "a": [[{ "b": [secret] }]] }),
            json!({ "requestId": "r", "deviceIds": [{ "id": "1", "kind": "mdn", "more": secret }] }),
            json!({ "requestId": "r", "faultResponse": { "detail": secret } }),
        ] {
            let callback = callback(&body.to_string());
            assert!(!shown(&callback).contains("canary"), "{}", shown(&callback));
            assert!(shown(&callback).contains("[left out: a secret]"), "{}", shown(&callback));
        }
    }
    for secret in [json!(["canary"]), json!({ "a": "canary" }), json!([["canary"], { "b": "canary" }]), json!("canary")]
    {
        let callback = callback(&json!({ "requestId": "r", "password": secret, "PassWord": secret }).to_string());
        assert!(!shown(&callback).contains("canary"), "{}", shown(&callback));
    }
    let number =
        callback(r#"{"requestId":"r","password":4242424242,"deviceResponse":{"secret":4242424242,"on":{"pwd":true}}}"#);
    assert!(!shown(&number).contains("4242424242"), "{}", shown(&number));
    assert!(!shown(&number).contains("true"), "{}", shown(&number));
    assert_eq!(number.credentials.password.as_deref(), Some("4242424242"));
}

#[test]
fn a_secret_anywhere_in_a_soap_payload_is_redacted() {
    for secret in [
        "<DeviceCredential><Username>canary</Username><Password>canary</Password></DeviceCredential>",
        "<DeviceCredential username='canary'/>",
        "<a password='canary'/>",
        "<a PassWord='canary'>b</a>",
        "<Password a='canary'>canary</Password>",
        "<CustomFields><Name a='b'>Password</Name><Value a='canary'>canary</Value></CustomFields>",
        "<passwd>canary</passwd><passwd>canary</passwd>",
        "<Secret><a><b c='canary'/>canary</a></Secret>",
    ] {
        for contents in [
            format!("<Data><CarrierService><ActivateDevice>{secret}</ActivateDevice></CarrierService></Data>"),
            format!("<Data><Data><Fault><detail>{secret}</detail></Fault></Data></Data>"),
            format!("<Device><Kind>mdn</Kind><Identifier>1</Identifier>{secret}</Device>"),
            format!("<RequestId>r</RequestId>{secret}"),
        ] {
            let mut callback = soap(&contents);
            callback.message.request_id = None;
            assert!(!shown(&callback).contains("canary"), "{contents} {}", shown(&callback));
        }
    }
    let header = callback(
        "<Envelope><Header><Security><Password>canary</Password></Security></Header><Body><CallbackRequest><RequestId>r</RequestId></CallbackRequest></Body></Envelope>",
    );
    assert!(!shown(&header).contains("canary"), "{}", shown(&header));
}

#[test]
fn redaction_keeps_names_and_nil_or_blank_values() {
    let message = rest(&json!({
        "requestId": "r",
        "deviceResponse": { "activateResponse": {
            "deviceCredential": { "username": "u", "password": "p", "realm": null, "hint": "" },
            "passwordChangedAt": "2026-01-01", "username": "stays",
        } },
    }));
    assert_eq!(
        message.member("activateResponse"),
        Some(&json!({
            "deviceCredential": {
                "username": "[left out: a secret]", "password": "[left out: a secret]", "realm": null, "hint": "",
            },
            "passwordChangedAt": "2026-01-01", "username": "stays",
        }))
    );
}
