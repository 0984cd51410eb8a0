//! Interpreting a large message takes memory proportional to its length. A binary of its own, since it replaces the
//! global allocator and measures the peak of the whole process.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use callback::Callback;
use device::CallbackDelivery;
use jiff::Timestamp;
use local_tests::{identifier_xml, provisioning_change};
use peak_alloc::PeakAlloc;
use registry::SERVICES;
use serde_json::{Value, json};

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

/// The parser's constant, and the same for the observations of a message with as many objects as possible.
const CONSTANT: usize = 2 * 80 * 1024 * 1024;

/// The allowance of ordinary messages beyond ten times their length.
const ORDINARY: usize = 16 * 1024 * 1024;

fn id(number: usize) -> Value {
    json!({ "id": format!("35{number:013}"), "kind": "imei" })
}

/// Name, message and allowance beyond ten times its length.
fn large_messages() -> Vec<(&'static str, String, usize)> {
    let many = |count: usize, value: fn(usize) -> Value| (0..count).map(value).collect::<Vec<Value>>();
    let usage = |items: Vec<Value>| json!({ "requestId": "r", "deviceResponse": { "usageResponse": items } });
    let item = |number| json!({ "deviceIds": [id(number)], "bytesUsed": number });
    let identifiers: String = (0..9_000)
        .map(|number| identifier_xml("DeviceIdentifiers", &format!("k{number}"), &number.to_string()))
        .collect();
    vec![
        (
            "2,000 devices and 2,000 items without identifiers",
            json!({ "requestId": "r", "deviceIds": many(2_000, id), "deviceResponse":
                { "usageResponse": many(2_000, |n| json!({ "bytesUsed": n, "note": "n".repeat(90) })) } })
            .to_string(),
            ORDINARY,
        ),
        ("2,000 items with identifiers", usage(many(2_000, item)).to_string(), ORDINARY),
        (
            "2,000 devices and a long fault",
            json!({ "requestId": "r", "deviceIds": many(2_000, id), "status": "Failed",
                "faultResponse": { "faultcode": "X", "faultstring": "f".repeat(500_000) } })
            .to_string(),
            ORDINARY,
        ),
        ("10,000 items with identifiers", usage(many(10_000, item)).to_string(), CONSTANT),
        (
            "a snapshot with 9,000 identifiers",
            provisioning_change("<RequestId>r</RequestId>", "SUSPEND", &identifiers),
            CONSTANT,
        ),
    ]
}

#[test]
fn interpreting_a_message_takes_at_most_ten_times_its_length_and_a_constant() {
    for (name, body, constant) in large_messages() {
        for service in SERVICES {
            let before = PEAK.current_usage();
            PEAK.reset_peak_usage();
            let message = Callback::parse(body.as_bytes(), None).unwrap().message;
            let delivery = CallbackDelivery::new(service, &message, Timestamp::UNIX_EPOCH);
            let observations = (service.interpret)(&service.name, message);
            let peak = PEAK.peak_usage().saturating_sub(before);
            let most = 10 * body.len() + constant;
            assert!(peak <= most, "{}: {name}: {peak} bytes of {most} for {}", service.name, body.len());
            drop((delivery, observations));
        }
    }
}
