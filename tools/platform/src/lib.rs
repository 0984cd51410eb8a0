//! `callbacks platform`: a simulator of the platform. It serves both registration APIs with their rules and faults, and
//! keeps what is registered.
//!
//! The rules are in [`rules`], without I/O; the modules of the two APIs only translate. [`mod@send`] sends callbacks to
//! the listeners that are registered at a running simulator. `docs/platform.md` states the evidence for every rule.

mod gateway;
mod random;
mod rest;
pub mod rules;
pub mod send;
mod simulator;
mod sms;
mod soap;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::rules::{AccessSettings, Credentials, Registration};
use self::send::{SendOptions, Sent, send};
use self::simulator::Simulator;

/// `callbacks platform`: run the simulator, or send callbacks.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Command {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Send callbacks to the listeners that are registered at a running simulator
    Send(SendOptions),
}

/// Options of the simulator. Not `Debug`, since they contain secrets.
#[derive(Clone, Args)]
pub struct Options {
    /// Listen on this address
    #[arg(long, default_value_t = Self::default().listen, value_parser = cli_support::socket)]
    pub listen: SocketAddr,
    /// Keep registrations in this directory. Without it, they are lost at exit
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// An existing account; can be given several times
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), default_values_t = Self::default().account)]
    pub account: Vec<String>,
    /// The application's key, for OAuth
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), default_value_t = Self::default().key)]
    pub key: String,
    /// The application's secret
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), default_value_t = Self::default().secret)]
    pub secret: String,
    /// The user of both APIs' sessions
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), default_value_t = Self::default().username)]
    pub username: String,
    /// The user's password
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), default_value_t = Self::default().password)]
    pub password: String,
    /// The lifetime of an OAuth token
    #[arg(long, value_name = "SECONDS", default_value_t = Self::default().token_lifetime)]
    pub token_lifetime: u32,
    /// The idle time after which a session expires
    #[arg(long, value_name = "SECONDS", default_value_t = Self::default().session_idle)]
    pub session_idle: u32,
    /// Accept URLs with any port, unlike the real platform
    #[arg(long)]
    pub any_port: bool,
    /// Do not print registrations and messages as they happen
    #[arg(long)]
    pub quiet: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9100)),
            data: None,
            account: vec!["0000123456-00001".to_owned(), "TestAccount-2".to_owned()],
            key: "stand-in-key".to_owned(),
            secret: "stand-in-secret".to_owned(),
            username: "stand-in-user".to_owned(),
            password: "stand-in-password".to_owned(),
            token_lifetime: 3600,
            session_idle: 1200,
            any_port: false,
            quiet: false,
        }
    }
}

/// A running simulator. Dropping it stops it.
pub struct Platform {
    /// The address it listens on.
    pub address: SocketAddr,
    simulator: Arc<Simulator>,
    tasks: JoinSet<()>,
}

impl Platform {
    /// Expires all OAuth tokens.
    pub fn expire_tokens(&self) {
        self.simulator.rules().expire_tokens();
    }

    /// Expires all sessions.
    pub fn expire_sessions(&self) {
        self.simulator.rules().expire_sessions(Timestamp::now());
    }

    /// Unlocks the user, as the platform's support would.
    pub fn unlock(&self) {
        self.simulator.rules().unlock();
    }
}

/// Runs the command.
///
/// # Errors
///
/// The address is in use, or the directory is not usable.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command.task {
        Some(Task::Send(options)) => Ok(sent(&options).await),
        None => serve(command.options).await.map(|()| ExitCode::SUCCESS),
    }
}

/// Exit codes: 0 all messages are acknowledged, 1 some are not, 2 nothing could be sent.
async fn sent(options: &SendOptions) -> ExitCode {
    let report = match send(options).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("Error: {error:#}");
            return ExitCode::from(2);
        }
    };
    if options.json {
        println!("{:#}", serde_json::json!(report));
    } else if !options.quiet {
        print!("{report}");
    }
    ExitCode::from(u8::from(report.given_up + report.interrupted > 0))
}

