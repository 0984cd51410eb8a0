//! The scheduled check: repairs and publishes registrations that are not as expected.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::RegistrarError;
use crate::registrar::{Registrar, RunResult, to_register};
use crate::target::Target;

/// Shorter than the timeout of the function, so that a check that hangs is reported.
const CHECK_TIMEOUT: Duration = Duration::from_secs(280);

impl Registrar {
    pub(crate) async fn check(&self, request_id: &str) -> Result<(), RegistrarError> {
        let result = timeout(CHECK_TIMEOUT, self.compare_and_repair(request_id)).await;
        let result = result.unwrap_or(Err(RegistrarError::TimedOut)).and_then(|result| result.check(|_| true));
        if result.is_err() {
            self.notifier.count_failure();
        }
        result
    }

    async fn compare_and_repair(&self, request_id: &str) -> Result<RunResult, RegistrarError> {
        let target = Target::read(&self.properties)?;
        let current = self.credentials().await?;
        // During a rotation the pending credentials may be registered already.
        let pending = match &self.callback_secret {
            Some(secret) => secret.end_superseded_rotation().await?.map(|version| to_register(version.credentials)),
            None => None,
        };
        self.repair(&target, &current, pending.as_slice(), request_id, |_| true).await
    }
}
