//! A rotation of the listener's secret, in the four steps of Secrets Manager.
//!
//! The listeners take the pending version too, so the order is: make it, wait until every listener knows it, give it to
//! the platform, make it current. At no time does a callback carry credentials that a listener would refuse. A step that
//! fails is tried again by Secrets Manager, and the platform's old credentials count until the next rotation is done; so
//! none begins while the platform may still use the ones before the current ones.

use registration::{Credentials, Done, Standing, compare};
use serde::Deserialize;

use crate::secret::{GIVEN_UP_AFTER, KNOWN_AFTER};
use crate::{ListenerSecret, Registrar, Target, Trouble};

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
    pub(crate) async fn rotate(&self, rotation: &Rotation, request_id: &str) -> Result<(), Trouble> {
        let Rotation { step, secret_id, client_request_token: token } = rotation;
        let secret = self.listener_secret.as_ref().filter(|secret| secret.is(secret_id));
        let secret = secret.ok_or(Trouble::NotYet("this is not the secret of the listener"))?;
        let pending = secret.of_rotation(token).await?;
        match (step, pending) {
            (Step::Create, Some(_)) => Ok(()),
            (Step::Create, None) => self.make(secret, token, request_id).await,
            (Step::Set, Some(pending)) => self.hand_over(&pending, request_id).await,
            (Step::Test, Some(pending)) => self.is_handed_over(secret, &pending).await,
            (Step::Finish, _) => Ok(secret.finish(token).await?),
            (Step::Set | Step::Test, None) => Err(Trouble::NotYet("the version of this rotation has not been made")),
        }
    }

    /// Makes the new version, unless the platform may still use the one before the current one.
    async fn make(&self, secret: &ListenerSecret, token: &str, request_id: &str) -> Result<(), Trouble> {
        let replaced = || Trouble::NotYet("the platform was given other credentials a short while ago: rotate later");
        if self.memory.since_handover().await?.is_some_and(|since| since < GIVEN_UP_AFTER) {
            return Err(replaced());
        }
        let (target, current) = (Target::read(&self.properties)?, secret.current().await?);
        let work = self.repair(&target, &current, &[], request_id, |_| true).await?;
        if work.done.iter().any(|one| one.comparison.standing == Standing::OtherCredentials) {
            return Err(replaced());
        }
        Ok(secret.make(token).await?)
    }

    /// Registers with the new credentials, when every listener takes them. What was not registered here before may fail:
    /// it loses nothing.
    async fn hand_over(&self, credentials: &Credentials, request_id: &str) -> Result<(), Trouble> {
        // All of it, whatever the version's age: Secrets Manager has an empty one there before it is filled.
        tokio::time::sleep(KNOWN_AFTER).await;
        let target = Target::read(&self.properties)?;
        let work = self.repair(&target, credentials, &[], request_id, |one| !one.standing.is_here()).await?;
        // What SOAP was given does not show.
        self.memory.handed_over().await?;
        work.outcome(|one| one.standing.is_here())
    }

    /// Asks the platform whether it has them, where it shows them.
    async fn is_handed_over(&self, secret: &ListenerSecret, credentials: &Credentials) -> Result<(), Trouble> {
        // To try a new schedule, Secrets Manager asks for this step alone, with the current value.
        if secret.has(credentials).await? {
            return Ok(());
        }
        let target = Target::read(&self.properties)?;
        let work = self.for_each_account(&target, async |platform, account| {
            let wanted = target.registrations(account, credentials)?;
            let compared = compare(wanted, &[], &platform.list(account).await?);
            Ok(compared.into_iter().map(|comparison| Done { comparison, outcome: None }).collect())
        });
        let work = work.await?;
        work.outcome(|_| true)?;
        let compared = work.done.iter().map(|one| &one.comparison);
        let others = compared.filter(|one| one.standing == Standing::OtherCredentials);
        let failed: Vec<_> = others.map(|one| format!("{}: {}", one.wanted.service(), one.standing)).collect();
        if failed.is_empty() { Ok(()) } else { Err(Trouble::Some { all: failed.len(), failed }) }
    }
}
