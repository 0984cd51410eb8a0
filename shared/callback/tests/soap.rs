//! SOAP messages: the platform's samples, and the traps in them.

use callback::{Attempt, Callback, ExternalProvisioningChange, Message, Outcome, ParseError, Sent, Transport};
use insta::{assert_debug_snapshot, assert_snapshot};
use serde_json::Value;

fn parse(body: &str) -> Callback {
    Callback::parse(body.as_bytes(), Some("text/xml; charset=utf-8")).expect("a callback")
}

/// A message with this in its `CallbackRequest`.
fn request(contents: &str) -> Message {
    let body = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
           <CallbackRequest xmlns="http://nphase.com/unifiedwebservice/v2">{contents}</CallbackRequest></s:Body></s:Envelope>"#
    );
    parse(&body).message
}

fn provisioning(contents: &str) -> ExternalProvisioningChange {
    let data = format!("<Data><Data><ExternalProvisioningChange>{contents}</ExternalProvisioningChange></Data></Data>");
    ExternalProvisioningChange::of(&request(&data)).expect("a provisioning change")
}

/// What is parsed, on one line each, without what was not sent.
fn summary(body: &str) -> String {
    let message = parse(body).message;
    let change = ExternalProvisioningChange::of(&message).expect("a provisioning change");
    let debug = format!("{change:#?}");
    let sent: Vec<_> = debug.lines().filter(|line| !line.contains("Absent")).collect();
    format!(
        "{:?} {:?}\n{:?} {:?}\n{}",
        message.request_id,
        message.devices,
        message.attempt,
        message.outcome,
        sent.join("\n")
    )
}

#[test]
fn the_documented_activation_is_parsed_completely() {
    assert_snapshot!(
        summary(include_str!("../../../events/external-provisioning-changes/soap/1-activate.xml")),
        @r#"
    Some("0aafcb4a-91fe-46b0-9154-f84f410f0f49") []
    Attempt { count: None, threshold: None } Unstated
    ExternalProvisioningChange {
        source: Nil,
        change: Value(
            AsSent {
                value: Activate,
                text: "Activate",
            },
        ),
        device_info: Value(
            DeviceInfo {
                account_name: Value(
                    "Verizon Test 1",
                ),
                carrier_name: Value(
                    "Verizon Wireless",
                ),
                service_plan: Value(
                    "M2M",
                ),
                state: Value(
                    AsSent {
                        value: Active,
                        text: "active",
                    },
                ),
                device_group_name: Value(
                    "AditiTest3",
                ),
                device_identifiers: Value(
                    [
                        DeviceIdentifier {
                            kind: "mdn",
                            value: "2300329133",
                        },
                        DeviceIdentifier {
                            kind: "meid",
                            value: "C1000000115253",
                        },
                        DeviceIdentifier {
                            kind: "min",
                            value: "8586925945",
                        },
                    ],
                ),
                created_at: Value(
                    "2014-03-26T15:31:56.0000000Z",
                ),
                ip_address: Value(
                    "1.1.29.169",
                ),
                last_activation_date: Value(
                    "2014-03-25T18:33:37.0000000Z",
                ),
                last_activation_by: Value(
                    "User Verizon",
                ),
                billing_cycle_end_date: Value(
                    "2014-04-02T00:00:00.0000000Z",
                ),
                connected: Value(
                    false,
                ),
                last_connection_date: Nil,
            },
        ),
        unknown: {},
    }
    "#
    );
}

#[test]
fn the_documented_deactivation_is_parsed_completely() {
    assert_snapshot!(
        summary(include_str!("../../../events/external-provisioning-changes/soap/2-deactivate.xml")),
        @r#"
    Some("0aafcb4a-91fe-46b0-9154-f84f410f0f49") [DeviceIdentifier { kind: "meid", value: "A2000009D6BFE1" }]
    Attempt { count: None, threshold: None } Succeeded
    ExternalProvisioningChange {
        source: Value(
            "",
        ),
        change: Value(
            AsSent {
                value: Deactivate,
                text: "Deactivate",
            },
        ),
        device_info: Value(
            DeviceInfo {
                account_name: Value(
                    "Verizon Test 1",
                ),
                carrier_name: Value(
                    "Verizon Wireless",
                ),
                service_plan: Value(
                    "M2M",
                ),
                state: Value(
                    AsSent {
                        value: Deactive,
                        text: "deactive",
                    },
                ),
                device_group_name: Value(
                    "Default: Verizon Test 1",
                ),
                device_identifiers: Value(
                    [
                        DeviceIdentifier {
                            kind: "meid",
                            value: "A2000009D6BFE1",
                        },
                    ],
                ),
                created_at: Value(
                    "2013-05-20T21:06:35.0000000Z",
                ),
                ip_address: Nil,
                last_activation_date: Value(
                    "2013-05-20T21:15:00.0000000Z",
                ),
                last_activation_by: Value(
                    "rajupreprov rajupreprov",
                ),
                billing_cycle_end_date: Value(
                    "2013-07-01T00:00:00.0000000Z",
                ),
                connected: Value(
                    false,
                ),
                last_connection_date: Nil,
            },
        ),
        unknown: {},
    }
    "#
    );
}

