//! What a deployed stack says of itself: its outputs and its secret.

use std::time::Duration;

use clap::Args;
use listener_registrar::{ListenerSecret, platform_login};
use registration::{Credentials, Login};
use tokio::time::sleep;

use super::Trouble;
use crate::account;

/// How long a call of AWS may take.
const AWS_WITHIN: Duration = Duration::from_secs(20);

/// Where messages should go, and what they should carry.
#[derive(Args)]
pub(super) struct Stack {
    /// The deployed stack whose outputs and secret say where messages go and what they carry, with your AWS credentials
    #[arg(long, value_name = "NAME", env = "CALLBACKS_STACK", default_value = "thingspace-callbacks")]
    stack: String,
    /// Where messages go, instead of the stack: callback URLs are this, a slash and the name of the service
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The user name that messages carry, instead of the stack's
    #[arg(long, env = "CALLBACKS_USERNAME")]
    callback_username: Option<String>,
    /// The password that messages carry, instead of the stack's; better in the environment
    #[arg(long, env = "CALLBACKS_PASSWORD", hide_env_values = true)]
    callback_password: Option<String>,
    /// Messages carry no credentials
    #[arg(long)]
    no_credentials: bool,
}

impl Stack {
    pub(super) async fn callback_base_url(&self) -> Result<String, Trouble> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => self.output("CallbackBaseUrl").await?.ok_or_else(|| {
                Trouble::Wrong(format!("the stack {} has no output CallbackBaseUrl: it is another one's", self.stack))
            })?,
        };
        Ok(url)
    }

    /// Those given, or the stack's, once all its listeners take them.
    pub(super) async fn credentials(&self) -> Result<Credentials, Trouble> {
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
            let how = "set CALLBACKS_USERNAME and CALLBACKS_PASSWORD, or say --no-credentials";
            return Err(Trouble::Wrong(format!("with --url, messages need credentials: {how}")));
        }
        // A stack without the output takes callbacks without credentials: its parameter CallbackCredentials says so.
        let Some(arn) = self.output("CredentialsSecretArn").await? else { return Ok(Credentials::default()) };
        let client = aws_sdk_secretsmanager::Client::new(&aws().await?);
        let secret = ListenerSecret::new(client, arn);
        let mut current = Box::pin(secret.current());
        let read = tokio::select! {
            read = &mut current => read,
            () = sleep(Duration::from_secs(2)) => {
                eprintln!("The stack's credentials were changed just now: waiting until all its functions take them.");
                current.await
            }
        };
        read.map_err(|error| Trouble::NotAsked(error.to_string()))
    }

    async fn output(&self, key: &str) -> Result<Option<String>, Trouble> {
        let config = aws().await?;
        let client = aws_sdk_cloudformation::Client::new(&config);
        let described = client.describe_stacks().stack_name(&self.stack).send().await.map_err(|error| {
            let (stack, region, error) = (&self.stack, account::region(&config), aws::reason(&error));
            Trouble::NotAsked(match error.ends_with("does not exist") {
                true => format!("no stack '{stack}' in {region}"),
                false => format!("the stack '{stack}' in {region} cannot be described: {error}"),
            })
        })?;
        let mut outputs = described.stacks().iter().flat_map(aws_sdk_cloudformation::types::Stack::outputs);
        Ok(outputs
            .find(|output| output.output_key() == Some(key))
            .and_then(|output| output.output_value().map(str::to_owned)))
    }
}

async fn aws() -> Result<aws_config::SdkConfig, Trouble> {
    account::config(AWS_WITHIN).await.map_err(|error| Trouble::NotAsked(error.to_string()))
}

/// Your login at the platform, from Secrets Manager.
pub(super) async fn login(arn: &str) -> Result<Login, Trouble> {
    let client = aws_sdk_secretsmanager::Client::new(&aws().await?);
    let login = platform_login(&client, arn).await.map_err(|error| Trouble::NotAsked(error.to_string()));
    Ok(login?.0)
}
