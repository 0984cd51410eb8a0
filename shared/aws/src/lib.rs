//! What all users of AWS share: one client configuration, error texts without payloads, and metrics. Each user makes
//! its own clients.

mod metrics;
mod reason;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};

pub use metrics::Metrics;
pub use reason::reason;

/// The environment's configuration, for calls with this timeout, retries included. An attempt times out after half of
/// it, which leaves room for a retry.
pub async fn config(timeout: Duration) -> SdkConfig {
    loader(timeout).load().await
}

/// The same before the environment is read: a test replaces the connections and keeps the timeouts and retries.
#[must_use]
pub fn loader(timeout: Duration) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(timeout / 2)
        .operation_timeout(timeout);
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(50)))
}