#[test]
fn the_documented_suspension_is_parsed_completely() {
    assert_snapshot!(
        summary(include_str!("../../../events/external-provisioning-changes/soap/3-suspend.xml")),
        @r#"
    Some("0aafcb4a-91fe-46b0-9154-f84f410f0f49") [DeviceIdentifier { kind: "meid", value: "A2000009D6BFE1" }]
    Attempt { count: None, threshold: None } Succeeded
    ExternalProvisioningChange {
        source: Value(
            "",
        ),
        change: Value(
            AsSent {
                value: Suspend,
                text: "SUSPEND",
            },
        ),
        device_info: Value(
            DeviceInfo {
                account_name: Value(
                    "Verizon Test 1",
                ),
                carrier_name: Value(
                    "Verizon Wireless",
                ),
                service_plan: Value(
                    "M2M",
                ),
                state: Value(
                    AsSent {
                        value: Suspend,
                        text: "suspend",
                    },
                ),
                device_group_name: Value(
                    "Default: Verizon Test 1",
                ),
                device_identifiers: Value(
                    [
                        DeviceIdentifier {
                            kind: "mdn",
                            value: "3701882174",
                        },
                        DeviceIdentifier {
                            kind: "meid",
                            value: "A2000009D6BFE1",
                        },
                    ],
                ),
                created_at: Value(
                    "2013-05-20T21:06:35.0000000Z",
                ),
                ip_address: Nil,
                last_activation_date: Value(
                    "2013-05-20T21:15:00.0000000Z",
                ),
                last_activation_by: Value(
                    "rajupreprov rajupreprov",
                ),
                billing_cycle_end_date: Value(
                    "2013-07-01T00:00:00.0000000Z",
                ),
                connected: Value(
                    false,
                ),
                last_connection_date: Nil,
            },
        ),
        unknown: {},
    }
    "#
    );
}

#[test]
fn the_documented_restoration_is_parsed_completely() {
    assert_snapshot!(
        summary(include_str!("../../../events/external-provisioning-changes/soap/4-restore.xml")),
        @r#"
    Some("0aafcb4a-91fe-46b0-9154-f84f410f0f49") [DeviceIdentifier { kind: "meid", value: "A2000009D6BFE1" }]
    Attempt { count: None, threshold: None } Succeeded
    ExternalProvisioningChange {
        source: Value(
            "",
        ),
        change: Value(
            AsSent {
                value: Restore,
                text: "RESTORE",
            },
        ),
        device_info: Value(
            DeviceInfo {
                account_name: Value(
                    "Verizon Test 1",
                ),
                carrier_name: Value(
                    "Verizon Wireless",
                ),
                service_plan: Value(
                    "M2M",
                ),
                state: Value(
                    AsSent {
                        value: Active,
                        text: "active",
                    },
                ),
                device_group_name: Value(
                    "Default: Verizon Test 1",
                ),
                device_identifiers: Value(
                    [
                        DeviceIdentifier {
                            kind: "mdn",
                            value: "3701882174",
                        },
                        DeviceIdentifier {
                            kind: "meid",
                            value: "A2000009D6BFE1",
                        },
                    ],
                ),
                created_at: Value(
                    "2013-05-20T21:06:35.0000000Z",
                ),
                ip_address: Nil,
                last_activation_date: Value(
                    "2013-05-20T21:15:00.0000000Z",
                ),
                last_activation_by: Value(
                    "rajupreprov rajupreprov",
                ),
                billing_cycle_end_date: Value(
                    "2013-07-01T00:00:00.0000000Z",
                ),
                connected: Value(
                    false,
                ),
                last_connection_date: Nil,
            },
        ),
        unknown: {},
    }
    "#
    );
}

