//! Fuzzes the parser with any bytes and content type, and splits what can be parsed into parts. libFuzzer reports
//! panics, overflows, and inputs that take more than 5 s or 512 MB.

#![no_main]

use callback::{Callback, Map, Value};
use libfuzzer_sys::fuzz_target;

const CONTENT_TYPES: [Option<&str>; 4] =
    [None, Some("text/xml; charset=utf-8"), Some("application/json"), Some("application/soap+xml; charset=utf-16")];

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else { return };
    let content_type = CONTENT_TYPES[usize::from(*first) % CONTENT_TYPES.len()];
    let Ok(callback) = Callback::parse(body, content_type) else { return };
    let parts = callback.message.into_parts();
    assert!(!parts.is_empty(), "a message was dropped");
    for part in parts {
        // The store keeps payloads as JSON text and reads them back.
        let text = serde_json::to_string(&part.payload).expect("a payload is JSON");
        let read: Map<String, Value> = serde_json::from_str(&text).expect("a payload can be read back");
        assert_eq!(read, part.payload, "a payload changed");
    }
});
