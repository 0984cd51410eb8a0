//! What all runs have in common: the clients, and the loop over accounts.

use std::time::Duration;

use aws::Metrics;
use aws_config::SdkConfig;
use credentials::CallbackSecret;
use lambda_runtime::Error;
use registration::{AccountName, Action, Comparison, Credentials, Login, Platform, RegistrationStatus};

use crate::error::{MAX_LOGIN_REFUSALS, RegistrarError};
use crate::notification::Notifier;
use crate::registrar_table::RegistrarTable;
use crate::settings::Settings;
use crate::target::{Properties, Target};

/// Timeout of a response to CloudFormation.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct Registrar {
    pub(crate) properties: Properties,
    secrets: aws_sdk_secretsmanager::Client,
    pub(crate) cloud_formation: aws_sdk_cloudformation::Client,
    platform_secret_arn: String,
    /// `None` if callbacks carry no credentials.
    pub(crate) callback_secret: Option<CallbackSecret>,
    pub(crate) table: RegistrarTable,
    pub(crate) notifier: Notifier,
    pub(crate) http: reqwest::Client,
}

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct RunResult {
    pub(crate) actions: Vec<Action>,
    /// Accounts whose registrations cannot be listed, with the reason.
    pub(crate) unlisted: Vec<String>,
    /// Why the remaining accounts were not attempted.
    pub(crate) stopped: Option<RegistrarError>,
}

impl RunResult {
    /// An error if any of the selected registrations failed, or an account cannot be listed.
    pub(crate) fn check(self, selected: impl Fn(&Comparison) -> bool) -> Result<(), RegistrarError> {
        if let Some(error) = self.stopped {
            return Err(error);
        }
        let selected = self.actions.iter().filter(|action| selected(&action.comparison));
        let total = selected.clone().count() + self.unlisted.len();
        let failure = |action: &Action| match &action.result {
            Some(Err(error)) => Some(format!("{}: {error}", action.comparison.expected.service())),
            _ => None,
        };
        let failed: Vec<_> = selected.filter_map(failure).chain(self.unlisted.iter().cloned()).collect();
        if failed.is_empty() { Ok(()) } else { Err(RegistrarError::Incomplete { failed, total }) }
    }
}

/// The callback credentials in the form in which they are registered.
pub(crate) fn to_register(credentials: credentials::Credentials) -> Credentials {
    Credentials { username: credentials.username, password: credentials.password }
}

impl Registrar {
    /// A registrar with these settings.
    ///
    /// # Errors
    ///
    /// The HTTP client cannot be built.
    pub fn new(aws: &SdkConfig, settings: Settings) -> Result<Self, Error> {
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        Ok(Self {
            properties: settings.properties,
            callback_secret: settings.callback_secret_arn.map(|arn| CallbackSecret::new(secrets.clone(), arn)),
            secrets,
            cloud_formation: aws_sdk_cloudformation::Client::new(aws),
            platform_secret_arn: settings.platform_secret_arn,
            table: RegistrarTable::new(aws_sdk_dynamodb::Client::new(aws), settings.table_name),
            notifier: Notifier {
                sns: aws_sdk_sns::Client::new(aws),
                topic: settings.topic_arn,
                metrics: Metrics::Log { stack: settings.stack_name },
            },
            http: reqwest::Client::builder().timeout(HTTP_TIMEOUT).build()?,
        })
    }

    /// The same registrar with its counters elsewhere than in its log.
    #[must_use]
    pub fn counting(mut self, metrics: Metrics) -> Self {
        self.notifier.metrics = metrics;
        self
    }

    /// The credentials to register, as soon as every listener accepts them.
    pub(crate) async fn credentials(&self) -> Result<Credentials, RegistrarError> {
        match &self.callback_secret {
            Some(secret) => Ok(to_register(secret.current().await?)),
            None => Ok(Credentials::default()),
        }
    }

    /// Repairs the registrations of a target. Those with one of the `others` credentials remain unchanged. A repair is
    /// published unless it is an intended change, which `drifted` decides.
    pub(crate) async fn repair(
        &self,
        target: &Target,
        credentials: &Credentials,
        others: &[Credentials],
        request_id: &str,
        drifted: impl Fn(&Comparison) -> bool,
    ) -> Result<RunResult, RegistrarError> {
        let drifted = &drifted;
        for account in &target.accounts {
            // A user name that is too long for one account is reported before anything is registered.
            target.registrations(account, credentials)?;
        }
        let result = self.for_each_account(target, async |platform, account| {
            let others: Vec<_> = others.iter().map(|other| other.of_account(account)).collect::<Result<_, _>>()?;
            let actions = platform.repair(account, target.registrations(account, credentials)?, &others).await?;
            self.notifier.publish_repairs(&actions, request_id, drifted).await;
            self.resume_sms_after(platform, account, &actions).await;
            Ok(actions)
        });
        result.await
    }

    /// Acts on each account of a target. An account that cannot be listed does not affect the others. An error that
    /// affects all requests ends the run, and is in the result with what was done before.
    pub(crate) async fn for_each_account(
        &self,
        target: &Target,
        act: impl AsyncFn(&Platform, &AccountName) -> Result<Vec<Action>, registration::Error>,
    ) -> Result<RunResult, RegistrarError> {
        let secret = credentials::read(&self.secrets, &self.platform_secret_arn).await?;
        let secret = secret.ok_or(RegistrarError::NoLogin)?;
        let refusals = self.table.login_refusals(&secret.version_id).await;
        if refusals >= MAX_LOGIN_REFUSALS {
            return Err(RegistrarError::LoginSuspended);
        }
        let login = Login::from_json(&secret.text).map_err(RegistrarError::MalformedLogin)?;
        let platform = Platform::new(target.api, &target.platform_url, login)?;
        let mut result = RunResult::default();
        for account in &target.accounts {
            match act(&platform, account).await {
                Ok(actions) => {
                    log(&actions);
                    let changed = actions.iter().any(may_have_changed_credentials);
                    result.actions.extend(actions);
                    // At once, since the next account may end the run.
                    if changed && let Err(error) = self.table.record_credentials_change().await {
                        result.stopped = Some(error.into());
                        break;
                    }
                }
                Err(error) if error.affects_all_requests() || matches!(error, registration::Error::Invalid(_)) => {
                    if error.is_login_error() {
                        self.table.record_login_refusals(&secret.version_id, refusals + 1).await;
                    }
                    result.stopped = Some(error.into());
                    break;
                }
                Err(error) => result.unlisted.push(format!("{account}: {error}")),
            }
        }
        platform.log_out().await;
        if refusals > 0 && result.stopped.is_none() {
            self.table.record_login_refusals(&secret.version_id, 0).await;
        }
        Ok(result)
    }
}

/// Whether a registration with other credentials was replaced, or may have been: the answer of the platform may be lost.
fn may_have_changed_credentials(action: &Action) -> bool {
    action.comparison.status == RegistrationStatus::OtherCredentials
        && !matches!(action.result, None | Some(Err(registration::Error::NotAttempted)))
}

fn log(actions: &[Action]) {
    for Action { comparison, result } in actions {
        let (account, service) = (comparison.expected.account(), comparison.expected.service());
        let found = &comparison.status;
        match result {
            None => {}
            Some(Ok(())) => tracing::info!(message = "Registration changed.", %account, service, %found),
            Some(Err(error)) => tracing::warn!(message = "Registration failed.", %account, service, %found, %error),
        }
    }
}