#[test]
fn the_documented_number_change_is_parsed_completely() {
    assert_snapshot!(
        summary(include_str!("../../../events/external-provisioning-changes/soap/5-change-mdn.xml")),
        @r#"
    Some("0aafcb4a-91fe-46b0-9154-f84f410f0f49") [DeviceIdentifier { kind: "mdn", value: "8594891547" }]
    Attempt { count: None, threshold: None } Succeeded
    ExternalProvisioningChange {
        source: Value(
            "",
        ),
        change: Value(
            AsSent {
                value: ChangeMdn,
                text: "ChangeMDN",
            },
        ),
        device_info: Value(
            DeviceInfo {
                account_name: Value(
                    "Verizon Test 1",
                ),
                carrier_name: Value(
                    "Verizon Wireless",
                ),
                service_plan: Value(
                    "74200",
                ),
                state: Value(
                    AsSent {
                        value: Active,
                        text: "active",
                    },
                ),
                device_group_name: Value(
                    "Default: Verizon Test 1",
                ),
                device_identifiers: Value(
                    [
                        DeviceIdentifier {
                            kind: "esn",
                            value: "09400122453",
                        },
                        DeviceIdentifier {
                            kind: "mdn",
                            value: "8594891547",
                        },
                    ],
                ),
                created_at: Value(
                    "2011-02-28T16:23:47.0000000Z",
                ),
                ip_address: Value(
                    "1.1.30.118",
                ),
                last_activation_date: Value(
                    "2013-05-17T02:53:01.0000000Z",
                ),
                last_activation_by: Value(
                    "rajupreprov rajupreprov",
                ),
                billing_cycle_end_date: Value(
                    "2013-07-01T00:00:00.0000000Z",
                ),
                connected: Value(
                    false,
                ),
                last_connection_date: Nil,
                custom_fields: Value(
                    [
                        CustomField {
                            name: "CustomField1",
                            value: Value(
                                "",
                            ),
                        },
                        CustomField {
                            name: "CustomField2",
                            value: Value(
                                "",
                            ),
                        },
                        CustomField {
                            name: "CustomField3",
                            value: Value(
                                "",
                            ),
                        },
                        CustomField {
                            name: "CustomField4",
                            value: Value(
                                "",
                            ),
                        },
                        CustomField {
                            name: "CustomField5",
                            value: Value(
                                "",
                            ),
                        },
                    ],
                ),
            },
        ),
        unknown: {},
    }
    "#
    );
}

