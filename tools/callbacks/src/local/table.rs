//! The embedded DynamoDB, with the table of `template.yaml`.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Databases in memory of this process have numbers.
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// The engine, and a client of it.
pub(super) struct Table {
    pub(super) database: Database,
    pub(super) client: Client,
}

impl Table {
    /// Opens the table in this directory, or in memory, and makes it where it is not there.
    pub(super) async fn open(directory: Option<&Path>, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let file = match directory {
            // A database in memory with a name: the index below needs a connection of its own.
            None => format!("file:callbacks-{}?mode=memory&cache=shared", DATABASES.fetch_add(1, Ordering::Relaxed)),
            Some(directory) => {
                std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
                directory.join("dynamodb.sqlite").to_string_lossy().into_owned()
            }
        };
        let database = Database::new(&file).with_context(|| format!("cannot open {file}"))?;
        index_stream(&file).with_context(|| format!("cannot index the stream in {file}"))?;
        let listen = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listen.local_addr()?);
        tasks.spawn(dynoxide::server::serve_on(listen, database.clone()));
        let configuration = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(endpoint)
            .build();
        let client = Client::from_conf(configuration);
        if !client.list_tables().send().await?.table_names().iter().any(|name| name == NAME) {
            create(&client).await?;
        }
        Ok(Self { database, client })
    }
}

/// The engine looks for the last sequence number of its stream at every write, among all records: without an index, a
/// message for 2,000 devices takes a minute.
fn index_stream(file: &str) -> rusqlite::Result<()> {
    let index = "CREATE INDEX IF NOT EXISTS stream_by_sequence_number
                 ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
    rusqlite::Connection::open(file)?.execute_batch(index)
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
