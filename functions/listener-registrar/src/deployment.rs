//! The stack's registrations as a resource of CloudFormation: made on deployment, taken back on deletion.
//!
//! CloudFormation waits for an answer, so there always is one, in time. A platform that is down, or refuses, fails a
//! deployment only where the stack says so, and a deletion never: what is left behind then points at nothing.
//!
//! Only the deletion of the stack takes back all. An update that removes the resource, because a parameter was left out,
//! leaves what is registered: the endpoints are still there.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use registration::{Comparison, Credentials, Which};
use reqwest::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::{Properties, Registrar, Target, Trouble};

/// Enough to wait for a new secret and then for the platform; less than the function may take.
const DEPLOY_WITHIN: Duration = Duration::from_secs(200);

/// A deletion is not to be held up.
const DELETE_WITHIN: Duration = Duration::from_secs(60);

/// How often, and with which pause, secrets are asked for on deployment.
const SECRET_TRIES: u32 = 4;
const SECRET_PAUSE: Duration = Duration::from_secs(5);

/// How often, and with which pause, the answer is tried: without it CloudFormation waits for minutes, and then fails.
const ANSWER_TRIES: u32 = 5;
const ANSWER_PAUSE: Duration = Duration::from_secs(2);

/// The longest reason that CloudFormation shows, with room for the rest of the answer in its 4 KiB.
const MAX_REASON: usize = 1000;

