//! `callbacks local`: every endpoint on this machine, with the same code from `listener` inward as the functions.
//!
//! What AWS does when deployed is done in this process: DynamoDB and its stream by an embedded engine ([`table`]), SNS
//! and SQS by a small endpoint that the unchanged SDK clients talk to ([`aws`]).

mod aws;
mod stream;
mod table;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use listener::{AllowedAddresses, CredentialsSource, Expected, Listener, Metrics, Quarantine};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use aws::Sent;

/// How to run.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Listen on this address
    #[arg(long, default_value = "127.0.0.1:9001", value_parser = crate::address::socket)]
    pub listen: SocketAddr,
    /// Keep devices and events in this directory; without it, they are gone at the end
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The user name that callbacks must carry; without it, no credentials are asked for
    #[arg(long, requires = "password", env = "CALLBACKS_USERNAME")]
    pub username: Option<String>,
    /// The password that callbacks must carry
    #[arg(long, requires = "username", env = "CALLBACKS_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// Take callbacks from these addresses and networks alone, with commas between
    #[arg(long, default_value = "any")]
    pub allow: AllowedAddresses,
    /// Do not print callbacks and messages as they pass
    #[arg(long)]
    pub quiet: bool,
}

/// A running stack. It ends when this is dropped.
#[derive(Debug)]
pub struct Local {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its DynamoDB listens.
    pub table: aws_sdk_dynamodb::Client,
    tasks: JoinSet<()>,
}

/// Runs until Ctrl-C.
///
/// # Errors
///
/// The address is taken, or the directory cannot be used.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let asks = match &options.username {
        Some(username) => format!("Callbacks must carry the user name {username} and its password."),
        None => "No credentials are asked for; --username and --password ask for some.".to_owned(),
    };
    let kept = match &options.data {
        Some(data) => format!("Devices and events are kept in {}.", data.display()),
        None => "Devices and events are gone at the end; --data DIR keeps them.".to_owned(),
    };
    let mut local = start(options).await?;
    let url = format!("http://{}", local.address);
    println!("Listening on {url}");
    for service in &crate::registry::SERVICES {
        println!("  POST {url}/callbacks/{}", service.name);
    }
    println!("  POST {url}/callbacks/{{service}}            any other service of the platform");
    println!("  GET  {url}/devices/{{kind}}/{{value}}         what is known of a device");
    println!("  GET  {url}/devices/{{kind}}/{{value}}/events  what has happened to it");
    println!("  GET  {url}/requests/{{requestId}}            what became of a request");
    println!("  GET  {url}/topics/messages                what SNS was sent");
    println!("  GET  {url}/quarantine/messages            what could not be taken");
    println!("{asks}\n{kept}\nTry, from the project's folder:");
    println!(
        "  curl -i -H 'Content-Type: text/xml' --data-binary @events/external-provisioning-changes/soap/1-activate.xml \\"
    );
    println!("    {url}/callbacks/ExternalProvisioningChanges");
    println!("  curl {url}/devices/mdn/2300329133\n");
    tokio::select! {
        stopped = local.tasks.join_next() => match stopped {
            Some(Err(error)) => Err(error).context("a part of the stack failed"),
            _ => anyhow::bail!("a part of the stack stopped"),
        },
        signal = tokio::signal::ctrl_c() => signal.context("cannot wait for Ctrl-C"),
    }
}

/// Starts the stack.
///
/// # Errors
///
/// The address is taken, or the directory cannot be used.
pub async fn start(options: Options) -> anyhow::Result<Local> {
    let listen = TcpListener::bind(options.listen).await;
    let listen = listen.with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listen.local_addr()?;
    let mut tasks = JoinSet::new();

    let table = table::Table::open(options.data.as_deref(), &mut tasks).await?;
    let cloud = aws::Endpoint::start(options.quiet, &mut tasks).await?;
    let publisher = cloud.publisher();
    let position = options.data.as_ref().map(|data| data.join("published-to"));
    tasks.spawn(stream::publish(table.database.clone(), publisher, position));

    let listener = Listener {
        store: Store::new(table.client.clone(), table::NAME, 0),
        allowed: options.allow,
        credentials: match options.username.zip(options.password) {
            Some((username, password)) => CredentialsSource::Fixed(Expected { username, password }),
            None => CredentialsSource::NotRequired,
        },
        quarantine: Quarantine::new(cloud.queues(), aws::QUARANTINE),
        metrics: Metrics::Off,
    };
    let app = web::app(Arc::new(listener), cloud.sent.clone(), options.quiet);
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listen, app.into_make_service_with_connect_info::<SocketAddr>()).await {
            eprintln!("The endpoints stopped: {error}");
        }
    });
    Ok(Local { address, table: table.client, tasks })
}
