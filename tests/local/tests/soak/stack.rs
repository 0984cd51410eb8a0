//! A stack whose parts stop and start one by one: the real code from the listener inward, on the embedded engine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use callback_redriver::Redriver;
use change_publisher::{DeadLetters, Publisher, Topics};
use local_stack::{DEAD_LETTERS, PARKED, QUEUES, Queues, Stream, Table, redrive};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::cloud::{Cloud, Endpoint};
use crate::functions::{Endpoints, Functions};
use crate::link::Link;

pub(crate) const USERNAME: &str = "platform";
pub(crate) const PASSWORD: &str = "soak <&> \"1\"";

/// Timeout of the publisher's and the redriver's calls.
const AWS_TIMEOUT: Duration = Duration::from_secs(5);

const TABLE_FILE: &str = "dynamodb.sqlite";
const QUEUES_FILE: &str = "queues.sqlite";

/// The embedded engine, and the publisher that reads its stream.
struct Engine {
    table: Table,
    _tasks: JoinSet<()>,
    publisher: JoinHandle<()>,
}

pub(crate) struct Stack {
    directory: TempDir,
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) functions: Arc<Functions>,
    /// Between the functions and the engine.
    pub(crate) dynamodb: Link,
    /// Between the platform and the gateway.
    pub(crate) gateway: Link,
    endpoints: Endpoints,
    engine_address: SocketAddr,
    engine: tokio::sync::Mutex<Option<Engine>>,
    redriver: Mutex<JoinHandle<()>>,
}

impl Stack {
    pub(crate) async fn start(mut random: fastrand::Rng) -> Arc<Self> {
        let directory = tempfile::Builder::new().prefix("soak-").tempdir().unwrap();
        let queues = Arc::new(Queues::open(&directory.path().join(QUEUES_FILE)).unwrap());
        let secret = json!({ "username": USERNAME, "password": PASSWORD });
        let cloud = Cloud::new(queues, &secret, random.fork());
        // A port that stays the same.
        let engine_address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let dynamodb = Link::to(engine_address).await;
        let endpoints = Endpoints { dynamodb: dynamodb.address, cloud: serve(cloud.app()).await };
        let functions = Functions::new(endpoints);
        let gateway = Link::to(serve(functions.app()).await).await;
        let redriver = Mutex::new(redriver(endpoints, &cloud));
        let engine = tokio::sync::Mutex::new(None);
        let stack = Arc::new(Self {
            directory,
            cloud,
            functions,
            dynamodb,
            gateway,
            endpoints,
            engine_address,
            engine,
            redriver,
        });
        stack.start_engine().await;
        stack
    }

    /// Stops the engine in the middle of its requests, with the publisher.
    pub(crate) async fn stop_engine(&self) {
        if let Some(Engine { publisher, .. }) = self.engine.lock().await.take() {
            publisher.abort();
            publisher.await.ok();
        }
        self.dynamodb.reset();
    }

    /// Starts the engine on the same file.
    pub(crate) async fn start_engine(&self) {
        let mut engine = self.engine.lock().await;
        if engine.is_some() {
            return;
        }
        let file = self.directory.path().join(TABLE_FILE);
        let (table, tasks) = loop {
            let mut tasks = JoinSet::new();
            match Table::open(&file, false, self.engine_address, &mut tasks).await {
                Ok(table) => break (table, tasks),
                // The stopped engine still has the port.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let publisher = self.publisher(&table);
        *engine = Some(Engine { table, _tasks: tasks, publisher });
    }

    /// Kills the publisher in the middle of its work and starts it again.
    pub(crate) async fn kill_publisher(&self) {
        if let Some(engine) = self.engine.lock().await.as_mut() {
            engine.publisher.abort();
            (&mut engine.publisher).await.ok();
            engine.publisher = self.publisher(&engine.table);
        }
    }

    /// Kills the redriver in the middle of its work and starts it again.
    pub(crate) fn kill_redriver(&self) {
        let mut task = self.redriver.lock().unwrap();
        task.abort();
        *task = redriver(self.endpoints, &self.cloud);
    }

    /// The size of the table on disk, in MiB.
    pub(crate) fn table_size(&self) -> u64 {
        self.directory.path().join(TABLE_FILE).metadata().unwrap().len() >> 20
    }

    /// A client of the engine.
    pub(crate) async fn table(&self) -> aws_sdk_dynamodb::Client {
        self.engine.lock().await.as_ref().unwrap().table.client.clone()
    }

    /// Ends every trouble, and waits until nothing is parked and everything is published.
    pub(crate) async fn settle(&self) {
        self.start_engine().await;
        self.dynamodb.hold(false);
        for endpoint in [Endpoint::Topics, Endpoint::Queues, Endpoint::Secrets] {
            self.cloud.set(endpoint, None);
        }
        let queues = rusqlite::Connection::open(self.directory.path().join(QUEUES_FILE)).unwrap();
        let table = rusqlite::Connection::open(self.directory.path().join(TABLE_FILE)).unwrap();
        let unpublished =
            || -> i64 { table.query_row("SELECT count(*) FROM _stream_records", [], |row| row.get(0)).unwrap() };
        while self.cloud.queues.length(PARKED).unwrap() > 0 {
            // Backoffs, and the visibility timeouts of killed redrivers, would take minutes.
            queues.execute("UPDATE queued SET visible_at = 0 WHERE queue = ?1", [PARKED]).unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        while unpublished() > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn publisher(&self, table: &Table) -> JoinHandle<()> {
        let config = Endpoints::config(self.endpoints.cloud, AWS_TIMEOUT);
        let publisher = Publisher {
            sns: aws_sdk_sns::Client::new(&config),
            topics: Topics {
                provisioning_changes: "arn:aws:sns:local:000000000000:provisioning-changes".to_owned(),
                device_events: "arn:aws:sns:local:000000000000:device-events".to_owned(),
            },
            dead_letters: DeadLetters {
                sqs: aws_sdk_sqs::Client::new(&config),
                queue_url: format!("{QUEUES}{DEAD_LETTERS}"),
            },
        };
        let file = self.directory.path().join(TABLE_FILE);
        tokio::spawn(Stream::open(table.database.clone(), &file, publisher).unwrap().publish())
    }
}

fn redriver(endpoints: Endpoints, cloud: &Cloud) -> JoinHandle<()> {
    let redriver = Redriver {
        listener: Arc::new(endpoints.listener()),
        sqs: aws_sdk_sqs::Client::new(&Endpoints::config(endpoints.cloud, AWS_TIMEOUT)),
        queue_url: format!("{QUEUES}{PARKED}"),
    };
    tokio::spawn(redrive(cloud.queues.clone(), redriver))
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    address
}
