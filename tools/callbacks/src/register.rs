//! `callbacks register`, `registrations` and `deregister`: the stack's endpoints at the platform, by hand.
//!
//! What is sent to the platform, and what it says, is `shared/registration`'s; here is where the values come from, and
//! how the result is shown. A script reads the exit code: 0 all is as it should be, 1 something is not, 2 the command
//! cannot be right, 3 the platform or the stack could not be asked.

mod stack;
mod table;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use registration::{
    AccountName, Api, Comparison, Credentials, Error, Login, Platform, Registration, Standing, Which, compare,
};

use crate::address;
use stack::Stack;
use table::{before, now, print, row, told};

/// Not all is as it should be.
const NOT_ALL: u8 = 1;
/// The command cannot be right; the parser of arguments has the same.
const WRONG: u8 = 2;
/// The platform or the stack could not be asked.
const NOT_ASKED: u8 = 3;

/// Whose registrations, at which platform, and what the stack expects of them.
#[derive(Args)]
pub struct Common {
    /// The billing account's name, with its leading zeros
    #[arg(long, value_name = "NAME")]
    account: AccountName,
    /// The platform's API: it decides the form of the messages
    #[arg(long, value_name = "rest|soap", default_value = "rest")]
    api: Api,
    /// What the stack expects.
    #[command(flatten)]
    stack: Stack,
    /// How the platform knows you.
    #[command(flatten)]
    access: Access,
}

/// How the platform knows you.
#[derive(Args)]
struct Access {
    /// The platform's address, where it is not Verizon's own: the simulator's ends with /api for REST and /api/v2 for SOAP
    #[arg(long, value_name = "URL", env = "THINGSPACE_URL")]
    platform: Option<String>,
    /// A secret of Secrets Manager with your login, {"username", "password", "key", "secret"}, instead of the next four
    #[arg(long, value_name = "ARN", env = "THINGSPACE_LOGIN_SECRET")]
    login_secret: Option<String>,
    /// Your UWS user name
    #[arg(long, env = "THINGSPACE_USERNAME", hide_env_values = true)]
    username: Option<String>,
    /// Your UWS password; better in the environment than in the list of processes
    #[arg(long, env = "THINGSPACE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Your application's key, for REST
    #[arg(long, env = "THINGSPACE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Your application's secret, for REST
    #[arg(long, env = "THINGSPACE_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

/// Which callback services.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Services {
    /// This callback service; give it once for each
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// All that the API registers: thirteen through REST, ten through SOAP
    #[arg(long)]
    all: bool,
}

/// What to register.
#[derive(Args)]
pub struct Registering {
    #[command(flatten)]
    change: Change,
    /// Take over what goes somewhere else: its former listener gets no more messages. Without it, you are asked on a
    /// terminal, and elsewhere it stays as it is
    #[arg(long)]
    take_over: bool,
}

/// What to change, of what.
#[derive(Args)]
struct Change {
    /// Whose, and where.
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    services: Services,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// What to deregister.
#[derive(Args)]
pub struct Withdrawal {
    #[command(flatten)]
    change: Change,
    /// Deregister also what does not go to the stack
    #[arg(long)]
    wherever: bool,
}

/// Shows what is registered.
#[derive(Args)]
pub struct Registrations {
    /// Whose, and where.
    #[command(flatten)]
    common: Common,
    /// Look at this callback service alone; give it once for each
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
}

/// Why a command ended early.
enum Trouble {
    Wrong(String),
    /// The platform's no to the account as a whole.
    Refused(String),
    NotAsked(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(invalid) => Self::Wrong(invalid.to_string()),
            Error::Refused(fault) => Self::Refused(format!("the platform refuses: {fault}")),
            error @ Error::LoginRefused { .. } => {
                Self::NotAsked(format!("{error}; five wrong passwords in a row lock the login"))
            }
            error => Self::NotAsked(error.to_string()),
        }
    }
}

impl From<registration::Invalid> for Trouble {
    fn from(invalid: registration::Invalid) -> Self {
        Self::Wrong(invalid.to_string())
    }
}

/// Registers what is not as the stack expects.
pub async fn register(command: Registering) -> ExitCode {
    code(bring_about(command).await)
}