#[test]
fn members_that_no_sample_shows_are_read() {
    let change = provisioning(
        "<Change>Activate</Change><DeviceInfo>
           <FeatureCodes><Code>FC1</Code><Description>Feature one</Description></FeatureCodes>
           <FeatureCodes><Code>FC2</Code><Description xsi:nil=\"true\"/></FeatureCodes>
           <PreIMEI>350000000000001</PreIMEI><PreSKU>SKU-1</PreSKU><SIMOTADate>2014-03-26</SIMOTADate>
           <StateName>In stock</StateName><ServiceName>Meters</ServiceName><ServiceAccount>SA-1</ServiceAccount>
         </DeviceInfo>",
    );
    let info = change.device_info.value().unwrap();
    assert_debug_snapshot!(
        (&info.feature_codes, &info.pre_imei, &info.pre_sku, &info.sim_ota_date, &info.state_name, &info.service_name, &info.service_account),
        @r#"
    (
        Value(
            [
                FeatureCode {
                    code: "FC1",
                    description: Value(
                        "Feature one",
                    ),
                },
                FeatureCode {
                    code: "FC2",
                    description: Nil,
                },
            ],
        ),
        Value(
            "350000000000001",
        ),
        Value(
            "SKU-1",
        ),
        Value(
            "2014-03-26",
        ),
        Value(
            "In stock",
        ),
        Value(
            "Meters",
        ),
        Value(
            "SA-1",
        ),
    )
    "#);
    assert!(change.unknown.is_empty());
}

#[test]
fn nil_empty_and_absent_are_distinguished() {
    assert_eq!(provisioning("<Source xsi:nil=\"true\"/>").source, Sent::Nil);
    assert_eq!(provisioning("<Source/>").source, Sent::Value(String::new()));
    assert_eq!(provisioning("<Change>Activate</Change>").source, Sent::Absent);
}

#[test]
fn members_outside_the_platforms_table_are_kept_as_unknown() {
    let change = provisioning(
        "<Change>Activate</Change><Reason>port</Reason><DeviceInfo><AccountName>A</AccountName><Roaming>no</Roaming>
         <CarrierInformation><State>active</State><Band>13</Band></CarrierInformation></DeviceInfo>",
    );
    assert_eq!(
        Value::Object(change.unknown),
        serde_json::json!({ "Reason": "port", "DeviceInfo": { "Roaming": "no", "CarrierInformation": { "Band": "13" } } })
    );
}

#[test]
fn data_is_unwrapped_to_any_depth() {
    for (before, after) in [("", ""), ("<Data>", "</Data>"), ("<Data><Data>", "</Data></Data>")] {
        let message = request(&format!("<Data>{before}<Comment>SUCCESS</Comment><Usage/>{after}</Data>"));
        assert_eq!(message.member("Usage"), Some(&Value::from("")));
        assert_eq!(message.outcome, Outcome::Succeeded);
    }
}

#[test]
fn the_delivery_counters_belong_to_the_envelope_at_any_position() {
    let counters = "<CallbackCount>2</CallbackCount><MaxCallbackThreshold>4</MaxCallbackThreshold>";
    let data = "<Comment>SUCCESS</Comment>";
    for contents in [format!("<Data>{data}</Data>{counters}"), format!("<Data><Data>{data}{counters}</Data></Data>")] {
        let message = request(&contents);
        assert_eq!(message.attempt, Attempt { count: Some(2), threshold: Some(4) });
        assert_eq!(Value::Object(message.payload), serde_json::json!({ "Data": { "Comment": "SUCCESS" } }));
    }
}

#[test]
fn a_namespace_reset_inside_the_message_is_ignored() {
    let message = request(
        "<Data><PromoChange xmlns=\"\"><Change xmlns=\"http://nphase.com/unifiedwebservice/v2\">P</Change></PromoChange></Data>",
    );
    assert_eq!(message.member("PromoChange"), Some(&serde_json::json!({ "Change": "P" })));
}

#[test]
fn several_devices_are_read_in_order() {
    let body = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><SmsCallbackRequest xmlns="http://nphase.com/unifiedwebservice/v2">
        <Username/><Password/><Device><Kind>esn</Kind><Identifier>60000001</Identifier></Device>
        <Device><Kind>Mdn</Kind><Identifier>5550100123</Identifier></Device><SmsMessage>hello &amp; &#x41;<![CDATA[<b>]]></SmsMessage>
        </SmsCallbackRequest></s:Body></s:Envelope>"#;
    let message = parse(body).message;
    let kinds: Vec<_> = message.devices.iter().map(|device| device.kind.as_str()).collect();
    assert_eq!(kinds, ["esn", "Mdn"]);
    assert_eq!(message.request_id, None);
    assert_eq!(message.member("SmsMessage"), Some(&Value::from("hello & A<b>")));
}

#[test]
fn a_populated_fault_means_failure_whatever_the_casing() {
    let message = request(
        "<Data><Fault><FaultCode>CarrierService.REQUEST_FAILED.X</FaultCode><FaultString>No</FaultString></Fault><Comment>SUCCESS</Comment></Data>",
    );
    let failed =
        Outcome::Failed { code: Some("CarrierService.REQUEST_FAILED.X".to_owned()), text: Some("No".to_owned()) };
    assert_eq!(message.outcome, failed);
}

#[test]
fn the_credentials_are_neither_in_the_message_nor_in_its_debug_output() {
    let body = r"<Envelope><Body><CallbackRequest><Username>user-1</Username><Password>secret-1</Password><PASSWORD>secret-2</PASSWORD>
        <RequestId>r</RequestId></CallbackRequest></Body></Envelope>";
    let callback = parse(body);
    assert_eq!(callback.credentials.username.as_deref(), Some("user-1"));
    let text = format!("{callback:?}");
    assert!(!text.contains("secret") && !text.contains("user-1"), "{text}");
}

#[test]
fn members_around_the_request_are_kept() {
    let body = "<Envelope><Header><MessageID>m-1</MessageID></Header><Body><CallbackRequest><RequestId>r</RequestId></CallbackRequest><Extra>x</Extra></Body></Envelope>";
    let kept = Value::Object(parse(body).message.payload);
    assert_eq!(kept, serde_json::json!({ "Envelope": { "Header": { "MessageID": "m-1" }, "Body": { "Extra": "x" } } }));
}

#[test]
fn attributes_and_mixed_content_are_kept() {
    let message = request("<Data><Usage unit=\"kB\">1<More/>2</Usage></Data>");
    assert_eq!(message.member("Usage"), Some(&serde_json::json!({ "@unit": "kB", "More": "", "#text": "12" })));
}

#[test]
fn the_stated_encoding_is_honoured_or_refused() {
    let latin = |label: &str| {
        let mut body = format!("<?xml version=\"1.0\" encoding=\"{label}\"?><CallbackRequest><RequestId>").into_bytes();
        body.push(0xE9);
        body.extend(b"</RequestId></CallbackRequest>");
        body
    };
    let read = |body: &[u8], content_type| {
        Callback::parse(body, Some(content_type)).map(|callback| callback.message.request_id)
    };
    assert_eq!(read(&latin("ISO-8859-1"), "text/xml"), Ok(Some("é".to_owned())));
    assert_eq!(read(&latin("utf-8"), "text/xml; charset=\"windows-1252\""), Ok(Some("é".to_owned())));
    assert_eq!(read(&latin("utf-8"), "text/xml"), Err(ParseError::NotText));
    assert_eq!(read(&latin("klingon"), "text/xml"), Err(ParseError::UnknownEncoding));
    let as_dotnet_writes =
        b"<?xml version=\"1.0\" encoding=\"utf-16\"?><CallbackRequest><RequestId>r</RequestId></CallbackRequest>";
    assert_eq!(read(as_dotnet_writes, "text/xml"), Ok(Some("r".to_owned())));
    let with_bom =
        [b"\xEF\xBB\xBF".as_slice(), b"<CallbackRequest><RequestId>r</RequestId></CallbackRequest>"].concat();
    assert_eq!(read(&with_bom, ""), Ok(Some("r".to_owned())));
    let utf16: Vec<u8> = "\u{FEFF}<CallbackRequest><RequestId>r</RequestId></CallbackRequest>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(read(&utf16, "application/octet-stream"), Ok(Some("r".to_owned())));
}

#[test]
fn bodies_that_are_not_callbacks_are_refused_with_the_position() {
    let refused = |body: &str| Callback::parse(body.as_bytes(), Some("text/xml")).expect_err("a refusal").to_string();
    assert_snapshot!(refused(""), @"The body is empty.");
    assert_snapshot!(refused("  \n"), @"The body is empty.");
    assert_snapshot!(refused("<Envelope><Body>"), @"The XML is not well-formed (byte 16).");
    assert_snapshot!(refused("<Envelope></Body>"), @"The XML is not well-formed (byte 10).");
    assert_snapshot!(refused("<a/><b/>"), @"The XML is not well-formed (byte 4).");
    assert_snapshot!(refused("<html><body/></html>"), @"The body is well-formed, but not a callback message.");
    assert_snapshot!(refused("<Envelope><Body><LogIn/></Body></Envelope>"), @"The body is well-formed, but not a callback message.");
    assert_snapshot!(refused("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), @"A document type definition is not allowed.");
    assert_snapshot!(refused("<a>&b;</a>"), @"An entity other than XML's own five is not allowed (byte 3).");
    assert_snapshot!(refused(&"<a>".repeat(49)), @"The body is nested more deeply than 48 levels.");
    let attributes: String = (0..33).map(|number| format!(" a{number}=\"\"")).collect();
    assert_snapshot!(refused(&format!("<a{attributes}/>")), @"An element has more than 32 attributes.");
    assert_snapshot!(refused(&format!("<a>{}</a>", " ".repeat(callback::MAX_BODY_BYTES))), @"The body is over 1048576 bytes.");
}

#[test]
fn the_content_type_or_else_the_first_byte_determines_the_transport() {
    let body = b"<CallbackRequest><RequestId>r</RequestId></CallbackRequest>";
    for content_type in [
        None,
        Some(""),
        Some("text/xml"),
        Some("Application/SOAP+xml; charset=utf-8"),
        Some("application/octet-stream"),
    ] {
        assert_eq!(Callback::parse(body, content_type).map(|callback| callback.message.transport), Ok(Transport::Soap));
    }
    assert_eq!(Callback::parse(body, Some("image/png")).err(), Some(ParseError::UnsupportedContentType));
    assert_eq!(Callback::parse(b"hello", None).err(), Some(ParseError::NeitherXmlNorJson));
}
