//! The embedded DynamoDB, with the table of `template.yaml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};
use dynoxide::Database;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The table's name.
pub const NAME: &str = "callbacks";

/// The engine, a client and its address.
pub struct Table {
    /// The engine.
    pub database: Database,
    /// A client of it.
    pub client: Client,
    /// Its address.
    pub address: SocketAddr,
}

impl Table {
    /// Opens the table in this file and creates it if it does not exist. Writes are synced to disk if it is durable.
    /// The engine stops when the tasks do.
    ///
    /// # Errors
    ///
    /// The file is not usable, or the address is in use.
    pub async fn open(file: &Path, durable: bool, listen: SocketAddr, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let database = Database::new(&file.to_string_lossy());
        let database = database.with_context(|| format!("cannot open {}", file.display()))?;
        if !durable {
            // Without durability, SQLite does not wait for the disk.
            database.enable_bulk_loading()?;
        }
        let listener = TcpListener::bind(listen).await.and_then(TcpListener::into_std);
        let listener =
            listener.with_context(|| format!("cannot listen on {listen}; --dynamodb sets another address"))?;
        let address = listener.local_addr()?;
        serve(listener, database.clone(), tasks)?;
        let configuration = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(format!("http://{address}"))
            .interceptor(WithoutToken)
            .build();
        let client = Client::from_conf(configuration);
        if !client.list_tables().send().await?.table_names().iter().any(|name| name == NAME) {
            create(&client).await?;
        }
        Ok(Self { database, client, address })
    }
}

/// Removes the `ClientRequestToken` from transactions. The engine keeps tokens for ten minutes and searches all of them
/// at every transaction, so that 50,000 callbacks halve its rate. Receipts make a repeated transaction idempotent.
#[derive(Debug)]
pub struct WithoutToken;

impl Intercept for WithoutToken {
    fn name(&self) -> &'static str {
        "WithoutToken"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let Some(body) = request.body().bytes() else { return Ok(()) };
        let mut members: BTreeMap<&str, &RawValue> = serde_json::from_slice(body)?;
        if members.remove("ClientRequestToken").is_some() {
            let body = serde_json::to_vec(&members)?;
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = body.into();
        }
        Ok(())
    }
}

/// Serves the engine on its own thread, since its reads and writes block.
fn serve(listener: std::net::TcpListener, database: Database, tasks: &mut JoinSet<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut running, stopped) = oneshot::channel::<()>();
    let serving = async move {
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        tokio::select! {
            () = dynoxide::server::serve_on(listener, database) => {}
            _ = stopped => {}
        }
    };
    std::thread::Builder::new().name("dynamodb".to_owned()).spawn(move || runtime.block_on(serving))?;
    // This task and the thread end together.
    tasks.spawn(async move { running.closed().await });
    Ok(())
}

async fn create(client: &Client) -> anyhow::Result<()> {
    let mut request =
        client.create_table().table_name(NAME).billing_mode(BillingMode::PayPerRequest).stream_specification(
            StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage).build()?,
        );
    for (name, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        request = request
            .attribute_definitions(
                AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()?,
            )
            .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(key_type).build()?);
    }
    request.send().await.map_err(|error| anyhow::anyhow!("cannot create the table: {}", aws::reason(&error)))?;
    let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("expiresAt").build()?;
    client.update_time_to_live().table_name(NAME).time_to_live_specification(expiry).send().await?;
    Ok(())
}
