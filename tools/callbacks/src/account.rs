//! The AWS account of a command, from the usual environment variables and profiles.

use std::time::Duration;

use aws_config::SdkConfig;

/// No region is configured. The SDK reports this only with the first request, in a long text.
#[derive(Debug, thiserror::Error)]
#[error("no AWS region is set; set AWS_REGION, or AWS_PROFILE to a profile with a region")]
pub(crate) struct NoRegion;

/// The environment's configuration, with this timeout of a call, retries included.
pub(crate) async fn config(timeout: Duration) -> Result<SdkConfig, NoRegion> {
    let config = aws::config(timeout).await;
    if config.region().is_some() { Ok(config) } else { Err(NoRegion) }
}

/// The region of a configuration.
pub(crate) fn region(config: &SdkConfig) -> &str {
    config.region().map(AsRef::as_ref).unwrap_or_default()
}