/// Shows what is registered, against what the stack expects.
pub async fn registrations(command: Registrations) -> ExitCode {
    code(look(command).await)
}

/// Deregisters what points at the stack.
pub async fn deregister(command: Withdrawal) -> ExitCode {
    code(take_back(command).await)
}

fn code(ended: Result<bool, Trouble>) -> ExitCode {
    let (why, code) = match ended {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(NOT_ALL),
        Err(Trouble::Wrong(why)) => (why, WRONG),
        Err(Trouble::Refused(why)) => (why, NOT_ALL),
        Err(Trouble::NotAsked(why)) => (why, NOT_ASKED),
    };
    // What the platform says may end as a sentence does.
    eprintln!("Error: {}.", why.trim_end_matches('.'));
    ExitCode::from(code)
}

async fn bring_about(Registering { change, take_over }: Registering) -> Result<bool, Trouble> {
    let Change { common, services, dry_run } = change;
    let credentials = common.stack.credentials().await?;
    let wanted = common.wanted(services.of(common.api), &credentials).await?;
    let platform = common.platform().await?;
    wanted.iter().try_for_each(|one| platform.check(one))?;
    let compared = compare(wanted, &[], &platform.list(&common.account).await?);
    let is_elsewhere = |one: &Comparison| matches!(one.standing, Standing::Elsewhere { .. });
    if dry_run {
        platform.log_out().await;
        print(compared.iter().map(|one| match one.standing {
            Standing::AsWanted => row(one, "stays as it is", one.wanted.url()),
            Standing::Elsewhere { .. } if !take_over => row(one, LEFT, now(one)),
            _ => row(one, &format!("would be registered (is {})", before(one)), one.wanted.url()),
        }));
        return Ok(!compared.iter().any(|one| one.standing.is_drift()));
    }
    let elsewhere: Vec<_> = compared.iter().filter(|one| is_elsewhere(one)).collect();
    let takes = take_over || elsewhere.is_empty() || asked(&elsewhere);
    let left = |one: &Comparison| !takes && is_elsewhere(one);
    let done = platform.bring_about(compared, |one| !left(one)).await;
    platform.log_out().await;
    let well = |one: &Comparison| match one.standing {
        Standing::AsWanted => ("stays as it is".to_owned(), one.wanted.url().to_owned()),
        _ if left(one) => (LEFT.to_owned(), now(one).to_owned()),
        _ => (format!("registered (was {})", before(one)), one.wanted.url().to_owned()),
    };
    let all = told(&done, "registered", well)?;
    if done.iter().any(|one| matches!(&one.outcome, Some(Err(Error::Refused(fault))) if fault.is_of_the_other_api())) {
        eprintln!("{}", common.other_api());
    }
    Ok(all && !done.iter().any(|one| left(&one.comparison)))
}

/// The note on a registration that leads to another listener.
const LEFT: &str = "goes somewhere else: stays, without --take-over";

