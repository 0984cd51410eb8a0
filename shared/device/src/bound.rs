//! Size limits of a device and its published events. Truncated values are marked, and are complete in the event's
//! payload.
//!
//! Together they leave room in a DynamoDB row (400 KB for event and device) and in an SNS message (256 KiB).

use serde_json::{Value, json};

/// The maximum size of a device as JSON, in bytes.
pub(crate) const MAX_DEVICE_BYTES: usize = 48 * 1024;

/// Maximum total size of the values in an event's changes, as JSON in bytes.
pub(crate) const MAX_CHANGES_BYTES: usize = 32 * 1024;

/// Maximum size of one report, or of one side of a change, as JSON in bytes.
pub(crate) const MAX_REPORT_BYTES: usize = 2 * 1024;

/// Maximum number of entries of a map or list from the platform, which documents five custom fields.
pub(crate) const MAX_ENTRIES: usize = 32;

/// Maximum length of a text on a device (plans, accounts, dates), in bytes. The platform limits most of them to 50.
pub(crate) const MAX_TEXT_BYTES: usize = 256;

/// Maximum length of the name of an entry (the iccid of a profile, a service), in bytes.
pub(crate) const MAX_KEY_BYTES: usize = 64;

/// The size of a value as JSON text, in bytes.
pub(crate) fn size<T: serde::Serialize>(value: &T) -> usize {
    let mut counter = Counter(0);
    // Counting cannot fail. A value that is not JSON has size 0 and is refused when it is written.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The placeholder of an omitted value.
pub(crate) fn left_out(bytes: usize) -> Value {
    json!({ "leftOutBytes": bytes })
}
