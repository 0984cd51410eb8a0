//! A rotation of the callback credentials, in the four steps of Secrets Manager.
//!
//! Listeners accept the pending version too, so the order is: create it, wait until every listener knows it, register
//! it at the platform, make it current. Callbacks never carry credentials that a listener would refuse. Secrets Manager
//! retries a step that fails, and the credentials that were registered before remain valid until the next rotation
//! ends. Therefore no rotation starts while the platform may still use the credentials before the current ones.

use credentials::{CallbackSecret, PLATFORM_SWITCHOVER, PROPAGATION_DELAY};
use registration::{Action, Credentials, RegistrationStatus, compare};
use serde::Deserialize;

use crate::error::RegistrarError;
use crate::registrar::{Registrar, to_register};
use crate::target::Target;

/// The event of Secrets Manager.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rotation {
    step: Step,
    secret_id: String,
    client_request_token: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

impl Registrar {
    pub(crate) async fn rotate(&self, rotation: &Rotation, request_id: &str) -> Result<(), RegistrarError> {
        let Rotation { step, secret_id, client_request_token: token } = rotation;
        let secret = self.callback_secret.as_ref().filter(|secret| secret.has_arn(secret_id));
        let secret =
            secret.ok_or(RegistrarError::RotationRefused("this is not the secret of the callback credentials"))?;
        // Not read for the last step, which may have removed the label in an earlier attempt.
        if matches!(step, Step::Finish) {
            return Ok(secret.make_current(token).await?);
        }
        match (step, secret.pending(token).await?) {
            (Step::Create, Some(_)) | (Step::Finish, _) => Ok(()),
            (Step::Create, None) => self.create(secret, token, request_id).await,
            (Step::Set, Some(_)) => self.register_pending(secret, request_id).await,
            (Step::Test, Some(pending)) => self.test_pending(secret, &to_register(pending.credentials)).await,
            (Step::Set | Step::Test, None) => {
                Err(RegistrarError::RotationRefused("the pending version of this rotation does not exist"))
            }
        }
    }

    /// Creates the pending version, unless the platform may still use the credentials before the current ones.
    async fn create(&self, secret: &CallbackSecret, token: &str, request_id: &str) -> Result<(), RegistrarError> {
        let too_early =
            || RegistrarError::RotationRefused("the registered credentials have just changed: rotate later");
        if self.table.since_credentials_change().await?.is_some_and(|since| since < PLATFORM_SWITCHOVER) {
            return Err(too_early());
        }
        let (target, current) = (Target::read(&self.properties)?, self.credentials().await?);
        let result = self.repair(&target, &current, &[], request_id, |_| true).await?;
        let had_other_credentials = |action: &Action| action.comparison.status == RegistrationStatus::OtherCredentials;
        if result.actions.iter().any(had_other_credentials) {
            return Err(too_early());
        }
        match result.stopped {
            Some(error) => Err(error),
            None => Ok(secret.create_pending(token).await?),
        }
    }

    /// Registers the pending credentials as soon as every listener accepts them. A registration that was missing before
    /// may fail, since that loses no callback.
    async fn register_pending(&self, secret: &CallbackSecret, request_id: &str) -> Result<(), RegistrarError> {
        // The whole delay, whatever the age of the version: Secrets Manager creates it empty before it is filled.
        tokio::time::sleep(PROPAGATION_DELAY).await;
        let Some(pending) = secret.end_superseded_rotation().await? else {
            return Err(RegistrarError::RotationRefused("a newer version is current: this rotation has ended"));
        };
        let (target, credentials) = (Target::read(&self.properties)?, to_register(pending.credentials));
        let result = self.repair(&target, &credentials, &[], request_id, |one| !one.status.has_expected_url()).await;
        // SOAP does not list credentials, so the change is recorded in any case.
        self.table.record_credentials_change().await?;
        result?.check(|one| one.status.has_expected_url())
    }

    /// Checks that the pending credentials are registered, as far as the platform lists credentials.
    async fn test_pending(&self, secret: &CallbackSecret, credentials: &Credentials) -> Result<(), RegistrarError> {
        // When a schedule is set, Secrets Manager requests this step alone, with the current version.
        let current = secret.stage("AWSCURRENT").await?.map(|version| to_register(version.credentials));
        if current.as_ref() == Some(credentials) {
            return Ok(());
        }
        let target = Target::read(&self.properties)?;
        let result = self.for_each_account(&target, async |platform, account| {
            let expected = target.registrations(account, credentials)?;
            let compared = compare(expected, &[], &platform.list(account).await?);
            Ok(compared.into_iter().map(|comparison| Action { comparison, result: None }).collect())
        });
        let result = result.await?;
        let comparisons = result.actions.iter().map(|action| &action.comparison);
        let others = comparisons.filter(|one| one.status == RegistrationStatus::OtherCredentials);
        let failed: Vec<_> = others.map(|one| format!("{}: {}", one.expected.service(), one.status)).collect();
        result.check(|_| true)?;
        if failed.is_empty() { Ok(()) } else { Err(RegistrarError::Incomplete { total: failed.len(), failed }) }
    }
}
