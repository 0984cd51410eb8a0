//! The stack's registrations as a CloudFormation custom resource: registered on deployment, deregistered on deletion.
//!
//! CloudFormation waits for a response, so there is always one, in time. An unreachable platform, or one that refuses,
//! fails a deployment only if the stack is configured so, and never a deletion: the remaining registrations then point
//! nowhere.
//!
//! Only the deletion of the stack deregisters everything. An update that removes the resource, because a parameter is
//! missing, does not, since the endpoints still exist.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use credentials::SecretError;
use futures_util::FutureExt;
use registration::{Comparison, Credentials, Scope};
use reqwest::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::error::RegistrarError;
use crate::registrar::Registrar;
use crate::target::{Properties, Target};

/// Longer than the propagation of a new secret plus the calls to the platform; shorter than the timeout of the
/// function.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(200);

/// Short, so that a deletion is not delayed.
const DELETE_TIMEOUT: Duration = Duration::from_secs(60);

/// Attempts to read the secrets on deployment, and the delay between them.
const MAX_SECRET_ATTEMPTS: u32 = 4;
const SECRET_RETRY_DELAY: Duration = Duration::from_secs(5);

/// Attempts to send the response, and the delay between them. Without a response CloudFormation waits for minutes and
/// then fails.
const MAX_RESPONSE_ATTEMPTS: u32 = 5;
const RESPONSE_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Maximum length of the reason, in characters. CloudFormation accepts responses of up to 4 KiB.
const MAX_REASON_CHARS: usize = 1000;