/// What CloudFormation asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deployment {
    request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: ResourceProperties,
    #[serde(default)]
    old_resource_properties: ResourceProperties,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum RequestType {
    Create,
    Update,
    Delete,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ResourceProperties {
    /// `required` or `attempted`.
    on_deploy: String,
    #[serde(flatten)]
    properties: Properties,
}

impl Registrar {
    /// Does it, and tells CloudFormation.
    pub(crate) async fn deploy(&self, deployment: &Deployment, request_id: &str) -> Result<(), Trouble> {
        let (new, old) = (&deployment.resource_properties, &deployment.old_resource_properties.properties);
        let work = async {
            let done = match deployment.request_type {
                RequestType::Create => timeout(DEPLOY_WITHIN, self.permitted(&new.properties, None, request_id)).await,
                RequestType::Update => {
                    timeout(DEPLOY_WITHIN, self.permitted(&new.properties, Some(old), request_id)).await
                }
                RequestType::Delete => timeout(DELETE_WITHIN, self.withdraw(deployment)).await,
            };
            done.unwrap_or(Err(Trouble::TooSlow))
        };
        // CloudFormation is answered whatever happens.
        let trouble = AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(Trouble::Panicked)).err();
        let fails = match (&trouble, deployment.request_type) {
            (None, _) | (_, RequestType::Delete) => false,
            // A parameter that cannot be right is for who deploys to mend, and the platform's trouble is not.
            (Some(trouble), _) => matches!(trouble, Trouble::Invalid(_)) || new.on_deploy == "required",
        };
        // A rollback that fails leaves a stack that nobody can update.
        let fails = fails && !self.rolls_back(deployment).await;
        if let Some(trouble) = &trouble {
            tracing::warn!(message = "Not all registrations are as they should be.", %trouble, fails);
            self.announcer.failed();
        }
        self.answer(deployment, fails, trouble).await
    }

    /// Whether CloudFormation is undoing an update. Where that cannot be known, it is not.
    async fn rolls_back(&self, deployment: &Deployment) -> bool {
        deployment.request_type == RequestType::Update
            && self.stack_status(deployment).await.is_some_and(|status| status.contains("ROLLBACK"))
    }

    /// Whether the stack itself goes: it is deleted, or its creation is undone. Where that cannot be known, it is not.
    async fn stack_goes(&self, deployment: &Deployment) -> bool {
        let status = self.stack_status(deployment).await.unwrap_or_default();
        status.starts_with("DELETE_") || status.starts_with("ROLLBACK_")
    }

    async fn stack_status(&self, deployment: &Deployment) -> Option<String> {
        match self.stacks.describe_stacks().stack_name(&deployment.stack_id).send().await {
            Ok(described) => described.stacks().first()?.stack_status().map(|status| status.as_str().to_owned()),
            Err(error) => {
                let error = aws::reason(&error);
                tracing::warn!(message = "The stack cannot be described.", %error);
                None
            }
        }
    }

    /// Brings it about, and tries again while a secret cannot be read: the function's permissions are as new as it is, and
    /// take some seconds to hold everywhere.
    async fn permitted(&self, new: &Properties, old: Option<&Properties>, request_id: &str) -> Result<(), Trouble> {
        for _ in 1..SECRET_TRIES {
            match self.bring_about(new, old, request_id).await {
                Err(Trouble::Secret(error)) => {
                    tracing::info!(message = "A secret cannot be read yet.", %error);
                    tokio::time::sleep(SECRET_PAUSE).await;
                }
                done => return done,
            }
        }
        self.bring_about(new, old, request_id).await
    }

    /// Registers what is not as it should be, and takes back what an update gives up.
    async fn bring_about(&self, new: &Properties, old: Option<&Properties>, request_id: &str) -> Result<(), Trouble> {
        let target = Target::read(new)?;
        for account in &target.accounts {
            // Before anything is waited for.
            target.registrations(account, &Credentials::default())?;
        }
        let credentials = self.credentials().await?;
        // Parameters that could not be right have registered nothing.
        let old = old.and_then(|old| Target::read(old).ok());
        let given_up = old.as_ref().map(|old| old.without(&target)).unwrap_or_default();
        // What one API has registered the other is refused: there it must go first.
        let (first, then): (Vec<_>, Vec<_>) = given_up.into_iter().partition(|part| part.api != target.api);
        let mut parts = Vec::new();
        for part in &first {
            parts.push(self.take_back(part).await);
        }
        // Missing where it was never registered, or has just been taken back, is nothing to tell of.
        let before = old.filter(|old| (old.api, &old.platform_url) == (target.api, &target.platform_url));
        let expected =
            |one: &Comparison| !one.standing.is_here() && before.as_ref().is_some_and(|before| before.has(&one.wanted));
        let work = self.repair(&target, &credentials, &[], request_id, expected).await;
        parts.push(work.and_then(|work| work.outcome(|_| true)));
        for part in &then {
            parts.push(self.take_back(part).await);
        }
        // One part that goes wrong stops no other; the first is told.
        parts.into_iter().collect()
    }

    async fn withdraw(&self, deployment: &Deployment) -> Result<(), Trouble> {
        if !self.stack_goes(deployment).await {
            return Err(Trouble::Left);
        }
        self.take_back(&Target::read(&deployment.resource_properties.properties)?).await
    }

    /// Deregisters what points at this stack, whatever its credentials.
    async fn take_back(&self, target: &Target) -> Result<(), Trouble> {
        let work = self.for_each_account(target, async |platform, account| {
            let wanted = target.registrations(account, &Credentials::default())?;
            platform.withdraw(account, wanted, Which::Here).await
        });
        work.await?.outcome(|_| true)
    }

    /// Tells CloudFormation, through the URL that it gave.
    async fn answer(&self, deployment: &Deployment, fails: bool, trouble: Option<Trouble>) -> Result<(), Trouble> {
        let reason = trouble.map_or_else(|| "Done".to_owned(), |trouble| trouble.to_string());
        let reason = format!("{}.", reason.trim_end_matches('.'));
        let physical_id = match &deployment.physical_resource_id {
            Some(id) => id.clone(),
            None => format!("registrations-of-{}", deployment.stack_id),
        };
        let answer = json!({
            "Status": if fails { "FAILED" } else { "SUCCESS" },
            "Reason": reason.chars().take(MAX_REASON).collect::<String>(),
            "PhysicalResourceId": physical_id,
            "StackId": deployment.stack_id,
            "RequestId": deployment.request_id,
            "LogicalResourceId": deployment.logical_resource_id,
        })
        .to_string();
        let mut tried = 1;
        loop {
            // The URL is signed for a request without a content type.
            let sent = self.http.put(&deployment.response_url).body(answer.clone()).send().await;
            let Err(error) = sent.and_then(Response::error_for_status) else { return Ok(()) };
            // The URL is as good as a password: it is left out.
            let error = error.without_url();
            tracing::warn!(message = "CloudFormation does not take the answer.", %error, tried);
            if tried == ANSWER_TRIES {
                return Err(Trouble::Unanswered);
            }
            tokio::time::sleep(ANSWER_PAUSE).await;
            tried += 1;
        }
    }
}
