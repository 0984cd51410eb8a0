//! Counters in CloudWatch's embedded metric format: a line of JSON on standard output, no calls.

use jiff::Timestamp;
use serde_json::json;

/// The namespace of all counters.
const NAMESPACE: &str = "ThingSpaceCallbacks";

/// Where counters go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// To the log, where CloudWatch finds them.
    Log,
    /// Nowhere.
    Off,
}

impl Metrics {
    /// Adds to a counter of a callback service.
    pub fn count(self, service: &str, name: &str, count: usize) {
        if self == Self::Log {
            println!("{}", line(service, name, count, Timestamp::now()));
        }
    }
}

fn line(service: &str, name: &str, count: usize, now: Timestamp) -> serde_json::Value {
    json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["service"]],
                "Metrics": [{ "Name": name, "Unit": "Count" }],
            }],
        },
        "service": service,
        name: count,
    })
}
