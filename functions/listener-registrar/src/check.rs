//! The daily check: what is not registered as it should be is registered again, and told of.

use std::time::Duration;

use tokio::time::timeout;

use crate::{Registrar, Target, Trouble, Work};

/// Less than the function may take, so that a check that does not end is told of.
const CHECK_WITHIN: Duration = Duration::from_secs(280);

impl Registrar {
    pub(crate) async fn check(&self, request_id: &str) -> Result<(), Trouble> {
        let checked = timeout(CHECK_WITHIN, self.compare_and_repair(request_id)).await;
        let checked = checked.unwrap_or(Err(Trouble::TooSlow)).and_then(|work| work.outcome(|_| true));
        if checked.is_err() {
            self.announcer.failed();
        }
        checked
    }

    async fn compare_and_repair(&self, request_id: &str) -> Result<Work, Trouble> {
        let target = Target::read(&self.properties)?;
        let current = self.credentials().await?;
        // During a rotation the platform may have the next ones already.
        let pending = match &self.listener_secret {
            Some(secret) => secret.pending().await?,
            None => None,
        };
        self.repair(&target, &current, pending.as_slice(), request_id, |_| true).await
    }
}
