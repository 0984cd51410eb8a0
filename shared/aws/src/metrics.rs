//! Metrics in CloudWatch's embedded metric format: a line of JSON on standard output, without a call of AWS.

use std::sync::mpsc::Sender;

use jiff::Timestamp;
use serde_json::json;

/// The namespace of all metrics.
const NAMESPACE: &str = "ThingSpaceCallbacks";

/// Where metrics go.
#[derive(Debug, Clone)]
pub enum Metrics {
    /// To the log, from which CloudWatch extracts them.
    Log {
        /// The stack's name, a dimension: several stacks in one account are counted separately.
        stack: String,
    },
    /// The lines of the log, to this channel: for tests.
    Channel(Sender<String>),
    /// Nowhere.
    Off,
}

impl Metrics {
    /// Adds to a counter of the stack, and to that of this callback service in it.
    pub fn count(&self, service: &str, name: &str, count: usize) {
        let line = |stack: &str| line(stack, service, name, count, Timestamp::now()).to_string();
        match self {
            Self::Log { stack } => println!("{}", line(stack)),
            // The receiver may have what it needs.
            Self::Channel(lines) => drop(lines.send(line(""))),
            Self::Off => {}
        }
    }
}

fn line(stack: &str, service: &str, name: &str, count: usize, now: Timestamp) -> serde_json::Value {
    json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["stack"], ["stack", "service"]],
                "Metrics": [{ "Name": name, "Unit": "Count" }],
            }],
        },
        "stack": stack,
        "service": service,
        name: count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_a_line_in_embedded_metric_format() {
        let line = line("cb", "DeviceUsage", "CallbacksRecorded", 2, Timestamp::UNIX_EPOCH);
        insta::assert_snapshot!(line, @r#"{"CallbacksRecorded":2,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["stack"],["stack","service"]],"Metrics":[{"Name":"CallbacksRecorded","Unit":"Count"}],"Namespace":"ThingSpaceCallbacks"}],"Timestamp":0},"service":"DeviceUsage","stack":"cb"}"#);
    }
}
