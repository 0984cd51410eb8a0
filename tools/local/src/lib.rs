//! `callbacks local`: every endpoint on this machine, with the same code from `listener` inward as the functions.
//!
//! This process replaces AWS: an embedded engine replaces DynamoDB and its stream (`table`, `stream`), and a small
//! endpoint for unmodified SDK clients replaces SNS and SQS (`aws`, `queues`).
//!
//! [`start`] runs all of it. The parts are public too, for a test that stops and starts them one by one.

mod aws;
mod callback_line;
mod database;
mod directory;
mod functions;
mod messages;
mod queues;
mod redrive;
mod seed;
mod stream;
mod table;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Json;
use axum::routing::get;
use callback_redriver::Redriver;
use clap::Args;
use listener::{
    ANSWER_TIMEOUT as DEPLOYED_ANSWER_TIMEOUT, AllowedAddresses, CallbackQueue, Listener, Metrics, Verifier,
};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use self::aws::{QUEUES, call_queue};
use self::directory::{DATABASES, Directory};
use self::messages::Messages;
pub use self::queues::{DEAD_LETTERS, PARKED, QUARANTINE, Queues};
pub use self::redrive::redrive;
pub use self::stream::Stream;
pub use self::table::{NAME as TABLE, Table, WithoutToken};
use platform_simulator::rules::Credentials;

/// Longer than for a deployed function: an unoptimized build needs more time for a message with 2,000 devices.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Options of `callbacks local`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Listen on this address
    #[arg(long, default_value = "127.0.0.1:9001", value_parser = cli_support::socket)]
    pub listen: SocketAddr,
    /// Address of the embedded DynamoDB. Port 0 selects any free port
    #[arg(long, default_value = "127.0.0.1:9010")]
    pub dynamodb: SocketAddr,
    /// Keep devices, events and messages in this directory. Without it, they are lost at exit
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Delete the contents of the directory first
    #[arg(long, requires = "data")]
    pub reset: bool,
    /// Send the sample messages of the thirteen services once at start, except those whose format is a guess
    #[arg(long)]
    pub seed: bool,
    /// The user name that callbacks must carry. Without it, credentials are not checked
    #[arg(long, requires = "password", env = "CALLBACKS_USERNAME", value_parser = not_empty)]
    pub username: Option<String>,
    /// The password that callbacks must carry
    #[arg(long, requires = "username", env = "CALLBACKS_PASSWORD", hide_env_values = true, value_parser = not_empty)]
    pub password: Option<String>,
    /// Accept callbacks only from these addresses and CIDR ranges, separated by commas
    #[arg(long, default_value = "any")]
    pub allow: AllowedAddresses,
    /// Do not print callbacks and messages
    #[arg(long)]
    pub quiet: bool,
}

fn not_empty(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        Err("it is empty; without it and its variable, credentials are not checked")
    } else {
        Ok(text.to_owned())
    }
}

/// A running stack. Dropping it stops it.
#[derive(Debug)]
pub struct Local {
    /// The address of the endpoints.
    pub address: SocketAddr,
    /// The address of the embedded DynamoDB.
    pub dynamodb: SocketAddr,
    /// A client of the embedded DynamoDB.
    pub table: aws_sdk_dynamodb::Client,
    tasks: JoinSet<()>,
    _directory: Directory,
}

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
///
/// An address is in use, or the directory is not usable.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let mut local = start(options.clone()).await?;
    println!("{}", introduction(&options, &local));
    if options.seed {
        let (username, password) = (options.username.unwrap_or_default(), options.password.unwrap_or_default());
        let url = format!("http://{}/callbacks", local.address);
        let (sent, acknowledged) = seed::send(&url, &Credentials { username, password }).await?;
        println!("{sent} sample messages sent, {acknowledged} acknowledged.");
    }
    tokio::select! {
        stopped = local.tasks.join_next() => match stopped {
            Some(Err(error)) => Err(error).context("a task of the stack failed"),
            _ => anyhow::bail!("a task of the stack stopped"),
        },
        signal = tokio::signal::ctrl_c() => signal.context("cannot wait for Ctrl-C"),
        signal = terminated() => signal.context("cannot wait for SIGTERM"),
    }
}

/// Waits for SIGTERM, so that the temporary directory is deleted then too.
async fn terminated() -> std::io::Result<()> {
    #[cfg(unix)]
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?.recv().await;
    #[cfg(not(unix))]
    std::future::pending::<()>().await;
    Ok(())
}

