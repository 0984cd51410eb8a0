//! `callbacks platform`: a simulator of the platform. It serves both registration APIs with their rules and faults, and
//! keeps what is registered.
//!
//! The rules are in [`rules`], apart from I/O; each API is a thin face of them. What sends callbacks to the listeners is
//! in [`send`], which asks a running platform for them, as another program would. `docs/platform.md` says of every rule how
//! well it is known.

mod carrier;
mod gateway;
mod random;
mod rest;
pub mod rules;
pub mod send;
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

use self::carrier::Carrier;
use self::rules::{Credentials, Grants, Registration};
use self::send::{SendOptions, Sent, send};

/// What to do: run the platform, or have one send.
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
    /// Send callbacks to the listeners that are registered with a running platform
    Send(SendOptions),
}

/// How to run. It is not `Debug`, since it holds secrets.
#[derive(Clone, Args)]
pub struct Options {
    /// Listen on this address
    #[arg(long, default_value_t = Self::default().listen, value_parser = cli_support::socket)]
    pub listen: SocketAddr,
    /// Keep registrations in this directory; without it, they are gone at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// An account that there is; give it once for each
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
    /// The life of an OAuth token
    #[arg(long, value_name = "SECONDS", default_value_t = Self::default().token_lifetime)]
    pub token_lifetime: u32,
    /// A session that is not used for so long ends
    #[arg(long, value_name = "SECONDS", default_value_t = Self::default().session_idle)]
    pub session_idle: u32,
    /// Take URLs with any port, which the real platform does not
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

/// A running platform. It ends when this is dropped.
pub struct Platform {
    /// Where it listens.
    pub address: SocketAddr,
    carrier: Arc<Carrier>,
    tasks: JoinSet<()>,
}

impl Platform {
    /// Ends all OAuth tokens, as time would.
    pub fn expire_tokens(&self) {
        self.carrier.rules().expire_tokens();
    }

    /// Ends all sessions, as idleness would.
    pub fn expire_sessions(&self) {
        self.carrier.rules().expire_sessions(Timestamp::now());
    }

    /// Lets a locked user try again, as a call to the platform's support would.
    pub fn unlock(&self) {
        self.carrier.rules().unlock();
    }
}

/// Does it.
///
/// # Errors
///
/// The address is taken, or the directory cannot be used.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command.task {
        Some(Task::Send(options)) => Ok(sent(&options).await),
        None => serve(command.options).await.map(|()| ExitCode::SUCCESS),
    }
}

/// 0: all is acknowledged; 1: not all is; 2: nothing could be sent.
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
            Some(Err(error)) => Err(error).context("the platform failed"),
            _ => anyhow::bail!("the platform stopped"),
        },
        signal = tokio::signal::ctrl_c() => signal.context("cannot wait for Ctrl-C"),
    }
}

/// Starts it.
///
/// # Errors
///
/// The address is taken, or the directory cannot be used.
pub async fn start(options: Options) -> anyhow::Result<Platform> {
    let Options { listen, data, account, key, secret, username, password, .. } = options;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let grants = Grants {
        application: Credentials::new(key, secret),
        login: Credentials::new(username, password),
        token_lifetime: SignedDuration::from_secs(options.token_lifetime.into()),
        session_idle: SignedDuration::from_secs(options.session_idle.into()),
    };
    let carrier = Arc::new(Carrier::open(grants, options.any_port, account, data.as_deref(), options.quiet)?);
    let app = Router::new()
        .merge(gateway::routes())
        .merge(rest::routes())
        .merge(soap::routes())
        .route("/_platform/registrations", get(registrations))
        .route("/_platform/sent", post(sent_now))
        .fallback(gateway::no_resource)
        .with_state(carrier.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            eprintln!("The platform stopped: {error}");
        }
    });
    Ok(Platform { address, carrier, tasks })
}

/// What `send` needs to know: every registration with its credentials. The real platform has no such thing.
async fn registrations(State(carrier): State<Arc<Carrier>>) -> Json<Vec<Registration>> {
    Json(carrier.rules().book.registrations.clone())
}

/// What `send` has sent since it last said so.
async fn sent_now(State(carrier): State<Arc<Carrier>>, Json(all): Json<Vec<Sent>>) {
    all.iter().for_each(|sent| carrier.print(sent.at, &sent.to_string()));
}

/// What a person is told at the start. Only the secrets that everybody knows are shown.
fn introduction(options: &Options, platform: &Platform) -> String {
    let usual = Options::default();
    let shown = |given: &str, usual: &str| if given == usual { usual.to_owned() } else { "<yours>".to_owned() };
    let (secret, password) = (shown(&options.secret, &usual.secret), shown(&options.password, &usual.password));
    let ports = if options.any_port {
        "ANY PORT is taken in a listener's URL (--any-port). The real platform does not do that."
    } else {
        "A listener's URL must have a port that the real platform takes; --any-port takes any."
    };
    let kept = match &options.data {
        Some(data) => format!("Registrations are kept in {}.", data.display()),
        None => "Registrations are gone at the end; --data DIR keeps them.".to_owned(),
    };
    let Options { key, username, token_lifetime, session_idle, .. } = options;
    // Those of earlier runs, too.
    let accounts: Vec<_> = platform.carrier.rules().book.accounts.iter().cloned().collect();
    let (url, accounts) = (format!("http://{}", platform.address), accounts.join(", "));
    format!(
        "A simulator of the platform, on {url}\n\
         \x20 REST  {url}/api/ts/v1/oauth2/token, {url}/api/m2m/v1/…\n\
         \x20 SOAP  {url}/api/v2/SessionService.svc, {url}/api/v2/CallbackRegistrationService.svc\n\
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