/// Asks on the terminal whether to take these over. In a script there is no question, and nothing is taken over.
fn asked(elsewhere: &[&Comparison]) -> bool {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return false;
    }
    eprintln!("These are registered elsewhere, and their former listeners would get no more messages:");
    for one in elsewhere {
        eprintln!("  {}  {}", one.wanted.service(), now(one));
    }
    eprint!("Take them over? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

async fn take_back(Withdrawal { change, wherever }: Withdrawal) -> Result<bool, Trouble> {
    let Change { common, services, dry_run } = change;
    // What is deregistered is known by its URL.
    let services = services.of(common.api);
    let wanted = if wherever {
        // The URL does not matter, and so no stack does.
        common.below(common.api.home(), services, &Credentials::default())?
    } else {
        common.wanted(services, &Credentials::default()).await?
    };
    let platform = common.platform().await?;
    let left = |one: &Comparison| match one.standing {
        Standing::Missing => Some("is not registered through this API"),
        Standing::Elsewhere { .. } if !wherever => Some("goes somewhere else: stays"),
        _ => None,
    };
    if dry_run {
        let compared = compare(wanted, &[], &platform.list(&common.account).await?);
        platform.log_out().await;
        print(compared.iter().map(|one| row(one, left(one).unwrap_or("would be deregistered"), now(one))));
        return Ok(true);
    }
    let which = if wherever { Which::Any } else { Which::Here };
    let done = platform.withdraw(&common.account, wanted, which).await?;
    platform.log_out().await;
    told(&done, "deregistered", |one| (left(one).unwrap_or("deregistered").to_owned(), now(one).to_owned()))
}

async fn look(Registrations { common, service }: Registrations) -> Result<bool, Trouble> {
    let services = if service.is_empty() { Services::all(common.api) } else { service };
    let credentials = common.stack.credentials().await?;
    let wanted = common.wanted(services, &credentials).await?;
    let platform = common.platform().await?;
    let listed = platform.list(&common.account).await?;
    platform.log_out().await;
    let compared = compare(wanted, &[], &listed);
    let known: Vec<_> = compared.iter().filter_map(|one| one.listed_as.clone()).collect();
    let others = listed.iter().filter(|one| !known.contains(&one.service));
    let others = others.map(|one| [one.service.clone(), "not looked at".to_owned(), one.url.clone()]);
    print(compared.iter().map(|one| row(one, &one.standing.to_string(), now(one))).chain(others));
    Ok(!compared.iter().any(|one| one.standing.is_drift()))
}

impl Services {
    fn of(self, api: Api) -> Vec<String> {
        if self.all { Self::all(api) } else { self.service }
    }

    fn all(api: Api) -> Vec<String> {
        api.services().iter().map(|&service| service.to_owned()).collect()
    }
}

impl Common {
    /// What should be registered.
    async fn wanted(&self, services: Vec<String>, credentials: &Credentials) -> Result<Vec<Registration>, Trouble> {
        self.below(&self.stack.callback_base_url().await?, services, credentials)
    }

    fn below(
        &self,
        base: &str,
        services: Vec<String>,
        credentials: &Credentials,
    ) -> Result<Vec<Registration>, Trouble> {
        let registration =
            |service: &String| Registration::below(self.api, self.account.clone(), service, base, credentials.clone());
        Ok(services.iter().map(registration).collect::<Result<_, _>>()?)
    }

    async fn platform(&self) -> Result<Platform, Trouble> {
        let address = match self.access.platform.as_deref().filter(|address| !address.is_empty()) {
            Some(address) => address_of(self.api, address)?,
            None => self.api.home().to_owned(),
        };
        Ok(Platform::new(self.api, &address, self.access.login().await?)?)
    }

    /// What to run where a service is registered through the other API.
    fn other_api(&self) -> String {
        let (account, other) = (&self.account, other(self.api));
        let address = match &self.access.platform {
            Some(_) => format!(", with the address of the {other} API in THINGSPACE_URL"),
            None => String::new(),
        };
        format!(
            "A service has one listener, and these are registered through the {other} API. Look, and deregister them \
             there first{address}:\n  callbacks registrations --account '{account}' --api {other}\n  callbacks \
             deregister --account '{account}' --api {other} --service <name> --wherever"
        )
    }
}

impl Access {
    async fn login(&self) -> Result<Login, Trouble> {
        if let Some(arn) = &self.login_secret {
            return stack::login(arn).await;
        }
        let given = |value: &Option<String>, name| {
            value.clone().ok_or_else(|| Trouble::Wrong(format!("the platform asks for a login: set {name}")))
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

/// The platform's address as given, with the scheme that is left out for this machine. Both APIs have one of their own.
fn address_of(api: Api, given: &str) -> Result<String, Trouble> {
    let path = given.trim_end_matches('/');
    match api {
        Api::Soap if path.ends_with("/api") => {
            Err(Trouble::Wrong("THINGSPACE_URL is the REST address; --api soap needs …/api/v2".to_owned()))
        }
        Api::Rest if path.ends_with("/api/v2") => {
            Err(Trouble::Wrong("THINGSPACE_URL is the SOAP address; --api rest needs …/api".to_owned()))
        }
        _ => Ok(address::url(given).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_takes_over() {
        for yes in ["y\n", "Y\n", " yes \n", "YES"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yy\n", "yes please\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
