//! What holds for any bytes, and for any payload.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Write as _;

use callback::{Callback, Kind, MAX_BODY_BYTES};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Trees of names and texts, as either transport can carry them.
fn payload() -> impl Strategy<Value = Value> {
    // Not PIN, PSK and the like, whose values are left out. The short names of secrets start with A or P.
    let name = "[B-OQ-Z][a-zA-Z]{0,8}[0-9]?";
    let leaf = prop_oneof!["[ -~é漢]{0,12}".prop_map(Value::from), Just(Value::Null)];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec((name, inner.clone()), 1..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            proptest::collection::vec(inner, 2..4).prop_map(Value::Array),
        ]
    })
}

/// Payloads that name devices in all ways, well or not.
fn naming_payload() -> impl Strategy<Value = Value> {
    let name =
        "(a|b|mdn|imei|iccid|id|kind|deviceIds|Device|deviceResponse|Data|aResponse|CarrierService|Fault|status)";
    let leaf = prop_oneof![
        "(mdn|imei|iccid|5550100101|5550100102|350000000000101|x)".prop_map(Value::from),
        Just(Value::from("y".repeat(1200))),
        Just(Value::Null),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec((name, inner.clone()), 1..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            proptest::collection::vec(inner, 1..4).prop_map(Value::Array),
        ]
    })
}

/// All texts in a tree.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        Value::Array(items) => items.iter().for_each(|value| texts(value, found)),
        Value::String(text) if !text.trim().is_empty() => found.push(text.clone()),
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
        leaf => {
            let text =
                leaf.as_str().unwrap_or_default().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            write!(out, "<{name}>{text}</{name}>").unwrap();
        }
    }
}

fn assert_nothing_is_lost(sent: &Value, body: &str, content_type: &str) {
    let callback = Callback::parse(body.as_bytes(), Some(content_type)).expect("a callback");
    let (mut wanted, mut kept) = (Vec::new(), Vec::new());
    texts(sent, &mut wanted);
    texts(&Value::Object(callback.message.payload), &mut kept);
    wanted.sort();
    kept.sort();
    assert_eq!(wanted, kept);
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(body: Vec<u8>, content_type in proptest::option::of("[ -~]{0,30}")) {
        let _ = Callback::parse(&body, content_type.as_deref());
    }

    #[test]
    fn nothing_that_looks_like_xml_makes_the_parser_panic(body in "(<[/!?]?[a-zA-Z:&;\"'= \\[\\]-]{0,12}/?>?|[a-z&;<>]{0,6}){0,20}") {
        let _ = Callback::parse(body.as_bytes(), Some("text/xml"));
    }

    #[test]
    fn nothing_that_looks_like_json_makes_the_parser_panic(body in "([\\{\\}\\[\\],:]|\"[a-zA-Z]{0,9}\"|[0-9eE.+-]{1,6}|null){0,30}") {
        let _ = Callback::parse(body.as_bytes(), Some("application/json"));
    }

    #[test]
    fn no_text_of_a_soap_payload_is_lost(payload in payload()) {
        let mut data = String::new();
        xml("Data", &payload, &mut data);
        let body = format!("<Envelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><Body><CallbackRequest><RequestId/>{data}</CallbackRequest></Body></Envelope>");
        assert_nothing_is_lost(&payload, &body, "text/xml");
    }

    #[test]
    fn no_text_of_a_rest_payload_is_lost(payload in payload()) {
        let mut message = Map::new();
        message.insert("requestId".to_owned(), Value::Null);
        message.insert("deviceResponse".to_owned(), payload.clone());
        assert_nothing_is_lost(&payload, &Value::Object(message).to_string(), "application/json");
    }

    #[test]
    fn no_text_of_a_payload_is_lost_or_duplicated_in_its_parts(payload in naming_payload(), listed in naming_payload()) {
        let body = serde_json::json!({ "requestId": "r", "deviceIds": listed, "deviceResponse": payload, "list": [payload, listed] });
        let message = Callback::parse(body.to_string().as_bytes(), None).expect("a callback").message;
        let (mut sent, mut kept) = (Vec::new(), Vec::new());
        texts(&Value::Object(message.payload.clone()), &mut sent);
        let parts = message.into_parts();
        parts.iter().for_each(|part| texts(&Value::Object(part.payload.clone()), &mut kept));
        sent.sort();
        kept.sort();
        prop_assert_eq!(sent, kept);
    }

    #[test]
    fn no_identifier_of_another_device_is_in_the_part_of_an_item(mdns in proptest::collection::vec(2_000_000u32..9_000_000, 2..20), depth in 0usize..6) {
        let items: Vec<_> = mdns.iter().map(|mdn| serde_json::json!({ "mdn": format!("555{mdn}"), "note": mdn })).collect();
        let nested = (0..depth).fold(Value::Array(items), |inner, level| serde_json::json!({ format!("level{level}"): inner }));
        let body = serde_json::json!({ "requestId": "r", "list": nested });
        let parts = Callback::parse(body.to_string().as_bytes(), None).expect("a callback").message.into_parts();
        prop_assert_eq!(parts.len(), mdns.len());
        for (part, mdn) in parts.iter().zip(&mdns) {
            let shown = format!("{part:?}");
            let mut others = mdns.iter().filter(|other| *other != mdn);
            prop_assert!(!others.any(|other| shown.contains(&other.to_string())));
            prop_assert_eq!(&part.devices[0].value, &format!("555{mdn}"));
        }
    }

    #[test]
    fn kinds_compare_ignoring_case(kind in "(mdn|msisdn|min|iccid|imsi|imei|meid|esn|eid|sku)", upper: Vec<bool>) {
        let mixed: String = kind
            .chars()
            .zip(upper.into_iter().chain(std::iter::repeat(false)))
            .map(|(letter, upper)| if upper { letter.to_ascii_uppercase() } else { letter })
            .collect();
        prop_assert_eq!(Kind::from(mixed.as_str()), Kind::from(kind.as_str()));
    }
}

