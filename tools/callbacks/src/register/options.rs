//! The options of the commands.

use clap::Args;
use cli_support::url;
use registration::{AccountName, Api, Credentials, Login, Platform, Registration};

use super::stack::{self, Stack};
use crate::error::CommandError;

/// The account, the platform and the stack.
#[derive(Args)]
pub(crate) struct Common {
    /// The billing account's name, with its leading zeros
    #[arg(long, value_name = "NAME")]
    pub(super) account: AccountName,
    /// The platform's API. It determines the format of the callbacks
    #[arg(long, value_name = "rest|soap", default_value = "rest")]
    pub(super) api: Api,
    #[command(flatten)]
    pub(super) stack: Stack,
    #[command(flatten)]
    pub(super) access: Access,
}

/// The platform and your login.
#[derive(Args)]
pub(super) struct Access {
    /// The address of the platform, if not Verizon's. The simulator's ends with /api for REST and /api/v2 for SOAP
    #[arg(long, value_name = "URL", env = "THINGSPACE_URL")]
    platform: Option<String>,
    /// A secret of Secrets Manager with your login, {"username", "password", "key", "secret"}, instead of the next four
    #[arg(long, value_name = "ARN", env = "THINGSPACE_LOGIN_SECRET")]
    login_secret: Option<String>,
    /// Your UWS user name
    #[arg(long, env = "THINGSPACE_USERNAME", hide_env_values = true)]
    username: Option<String>,
    /// Your UWS password. Prefer the environment variable: other users can read the arguments of a process
    #[arg(long, env = "THINGSPACE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Your application's key, for REST
    #[arg(long, env = "THINGSPACE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Your application's secret, for REST
    #[arg(long, env = "THINGSPACE_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

/// Options of `sms resume`.
#[derive(Args)]
pub(crate) struct Resume {
    /// The billing account's name, with its leading zeros; can be given several times
    #[arg(long, value_name = "NAME", required = true)]
    pub(super) account: Vec<AccountName>,
    /// The platform's API
    #[arg(long, value_name = "rest|soap", default_value = "rest")]
    pub(super) api: Api,
    #[command(flatten)]
    pub(super) access: Access,
    /// Print where the SMS would be sent without requesting them
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// The callback services.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Services {
    /// This callback service; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) service: Vec<String>,
    /// All services that the API registers: thirteen through REST, ten through SOAP
    #[arg(long)]
    pub(super) all: bool,
}

/// Options of `register`.
#[derive(Args)]
pub(crate) struct Register {
    #[command(flatten)]
    pub(super) change: Change,
    /// Replace registrations of other URLs, whose listeners then receive no more callbacks. Without it, you are asked
    /// on a terminal; in a script they stay as they are
    #[arg(long)]
    pub(super) take_over: bool,
}

/// Options of commands that change registrations.
#[derive(Args)]
pub(super) struct Change {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) services: Services,
    /// Print what would be done without doing it
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Options of `deregister`.
#[derive(Args)]
pub(crate) struct Deregister {
    #[command(flatten)]
    pub(super) change: Change,
    /// Deregister any URL, not only those of the stack
    #[arg(long)]
    pub(super) wherever: bool,
}

/// Options of `registrations`.
#[derive(Args)]
pub(crate) struct Registrations {
    #[command(flatten)]
    pub(super) common: Common,
    /// Only this callback service; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) service: Vec<String>,
}

impl Services {
    pub(super) fn of(self, api: Api) -> Vec<String> {
        if self.all { Self::all(api) } else { self.service }
    }

    pub(super) fn all(api: Api) -> Vec<String> {
        api.services().iter().map(|&service| service.to_owned()).collect()
    }
}

impl Common {
    /// The expected registrations.
    pub(super) async fn expected(
        &self,
        services: Vec<String>,
        credentials: &Credentials,
    ) -> Result<Vec<Registration>, CommandError> {
        self.below(&self.stack.callback_base_url().await?, services, credentials)
    }

    pub(super) fn below(
        &self,
        base: &str,
        services: Vec<String>,
        credentials: &Credentials,
    ) -> Result<Vec<Registration>, CommandError> {
        let registration =
            |service: &String| Registration::below(self.api, self.account.clone(), service, base, credentials);
        Ok(services.iter().map(registration).collect::<Result<_, _>>()?)
    }

    pub(super) async fn platform(&self) -> Result<Platform, CommandError> {
        self.access.platform(self.api).await
    }

    /// The advice if a service is registered through the other API.
    pub(super) fn other_api_advice(&self) -> String {
        let (account, other) = (&self.account, other(self.api));
        let address = match &self.access.platform {
            Some(_) => format!(", with the address of the {other} API in THINGSPACE_URL"),
            None => String::new(),
        };
        format!(
            "A service has one listener, and these are registered through the {other} API. List and deregister them \
             there first{address}:\n  callbacks registrations --account '{account}' --api {other}\n  callbacks \
             deregister --account '{account}' --api {other} --service <name> --wherever"
        )
    }
}

impl Access {
    pub(super) async fn platform(&self, api: Api) -> Result<Platform, CommandError> {
        let address = match self.platform.as_deref().filter(|address| !address.is_empty()) {
            Some(address) => address_of(api, address)?,
            None => api.default_url().to_owned(),
        };
        Ok(Platform::new(api, &address, self.login().await?)?)
    }

    async fn login(&self) -> Result<Login, CommandError> {
        if let Some(arn) = &self.login_secret {
            return stack::login(arn).await;
        }
        let given = |value: &Option<String>, name| {
            value.clone().ok_or_else(|| CommandError::Invalid(format!("the platform requires a login: set {name}")))
        };
        Ok(Login {
            username: given(&self.username, "THINGSPACE_USERNAME")?,
            password: given(&self.password, "THINGSPACE_PASSWORD")?,
            key: self.key.clone(),
            secret: self.secret.clone(),
        })
    }
}

fn other(api: Api) -> Api {
    match api {
        Api::Rest => Api::Soap,
        Api::Soap => Api::Rest,
    }
}

/// The address of the platform. Without a scheme it is an http URL. Each API has its own address.
fn address_of(api: Api, given: &str) -> Result<String, CommandError> {
    let path = given.trim_end_matches('/');
    match api {
        Api::Soap if path.ends_with("/api") => {
            Err(CommandError::Invalid("THINGSPACE_URL is the REST address; --api soap needs …/api/v2".to_owned()))
        }
        Api::Rest if path.ends_with("/api/v2") => {
            Err(CommandError::Invalid("THINGSPACE_URL is the SOAP address; --api rest needs …/api".to_owned()))
        }
        _ => Ok(url(given).into_owned()),
    }
}
