//! Requests the text messages (SMS) that the platform has queued. It queues an SMS from a device whose callback of
//! EnhancedConnectivityService fails or has no listener, and does not send it again by itself.

use std::time::Duration;

use registration::{AccountName, Action, Platform};
use tokio::time::timeout;

use crate::error::RegistrarError;
use crate::registrar::Registrar;
use crate::target::Target;

/// The callback service of SMS from devices.
const SMS_SERVICE: &str = "EnhancedConnectivityService";

/// Shorter than the timeout of the function, so that a run that hangs is reported.
const RESUME_TIMEOUT: Duration = Duration::from_secs(280);

impl Registrar {
    /// Requests the queued SMS of every account, after callbacks failed and succeed again.
    pub(crate) async fn resume_sms(&self) -> Result<(), RegistrarError> {
        let result = timeout(RESUME_TIMEOUT, self.request_of_each_account()).await;
        let result = result.unwrap_or(Err(RegistrarError::TimedOut));
        if result.is_err() {
            self.count_failed_request();
        }
        result
    }

    async fn request_of_each_account(&self) -> Result<(), RegistrarError> {
        let target = Target::read(&self.properties)?;
        if !target.services.iter().any(|service| service == SMS_SERVICE) {
            return Ok(());
        }
        let requested = self.for_each_account(&target, async |platform, account| {
            platform.start_sms_callbacks(account).await?;
            tracing::info!(message = "Queued SMS requested.", %account);
            Ok(Vec::new())
        });
        requested.await?.check(|_| true)
    }

    /// Requests the queued SMS of an account if its listener for SMS was registered. A failure is only logged and
    /// counted, since the registration is done.
    pub(crate) async fn resume_sms_after(&self, platform: &Platform, account: &AccountName, actions: &[Action]) {
        let registered = |action: &Action| {
            matches!(action.result, Some(Ok(()))) && action.comparison.expected.service() == SMS_SERVICE
        };
        if !actions.iter().any(registered) {
            return;
        }
        match platform.start_sms_callbacks(account).await {
            Ok(()) => tracing::info!(message = "Queued SMS requested.", %account),
            Err(error) => {
                tracing::warn!(message = "Cannot request queued SMS.", %account, %error);
                self.count_failed_request();
            }
        }
    }

    fn count_failed_request(&self) {
        self.notifier.metrics.count(SMS_SERVICE, "SmsRequestsFailed", 1);
    }
}
