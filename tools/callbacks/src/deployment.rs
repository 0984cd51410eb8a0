//! The deployment that a command works on: a deployed stack, or `callbacks local`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use clap::Args;
use cli_support::variable;
use serde::Deserialize;
use store::Store;

use crate::account;
use crate::error::CommandError;

/// Timeout of an AWS call, retries included. An attempt has half of it, which is more than the 60 seconds that a function
/// may take.
const AWS_TIMEOUT: Duration = Duration::from_secs(130);

/// The deployment to work on.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// A deployed stack, with your AWS credentials [env: CALLBACKS_STACK]
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// `callbacks local` at this address, if not http://127.0.0.1:9001
    #[arg(long, value_name = "URL", conflicts_with = "stack")]
    local: Option<String>,
}

/// A deployment: its outputs, and clients for it.
pub(crate) struct Deployment {
    /// The options that select it.
    pub(crate) options: String,
    /// Whether it is `callbacks local`.
    pub(crate) is_local: bool,
    outputs: BTreeMap<String, String>,
    config: SdkConfig,
    dynamodb: SdkConfig,
}

/// What `callbacks local` replaces AWS with.
#[derive(Deserialize)]
struct LocalStack {
    outputs: BTreeMap<String, String>,
    /// The URL of DynamoDB. The other services are at the address of `callbacks local`.
    dynamodb: String,
}

impl Target {
    /// Finds the deployment. Options take precedence over the variable.
    pub(crate) async fn find(&self) -> Result<Deployment, CommandError> {
        let stack = self.stack.clone().or_else(|| variable("CALLBACKS_STACK").filter(|_| self.local.is_none()));
        match stack {
            Some(stack) => deployed(&stack).await,
            None => local(self.local.as_deref().unwrap_or("http://127.0.0.1:9001")).await,
        }
    }
}

async fn deployed(stack: &str) -> Result<Deployment, CommandError> {
    let config = account::config(AWS_TIMEOUT).await.map_err(|error| CommandError::Unreachable(error.to_string()))?;
    let outputs = outputs(&config, stack).await?;
    Ok(Deployment { options: format!("--stack {stack}"), is_local: false, outputs, dynamodb: config.clone(), config })
}

async fn local(address: &str) -> Result<Deployment, CommandError> {
    let unreachable = |_| {
        CommandError::Unreachable(format!(
            "{address} does not answer; start callbacks local, or name a stack with --stack"
        ))
    };
    let response = reqwest::get(format!("{}/stack", cli_support::url(address))).await.map_err(unreachable)?;
    let LocalStack { outputs, dynamodb } = response
        .json()
        .await
        .map_err(|_| CommandError::Unreachable(format!("{address} is not callbacks local, or of another version")))?;
    let config = aws::config(AWS_TIMEOUT).await;
    let config = |url: String| {
        let credentials = Credentials::new("local", "local", None, None, "local");
        let config = config.to_builder().region(Region::from_static("local")).endpoint_url(url);
        config.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
    };
    Ok(Deployment {
        options: format!("--local {address}"),
        is_local: true,
        outputs,
        config: config(cli_support::url(address).into_owned()),
        dynamodb: config(dynamodb),
    })
}

impl Deployment {
    /// The value of an output.
    pub(crate) fn output(&self, key: &str) -> Result<&str, CommandError> {
        self.outputs.get(key).map(String::as_str).ok_or_else(|| {
            CommandError::Invalid(format!("{} has no output {key}: it is not of this version", self.options))
        })
    }

    pub(crate) fn store(&self) -> Result<Store, CommandError> {
        Ok(Store::new(aws_sdk_dynamodb::Client::new(&self.dynamodb), self.output("TableName")?, 0))
    }

    pub(crate) fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        aws_sdk_dynamodbstreams::Client::new(&self.dynamodb)
    }

    pub(crate) fn queues(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    pub(crate) fn functions(&self) -> aws_sdk_lambda::Client {
        aws_sdk_lambda::Client::new(&self.config)
    }
}

/// The outputs of a stack.
pub(crate) async fn outputs(config: &SdkConfig, stack: &str) -> Result<BTreeMap<String, String>, CommandError> {
    let client = aws_sdk_cloudformation::Client::new(config);
    let described = client.describe_stacks().stack_name(stack).send().await.map_err(|error| {
        let (region, error) = (account::region(config), aws::reason(&error));
        CommandError::Unreachable(match error.ends_with("does not exist") {
            true => format!("no stack '{stack}' in {region}"),
            false => format!("the stack '{stack}' in {region} cannot be described: {error}"),
        })
    })?;
    let outputs = described.stacks().iter().flat_map(aws_sdk_cloudformation::types::Stack::outputs);
    let output = |output: &aws_sdk_cloudformation::types::Output| {
        Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
    };
    Ok(outputs.filter_map(output).collect())
}
