//! How long versions of the secret are cached, and how long a rotation waits. The delays depend on each other, so they
//! are defined together.

use std::time::Duration;

/// Credentials that match no cached version make a listener refresh its cache, at most this often. Every listener
/// therefore accepts a version that is older than this.
pub const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// Cached versions are refreshed at the latest after this time: a password that was rotated out must not stay valid.
pub const MAX_CACHE_AGE: Duration = Duration::from_secs(10 * 60);

/// A version that could not be read is requested again after this time: it may be the registered one.
pub(crate) const INCOMPLETE_REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// Known versions are refreshed within this time, or the cached ones are used and the refresh continues: a callback has to
/// be answered within 3 seconds.
pub(crate) const MAX_REFRESH_WAIT: Duration = Duration::from_millis(500);

/// Maximum difference between the clocks of Secrets Manager and of the function that waits.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The age at which every listener accepts a new version. It is registered only then.
pub const PROPAGATION_DELAY: Duration = MIN_REFRESH_INTERVAL.saturating_add(MAX_CLOCK_SKEW);

/// How long the platform may still use the previously registered credentials (measured: 14 minutes). Another rotation
/// within this time would make them invalid too early.
pub const PLATFORM_SWITCHOVER: Duration = Duration::from_secs(20 * 60);
