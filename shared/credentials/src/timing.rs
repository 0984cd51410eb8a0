//! How long versions of the secret are cached and waited for. The delays depend on each other, so they are defined together.

use std::time::Duration;

/// Credentials that match no cached version make a listener refresh its cache, at most this often. So every listener accepts
/// a version that is older than this.
pub const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// Cached versions are refreshed at the latest after this time: a password that was rotated out must not stay valid.
pub const MAX_CACHE_AGE: Duration = Duration::from_secs(10 * 60);

/// A version that could not be read is requested again after this time: it may be the one that counts.
pub(crate) const INCOMPLETE_REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// How much the clocks of Secrets Manager and of a listener may differ.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// When every listener accepts a new version, counted from its creation. Only then may the platform be given it.
pub const PROPAGATION_DELAY: Duration = MIN_REFRESH_INTERVAL.saturating_add(MAX_CLOCK_SKEW);

/// For how long the platform may still use the credentials that were registered before (measured: 14 minutes). Another rotation
/// within this time would make them invalid too early.
pub const PLATFORM_SWITCHOVER: Duration = Duration::from_secs(20 * 60);
