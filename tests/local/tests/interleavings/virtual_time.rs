//! The store's time and randomness under the scheduler.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use store::Runtime;
use tokio::time::Instant;

/// Longer than any writer backs off.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Time that passes only while a writer backs off. How long does not matter: the call after it is a scheduling point,
/// so that any other writer may come first. The deadline never passes: a killed process abandons the same requests.
#[derive(Debug)]
pub(crate) struct VirtualTime {
    start: Instant,
    passed_ms: AtomicU64,
}

impl VirtualTime {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), passed_ms: AtomicU64::new(0) }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.start + TIMEOUT
    }
}

impl Runtime for VirtualTime {
    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.passed_ms.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, time: Instant) -> BoxFuture<'static, ()> {
        if time >= self.deadline() {
            return pending().boxed();
        }
        let passed_ms = u64::try_from((time - self.start).as_millis()).unwrap();
        self.passed_ms.fetch_max(passed_ms, Ordering::Relaxed);
        ready(()).boxed()
    }

    fn random(&self, max: u64) -> u64 {
        max
    }
}
