//! A rotation of the listener's secret, in the four steps of Secrets Manager.
//!
//! The listeners take the pending version too, so the order is: make it, wait until every listener knows it, give it to
//! the platform, make it current. At no time does a callback carry credentials that a listener would refuse. A step that
//! fails is tried again by Secrets Manager, and the platform's old credentials count until the next rotation is done.

use registration::{Credentials, Standing, compare};
use serde::Deserialize;

use crate::secret::SecretError;
use crate::{Registrar, Target, Trouble, refusals};

/// What Secrets Manager asks for.
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
    pub(crate) async fn rotate(&self, rotation: &Rotation) -> Result<(), Trouble> {
        let Rotation { step, secret_id, client_request_token: token } = rotation;
        let secret = self.listener_secret.as_ref().filter(|secret| secret.is(secret_id));
        let secret = secret.ok_or_else(SecretError::another)?;
        let pending = secret.of_rotation(token).await?;
        match (step, pending) {
            (Step::Create, Some(_)) => Ok(()),
            (Step::Create, None) => Ok(secret.make(token).await?),
            (Step::Finish, _) => Ok(secret.finish(token).await?),
            (Step::Set, None) => Err(SecretError::not_pending().into()),
            // Secrets Manager tries this step when a rotation is scheduled, before there is a version to test.
            (Step::Test, None) => Ok(()),
            (Step::Set, Some(pending)) => self.hand_over(&pending.known().await).await,
            (Step::Test, Some(pending)) => self.is_handed_over(&pending.credentials).await,
        }
    }

    /// Registers with the new credentials. What was not registered here before may fail: it loses nothing.
    async fn hand_over(&self, credentials: &Credentials) -> Result<(), Trouble> {
        let mut done = Vec::new();
        self.repair(&Target::read(&self.properties)?, credentials, &mut done).await?;
        refusals(done.iter().filter(|one| one.comparison.standing.is_here()))
    }

    /// Asks the platform whether it has them, where it shows them.
    async fn is_handed_over(&self, credentials: &Credentials) -> Result<(), Trouble> {
        let target = Target::read(&self.properties)?;
        let platform = self.platform(&target).await?;
        let mut compared = Vec::new();
        for account in &target.accounts {
            let wanted = target.registrations(account, credentials)?;
            compared.extend(compare(wanted, &platform.list(account).await?));
        }
        platform.log_out().await;
        let (all, mut failed) = (compared.len(), Vec::new());
        for one in compared.iter().filter(|one| one.standing == Standing::OtherCredentials) {
            failed.push(format!("{}: the platform has other credentials", one.wanted.service()));
        }
        if failed.is_empty() { Ok(()) } else { Err(Trouble::Some { failed, all }) }
    }
}
