//! The outputs and the secret of a deployed stack.

use std::time::Duration;

use clap::Args;
use credentials::CallbackSecret;
use registration::{Credentials, Login};
use tokio::time::sleep;

use crate::account;
use crate::deployment::outputs;
use crate::error::CommandError;

/// Timeout of an AWS call, retries included.
const AWS_TIMEOUT: Duration = Duration::from_secs(20);

/// The expected callback URLs and credentials.
#[derive(Args)]
pub(super) struct Stack {
    /// The deployed stack, whose outputs and secret contain the callback URLs and credentials. Uses your AWS
    /// credentials
    #[arg(long, value_name = "NAME", env = "CALLBACKS_STACK", default_value = "thingspace-callbacks")]
    stack: String,
    /// The callback URLs, instead of the stack's: this, a slash and the name of the service
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The user name that callbacks carry, instead of the stack's
    #[arg(long, env = "CALLBACKS_USERNAME")]
    callback_username: Option<String>,
    /// The password that callbacks carry, instead of the stack's. Prefer the environment variable
    #[arg(long, env = "CALLBACKS_PASSWORD", hide_env_values = true)]
    callback_password: Option<String>,
    /// Callbacks carry no credentials
    #[arg(long)]
    no_credentials: bool,
}

impl Stack {
    pub(super) async fn callback_base_url(&self) -> Result<String, CommandError> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => self.output("CallbackBaseUrl").await?.ok_or_else(|| {
                CommandError::Invalid(format!(
                    "the stack {} has no output CallbackBaseUrl: it is a stack of another application",
                    self.stack
                ))
            })?,
        };
        Ok(url)
    }

    /// The given credentials, or the stack's, as soon as all its listeners accept them.
    pub(super) async fn credentials(&self) -> Result<Credentials, CommandError> {
        if self.no_credentials {
            return Ok(Credentials::default());
        }
        match (&self.callback_username, &self.callback_password) {
            (Some(username), Some(password)) => {
                return Ok(Credentials { username: username.clone(), password: password.clone() });
            }
            (None, None) => {}
            _ => return Err(registration::Invalid::HalfCredentials.into()),
        }
        if self.url.is_some() {
            let how = "set CALLBACKS_USERNAME and CALLBACKS_PASSWORD, or use --no-credentials";
            return Err(CommandError::Invalid(format!("with --url, callbacks need credentials: {how}")));
        }
        // A stack without this output has CallbackCredentials=none.
        let Some(arn) = self.output("CredentialsSecretArn").await? else { return Ok(Credentials::default()) };
        let client = aws_sdk_secretsmanager::Client::new(&aws().await?);
        let secret = CallbackSecret::new(client, arn);
        let mut current = Box::pin(secret.current());
        let read = tokio::select! {
            read = &mut current => read,
            () = sleep(Duration::from_secs(2)) => {
                eprintln!("The stack's credentials have just changed: waiting until all its functions accept them.");
                current.await
            }
        };
        let current = read.map_err(|error| CommandError::Unreachable(error.to_string()))?;
        Ok(Credentials { username: current.username, password: current.password })
    }

    async fn output(&self, key: &str) -> Result<Option<String>, CommandError> {
        Ok(outputs(&aws().await?, &self.stack).await?.remove(key))
    }
}

async fn aws() -> Result<aws_config::SdkConfig, CommandError> {
    account::config(AWS_TIMEOUT).await.map_err(|error| CommandError::Unreachable(error.to_string()))
}

/// Your login at the platform, from Secrets Manager.
pub(super) async fn login(arn: &str) -> Result<Login, CommandError> {
    let client = aws_sdk_secretsmanager::Client::new(&aws().await?);
    let secret = credentials::read(&client, arn).await.map_err(|error| CommandError::Unreachable(error.to_string()))?;
    let secret = secret.ok_or_else(|| CommandError::Unreachable(format!("no secret {arn}")))?;
    Ok(Login::from_json(&secret.text)?)
}