/// As many units as a body has room for, with this many bytes for each.
fn number_of(bytes: usize, each: usize, unit: impl Fn(usize) -> String) -> String {
    (0..bytes / each).map(unit).collect()
}

/// The worst shapes that a body of about this size can have.
fn hostile(bytes: usize) -> Vec<String> {
    let fill = |unit: &str| unit.repeat(bytes / unit.len() - 8);
    let many = |unit: fn(usize) -> String| (0..bytes / 16).map(unit).collect::<String>();
    let soap =
        |contents: String| format!("<Envelope><Body><CallbackRequest>{contents}</CallbackRequest></Body></Envelope>");
    vec![
        soap(fill("<a/>")),
        soap(fill("&amp;")),
        soap(fill("<![CDATA[]]>")),
        soap(many(|number| format!("<a{number}/>"))),
        soap(format!("<Data>{}</Data>", fill("<a><Kind/><Identifier/></a>"))),
        format!("<a{}/>", many(|number| format!(" a{number}=\"\""))),
        fill("<a>"),
        format!("{{\"requestId\":\"r\",\"a\":[{}1]}}", fill("1,")),
        format!("{{\"requestId\":\"r\"{}}}", many(|number| format!(",\"a{number}\":1"))),
        format!("{{\"requestId\":\"r\"{}}}", fill(",\"a\":1")),
        format!("{{\"requestId\":{}", fill("[")),
        format!("{{\"requestId\":{}{}{}}}", "[".repeat(40), fill("1,").trim_end_matches(','), "]".repeat(40)),
        format!(
            "{{\"deviceIds\":[{}{{}}]}}",
            number_of(bytes, 40, |number| format!("{{\"id\":\"1\",\"kind\":\"{number}\"}},"))
        ),
        format!(
            "{{\"deviceIds\":[{}{{}}]}}",
            number_of(bytes, 40, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\"}},"))
        ),
        format!(
            "{{\"deviceIds\":[{}{{}}]}}",
            number_of(bytes, 60, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\",\"x\":1}},"))
        ),
        format!(
            "{{\"deviceIds\":[{}{{}}],\"list\":[{}1]}}",
            number_of(bytes, 120, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\"}},")),
            number_of(bytes, 120, |number| format!("{{\"bytes\":{number}}},")),
        ),
        format!(
            "{{\"requestId\":\"r\",\"list\":[{}1]}}",
            number_of(bytes, 80, |number| format!("{{\"mdn\":\"555{number:07}\"}},"))
        ),
        format!(
            "{{\"requestId\":\"r\",\"a\":{}[{}1]{}}}",
            "{\"a\":".repeat(40),
            number_of(bytes, 80, |number| format!("{{\"mdn\":\"555{number:07}\"}},")),
            "}".repeat(40)
        ),
        format!(
            "{{\"deviceIds\":[{}{{}}],\"status\":\"{}\",\"accountName\":\"{}\"}}",
            number_of(bytes, 120, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\"}},")),
            "x".repeat(bytes / 4),
            "x".repeat(bytes / 4)
        ),
        soap(number_of(bytes, 80, |number| {
            format!("<Device><Kind>mdn</Kind><Identifier>{number}</Identifier></Device>")
        })),
        soap(format!(
            "<Data>{}</Data>",
            number_of(bytes, 80, |number| format!("<Usage><Mdn>555{number:07}</Mdn></Usage>"))
        )),
        format!("{{\"deviceResponse\":{{\"a\":[{}{{}}]}}}}", fill("{\"id\":\"1\",\"kind\":\"mdn\"},")),
    ]
}

/// Sixteen times the input may take sixteen times as long, and with a wide margin for a busy machine a hundred times;
/// what is quadratic takes two hundred and fifty-six times as long.
#[test]
fn hostile_input_takes_time_linear_in_its_length() {
    let fastest = |body: &str| {
        let once = |_| {
            let started = std::time::Instant::now();
            if let Ok(callback) = Callback::parse(body.as_bytes(), None) {
                let _ = callback.message.into_parts();
            }
            started.elapsed()
        };
        (0..3).map(once).min().unwrap()
    };
    for (small, large) in hostile(MAX_BODY_BYTES / 20).iter().zip(hostile(MAX_BODY_BYTES / 20 * 16)) {
        let (small_time, large_time) = (fastest(small), fastest(&large));
        let allowed = small_time * 100 + std::time::Duration::from_millis(20);
        assert!(large_time < allowed, "{small_time:?} and {large_time:?} for {}", &small[..60]);
    }
}