/// The request of CloudFormation.
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
    /// Handles the request and responds to CloudFormation.
    pub(crate) async fn deploy(&self, deployment: &Deployment, request_id: &str) -> Result<(), RegistrarError> {
        let (new, old) = (&deployment.resource_properties, &deployment.old_resource_properties.properties);
        let handled = async {
            let result = match deployment.request_type {
                RequestType::Create => {
                    timeout(DEPLOY_TIMEOUT, self.apply_when_permitted(&new.properties, None, request_id)).await
                }
                RequestType::Update => {
                    timeout(DEPLOY_TIMEOUT, self.apply_when_permitted(&new.properties, Some(old), request_id)).await
                }
                RequestType::Delete => timeout(DELETE_TIMEOUT, self.delete(deployment)).await,
            };
            result.unwrap_or(Err(RegistrarError::TimedOut))
        };
        // A panic must not prevent the response.
        let error = AssertUnwindSafe(handled).catch_unwind().await.unwrap_or(Err(RegistrarError::Panicked)).err();
        let fails = match (&error, deployment.request_type) {
            (None, _) | (_, RequestType::Delete) => false,
            // Whoever deploys can correct an invalid parameter, but not a failure of the platform.
            (Some(error), _) => matches!(error, RegistrarError::Invalid(_)) || new.on_deploy == "required",
        };
        // A rollback that fails leaves a stack that cannot be updated.
        let fails = fails && !self.is_rollback(deployment).await;
        if let Some(error) = &error {
            tracing::warn!(message = "Not all registrations are as expected.", %error, fails);
            self.notifier.count_failure();
        }
        self.respond(deployment, fails, error).await
    }

    /// Whether CloudFormation is rolling back an update. False if the status cannot be read.
    async fn is_rollback(&self, deployment: &Deployment) -> bool {
        deployment.request_type == RequestType::Update
            && self.stack_status(deployment).await.is_some_and(|status| status.contains("ROLLBACK"))
    }

    /// Whether the stack itself is being deleted, or its creation rolled back. False if the status cannot be read.
    async fn is_stack_deletion(&self, deployment: &Deployment) -> bool {
        let status = self.stack_status(deployment).await.unwrap_or_default();
        status.starts_with("DELETE_") || status.starts_with("ROLLBACK_")
    }

    async fn stack_status(&self, deployment: &Deployment) -> Option<String> {
        match self.cloud_formation.describe_stacks().stack_name(&deployment.stack_id).send().await {
            Ok(described) => described.stacks().first()?.stack_status().map(|status| status.as_str().to_owned()),
            Err(error) => {
                let error = aws::reason(&error);
                tracing::warn!(message = "Cannot describe the stack.", %error);
                None
            }
        }
    }

    /// Applies the properties, with retries while a secret cannot be read: IAM is eventually consistent, and a new role
    /// takes seconds to propagate.
    async fn apply_when_permitted(
        &self,
        new: &Properties,
        old: Option<&Properties>,
        request_id: &str,
    ) -> Result<(), RegistrarError> {
        for _ in 1..MAX_SECRET_ATTEMPTS {
            match self.apply(new, old, request_id).await {
                Err(RegistrarError::Secret(error @ SecretError::Unavailable(_))) => {
                    tracing::info!(message = "Cannot read a secret yet.", %error);
                    tokio::time::sleep(SECRET_RETRY_DELAY).await;
                }
                result => return result,
            }
        }
        self.apply(new, old, request_id).await
    }

    /// Registers what is not as expected, and deregisters what only the old properties contain.
    async fn apply(&self, new: &Properties, old: Option<&Properties>, request_id: &str) -> Result<(), RegistrarError> {
        let target = Target::read(new)?;
        for account in &target.accounts {
            // Invalid values are reported before anything is waited for.
            target.registrations(account, &Credentials::default())?;
        }
        let credentials = self.credentials().await?;
        // Invalid old properties have registered nothing.
        let old = old.and_then(|old| Target::read(old).ok());
        let obsolete = old.as_ref().map(|old| old.without(&target)).unwrap_or_default();
        // The platform refuses to register through one API what is registered through the other.
        let (before, after): (Vec<_>, Vec<_>) = obsolete.into_iter().partition(|part| part.api != target.api);
        let mut results = Vec::new();
        for part in &before {
            results.push(self.deregister(part).await);
        }
        // A registration that is missing because it is new, or was just deregistered, has not drifted.
        let previous = old.filter(|old| (old.api, &old.platform_url) == (target.api, &target.platform_url));
        let drifted = |one: &Comparison| {
            !one.status.has_expected_url() && previous.as_ref().is_some_and(|previous| previous.contains(&one.expected))
        };
        let repaired = self.repair(&target, &credentials, &[], request_id, drifted).await;
        results.push(repaired.and_then(|result| result.check(|_| true)));
        for part in &after {
            results.push(self.deregister(part).await);
        }
        // A failing part does not affect the others; the first error is reported.
        results.into_iter().collect()
    }

    async fn delete(&self, deployment: &Deployment) -> Result<(), RegistrarError> {
        if !self.is_stack_deletion(deployment).await {
            return Err(RegistrarError::StackRemains);
        }
        self.deregister(&Target::read(&deployment.resource_properties.properties)?).await
    }

    /// Deregisters what points at this stack, with any credentials.
    async fn deregister(&self, target: &Target) -> Result<(), RegistrarError> {
        let result = self.for_each_account(target, async |platform, account| {
            let expected = target.registrations(account, &Credentials::default())?;
            platform.deregister_all(account, expected, Scope::ExpectedUrl).await
        });
        result.await?.check(|_| true)
    }

    /// Responds to CloudFormation at the URL of its request.
    async fn respond(
        &self,
        deployment: &Deployment,
        fails: bool,
        error: Option<RegistrarError>,
    ) -> Result<(), RegistrarError> {
        let reason = error.map_or_else(|| "done".to_owned(), |error| error.to_string());
        let reason = sentence(&reason);
        let physical_id = match &deployment.physical_resource_id {
            Some(id) => id.clone(),
            None => format!("registrations-of-{}", deployment.stack_id),
        };
        let response = json!({
            "Status": if fails { "FAILED" } else { "SUCCESS" },
            "Reason": reason.chars().take(MAX_REASON_CHARS).collect::<String>(),
            "PhysicalResourceId": physical_id,
            "StackId": deployment.stack_id,
            "RequestId": deployment.request_id,
            "LogicalResourceId": deployment.logical_resource_id,
        })
        .to_string();
        let mut attempt = 1;
        loop {
            // The URL is signed for a request without a content type.
            let sent = self.http.put(&deployment.response_url).body(response.clone()).send().await;
            let Err(error) = sent.and_then(Response::error_for_status) else { return Ok(()) };
            // The signed URL is a credential.
            let error = error.without_url();
            tracing::warn!(message = "CloudFormation does not accept the response.", %error, attempt);
            if attempt == MAX_RESPONSE_ATTEMPTS {
                return Err(RegistrarError::ResponseNotAccepted);
            }
            tokio::time::sleep(RESPONSE_RETRY_DELAY).await;
            attempt += 1;
        }
    }
}

/// An error text as a sentence for a person.
fn sentence(text: &str) -> String {
    let mut characters = text.trim_end_matches('.').chars();
    let first = characters.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(characters).chain(['.']).collect()
}
