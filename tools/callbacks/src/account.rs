//! The AWS account that a command asks: yours, by the usual variables and profiles.

use std::time::Duration;

use aws_config::SdkConfig;

/// Without one, no endpoint is known. The SDK says so only when it is asked for something, and at length.
#[derive(Debug, thiserror::Error)]
#[error("No AWS region is set. Set AWS_REGION, or AWS_PROFILE to a profile that has one.")]
pub(crate) struct NoRegion;

/// The environment's configuration, for calls that are over within this time.
pub(crate) async fn config(within: Duration) -> Result<SdkConfig, NoRegion> {
    let config = aws::config(within).await;
    if config.region().is_some() { Ok(config) } else { Err(NoRegion) }
}

/// Where a configuration looks.
pub(crate) fn region(config: &SdkConfig) -> &str {
    config.region().map(AsRef::as_ref).unwrap_or_default()
}
