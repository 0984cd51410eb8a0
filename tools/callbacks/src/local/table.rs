//! The embedded DynamoDB, with the table of `template.yaml`.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The table's name.
pub(super) const NAME: &str = "callbacks";

/// The engine, a client of it, and where it listens.
pub(super) struct Table {
    pub(super) database: Database,
    pub(super) client: Client,
    pub(super) address: SocketAddr,
}

impl Table {
    /// Opens the table in this file, and makes it where it is not there.
    pub(super) async fn open(file: &Path, listen: SocketAddr, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let database = Database::new(&file.to_string_lossy());
        let database = database.with_context(|| format!("cannot open {}", file.display()))?;
        let listener = TcpListener::bind(listen).await;
        let listener =
            listener.with_context(|| format!("cannot listen on {listen}; --dynamodb takes another address"))?;
        let address = listener.local_addr()?;
        tasks.spawn(dynoxide::server::serve_on(listener, database.clone()));
        let configuration = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(format!("http://{address}"))
            .build();
        let client = Client::from_conf(configuration);
        if !client.list_tables().send().await?.table_names().iter().any(|name| name == NAME) {
            create(&client).await?;
        }
        Ok(Self { database, client, address })
    }
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
    request.send().await.map_err(|error| anyhow::anyhow!("cannot make the table: {}", aws::reason(&error)))?;
    let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("expiresAt").build()?;
    client.update_time_to_live().table_name(NAME).time_to_live_specification(expiry).send().await?;
    Ok(())
}