/// Serves until Ctrl-C.
async fn serve(options: Options) -> anyhow::Result<()> {
    let mut platform = start(options.clone()).await?;
    println!("{}", introduction(&options, &platform));
    tokio::select! {
        stopped = platform.tasks.join_next() => match stopped {
            Some(Err(error)) => Err(error).context("the simulator failed"),
            _ => anyhow::bail!("the simulator stopped"),
        },
        signal = tokio::signal::ctrl_c() => signal.context("cannot wait for Ctrl-C"),
    }
}

/// Starts the simulator.
///
/// # Errors
///
/// The address is in use, or the directory is not usable.
pub async fn start(options: Options) -> anyhow::Result<Platform> {
    let Options { listen, data, account, key, secret, username, password, .. } = options;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let settings = AccessSettings {
        application: Credentials::new(key, secret),
        login: Credentials::new(username, password),
        token_lifetime: SignedDuration::from_secs(options.token_lifetime.into()),
        session_idle: SignedDuration::from_secs(options.session_idle.into()),
    };
    let simulator = Arc::new(Simulator::open(settings, options.any_port, account, data.as_deref(), options.quiet)?);
    let app = Router::new()
        .merge(gateway::routes())
        .merge(rest::routes())
        .merge(soap::routes())
        .merge(sms::routes())
        .route("/_platform/registrations", get(registrations))
        .route("/_platform/sent", post(sent_now))
        .fallback(gateway::no_resource)
        .with_state(simulator.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            eprintln!("The simulator stopped: {error}");
        }
    });
    Ok(Platform { address, simulator, tasks })
}

/// Every registration with its credentials, for `send`. The real platform has no such resource.
async fn registrations(State(simulator): State<Arc<Simulator>>) -> Json<Vec<Registration>> {
    Json(simulator.rules().book.registrations.clone())
}

/// Receives what `send` has sent since its last report.
async fn sent_now(State(simulator): State<Arc<Simulator>>, Json(all): Json<Vec<Sent>>) {
    all.iter().for_each(|sent| simulator.print(sent.at, &sent.to_string()));
}

/// The text printed at start. Only default secrets are shown.
fn introduction(options: &Options, platform: &Platform) -> String {
    let usual = Options::default();
    let shown = |given: &str, usual: &str| if given == usual { usual.to_owned() } else { "<yours>".to_owned() };
    let (secret, password) = (shown(&options.secret, &usual.secret), shown(&options.password, &usual.password));
    let ports = if options.any_port {
        "ANY PORT is accepted in a listener's URL (--any-port). The real platform does not do that."
    } else {
        "A listener's URL must have a port that the real platform calls; --any-port accepts any."
    };
    let kept = match &options.data {
        Some(data) => format!("Registrations are kept in {}.", data.display()),
        None => "Registrations are lost at exit; --data DIR keeps them.".to_owned(),
    };
    let Options { key, username, token_lifetime, session_idle, .. } = options;
    // Including those of earlier runs.
    let accounts: Vec<_> = platform.simulator.rules().book.accounts.iter().cloned().collect();
    let (url, accounts) = (format!("http://{}", platform.address), accounts.join(", "));
    format!(
        "A simulator of the platform, on {url}\n\
         \x20 REST  {url}/api/ts/v1/oauth2/token, {url}/api/m2m/v1/…\n\
         \x20 SOAP  {url}/api/v2/SessionService.svc, {url}/api/v2/CallbackRegistrationService.svc, {url}/api/v2/EnhancedConnectivityService.svc\n\
         Accounts: {accounts}\n\
         OAuth key and secret: {key}, {secret}; a token lives {token_lifetime} s\n\
         Login: {username}, {password}; a session ends when idle for {session_idle} s\n\
         {ports}\n{kept}\n\
         Try:\n\
         \x20 curl -u {key}:{secret} -d grant_type=client_credentials {url}/api/ts/v1/oauth2/token\n\
         \x20 curl -H 'Authorization: Bearer <access_token>' -H 'Content-Type: application/json' \\\n\
         \x20   -d '{{\"username\":\"{username}\",\"password\":\"{password}\"}}' {url}/api/m2m/v1/session/login\n\
         \x20 curl -H 'Authorization: Bearer <access_token>' -H 'VZ-M2M-Token: <sessionToken>' \\\n\
         \x20   {url}/api/m2m/v1/callbacks/{}",
        options.account.first().map_or("<account>", String::as_str),
    )
}
