//! Time and randomness. Tests that explore interleavings replace both by those of their scheduler.

use std::fmt;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// The clock, the timer and the random numbers of a store.
pub trait Runtime: fmt::Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> Instant;

    /// Completes at this time.
    fn sleep_until(&self, time: Instant) -> BoxFuture<'static, ()>;

    /// A random number from 1 to `max`.
    fn random(&self, max: u64) -> u64;

    /// Waits before a retry. Backoff with full jitter, so that writers of the same device do not collide again: up to
    /// 20 ms per attempt, at most 200 ms.
    fn backoff(&self, attempt: u32) -> Duration {
        Duration::from_millis(self.random(20 * u64::from(attempt.clamp(1, 10))))
    }
}

/// Tokio's timer, and a generator that is not cryptographic.
#[derive(Debug)]
pub(crate) struct Tokio;

impl Runtime for Tokio {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, time: Instant) -> BoxFuture<'static, ()> {
        tokio::time::sleep_until(time).boxed()
    }

    fn random(&self, max: u64) -> u64 {
        fastrand::u64(1..=max.max(1))
    }
}
