//! How the functions reach AWS: one configuration for all clients, what is said of their
//! errors, and counters. The clients themselves are their users'.

mod metrics;
mod reason;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

pub use metrics::Metrics;
pub use reason::reason;

/// The environment's configuration, for calls that are over within this time, whatever happens: a try may take half of
/// it, so that there is room for another one.
pub async fn config(within: Duration) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(within / 2)
        .operation_timeout(within);
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(50)))
        .load()
        .await
}