/// The text printed at start.
fn introduction(options: &Options, local: &Local) -> String {
    let Local { address, dynamodb, .. } = local;
    let (url, timeout) = (format!("http://{address}"), ANSWER_TIMEOUT.as_secs());
    let services: String =
        registry::SERVICES.iter().map(|service| format!("  POST {url}/callbacks/{}\n", service.name)).collect();
    let credentials = match &options.username {
        Some(username) => format!("Callbacks must carry the user name {username} and its password."),
        None => "Credentials are not checked; --username and --password require some.".to_owned(),
    };
    let kept = match &options.data {
        Some(data) => format!("Devices, events and messages are kept in {}; --reset deletes them.", data.display()),
        None => "Devices, events and messages are lost at exit; --data DIR keeps them.".to_owned(),
    };
    format!(
        "Listening on {url}\n\
         {services}\
         \x20 POST {url}/callbacks/{{service}}            any other service of the platform\n\
         \x20 GET  {url}/devices/{{kind}}/{{value}}         a device\n\
         \x20 GET  {url}/devices/{{kind}}/{{value}}/events  its history\n\
         \x20 GET  {url}/requests/{{requestId}}            the outcome of a request\n\
         \x20 GET  {url}/topics/messages                messages to SNS: the last 10,000, in pages of 1,000\n\
         \x20 GET  {url}/parked/messages                callbacks that wait to be recorded\n\
         \x20 GET  {url}/quarantine/messages            rejected callbacks\n\
         \x20 GET  {url}/dead-letters/messages          events that can never be published\n\
         {credentials}\n{kept}\n\
         The timeout of an answer is {timeout} s here; a deployed function parks what is not recorded within {} s.\n\
         Try, from the project's folder:\n\
         \x20 curl -i -H 'Content-Type: text/xml' --data-binary @events/external-provisioning-changes/soap/1-activate.xml \\\n\
         \x20   {url}/callbacks/ExternalProvisioningChanges\n\
         \x20 curl {url}/devices/mdn/2300329133\n\
         \x20 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws dynamodb scan --table-name {} \\\n\
         \x20   --endpoint-url http://{dynamodb} --region us-east-1\n",
        DEPLOYED_ANSWER_TIMEOUT.as_secs_f64(),
        table::NAME,
    )
}

/// Starts the stack.
///
/// # Errors
///
/// An address is in use, or the directory is not usable.
pub async fn start(options: Options) -> anyhow::Result<Local> {
    let listen = TcpListener::bind(options.listen).await;
    let listen = listen.with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listen.local_addr()?;
    let mut tasks = JoinSet::new();

    let directory = Directory::open(options.data.as_deref(), options.reset)?;
    let [table_file, messages_file, queues_file] = DATABASES.map(|database| directory.file(database));
    let table = table::Table::open(&table_file, options.data.is_some(), options.dynamodb, &mut tasks).await?;
    let queues = Arc::new(Queues::open(&queues_file)?);
    let messages = Arc::new(Messages::open(&messages_file)?);
    let shared = aws::Shared { messages, queues: queues.clone(), quiet: options.quiet };
    let cloud = aws::Endpoint::start(shared.clone(), &mut tasks).await?;
    tasks.spawn(Stream::open(table.database.clone(), &table_file, cloud.publisher())?.publish());

    let queue = |name| CallbackQueue::new(cloud.queues(), format!("{}{name}", aws::QUEUES));
    let listener = Arc::new(Listener {
        store: Store::new(table.client.clone(), table::NAME, 0),
        allowed: options.allow,
        verifier: match options.username.zip(options.password) {
            Some((username, password)) => Verifier::Fixed(credentials::Credentials { username, password }),
            None => Verifier::AcceptAny,
        },
        parked: queue(PARKED),
        quarantine: queue(QUARANTINE),
        metrics: Metrics::Off,
        answer_timeout: ANSWER_TIMEOUT,
    });
    let redriver =
        Redriver { listener: listener.clone(), sqs: cloud.queues(), queue_url: format!("{}{PARKED}", aws::QUEUES) };
    tasks.spawn(redrive::redrive(queues, redriver));
    let stack = stack(&table);
    let app =
        web::app(listener, shared).merge(functions::app(cloud.publisher())).route("/stack", get(async || Json(stack)));
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listen, app.into_make_service_with_connect_info::<SocketAddr>()).await {
            eprintln!("The endpoints stopped: {error}");
        }
    });
    Ok(Local { address, dynamodb: table.address, table: table.client, tasks, _directory: directory })
}

/// What a deployed stack has as outputs, for the commands that work on both. SQS and Lambda are at the address of the
/// callbacks.
fn stack(table: &table::Table) -> serde_json::Value {
    serde_json::json!({
        "dynamodb": format!("http://{}", table.address),
        "outputs": {
            "TableName": table::NAME,
            "PublisherFunctionName": functions::PUBLISHER,
            "PublisherDeadLetterQueueUrl": format!("{}{DEAD_LETTERS}", aws::QUEUES),
            "ParkedQueueUrl": format!("{}{PARKED}", aws::QUEUES),
            "QuarantineQueueUrl": format!("{}{QUARANTINE}", aws::QUEUES),
        },
    })
}
