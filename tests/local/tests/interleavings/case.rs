//! A case: messages that arrive at the same time, and the check of what each schedule leaves in the table.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use callback::Callback;
use device::{CallbackDelivery, CallbackService, Observation};
use jiff::Timestamp;
use local_tests::{Cloud, Contents, Row, TABLE};
use shuttle::future::{block_on, spawn};
use store::Store;

use crate::connection::{Connection, Reads};
use crate::scheduler::{Search, run};
use crate::virtual_time::VirtualTime;

/// A message that the platform sends.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    delivery: CallbackDelivery,
    observations: Vec<Observation>,
}

impl Sent {
    /// A message received this many seconds after the first.
    pub(crate) fn new(service: &CallbackService, body: &str, seconds: i64) -> Self {
        let message = Callback::parse(body.as_bytes(), None).unwrap().message;
        let received_at = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let delivery = CallbackDelivery::new(service, &message, received_at);
        Self { delivery, observations: (service.interpret)(&service.name, message) }
    }

    /// The parts of these numbers in their order.
    fn parts(&self) -> impl Iterator<Item = (usize, &Observation)> {
        self.observations.iter().enumerate()
    }
}

/// What arrives at the same time, and after what.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Recorded before.
    earlier: Vec<Sent>,
    /// Each is recorded by a writer of its own.
    concurrent: Vec<Sent>,
    /// Recorded by a writer that is killed at any time.
    killed: Option<Sent>,
    reads: Reads,
}

/// The rows of a table, in an order that does not depend on how they were written.
type Outcome = BTreeSet<Row>;

/// A process.
struct Process {
    connection: Connection,
    time: Arc<VirtualTime>,
    store: Store,
}

impl Process {
    fn new(cloud: &Arc<Cloud>, reads: Reads) -> Self {
        let (connection, time) = (Connection::new(cloud, reads), Arc::new(VirtualTime::new()));
        let store = Store::new(connection.client(), TABLE, 0).with_runtime(time.clone());
        Self { connection, time, store }
    }

    async fn record<'a>(&self, sent: &Sent, parts: impl IntoIterator<Item = (usize, &'a Observation)>) {
        let recording = self.store.record(&sent.delivery, parts, self.time.deadline()).await;
        assert!(recording.failure.is_none() && recording.oversized.is_empty(), "{recording:?}");
    }
}

impl Case {
    /// These messages arrive at the same time.
    pub(crate) fn new(concurrent: impl IntoIterator<Item = Sent>) -> Self {
        let concurrent = concurrent.into_iter().collect();
        Self { earlier: Vec::new(), concurrent, killed: None, reads: Reads::Together }
    }

    /// After these.
    pub(crate) fn after(self, earlier: impl IntoIterator<Item = Sent>) -> Self {
        Self { earlier: earlier.into_iter().collect(), ..self }
    }

    /// At the same time as this one, whose writer is killed at any time.
    pub(crate) fn with_killed(self, killed: Sent) -> Self {
        Self { killed: Some(killed), ..self }
    }

    /// Rows are read in this way.
    pub(crate) fn reading(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }

    /// Runs the schedules. Each must leave the table as some serial order of the messages does (serializability), and
    /// consistent. A message that has been recorded must be in the table at once.
    pub(crate) fn check(self, search: Search) {
        let started = Instant::now();
        let serial = self.serial_outcomes();
        let reached = Arc::new(Mutex::new(BTreeSet::new()));
        let (case, possible, outcomes) = (Arc::new(self), Arc::new(serial.clone()), reached.clone());
        let schedules = run(search, move || {
            let outcome = case.run();
            assert!(possible.contains(&outcome), "no serial order of the messages leads to {outcome:#?}");
            outcomes.lock().unwrap().insert(outcome);
        });
        let (reached, serial) = (reached.lock().unwrap().len(), serial.len());
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        println!("{test}: {schedules} schedules, {reached} of {serial} serial outcomes, {:.1?}", started.elapsed());
    }

    /// One schedule.
    fn run(self: &Arc<Self>) -> Outcome {
        let cloud = Arc::new(Cloud::default());
        let earlier = Process::new(&cloud, Reads::Together);
        let mut tasks = Vec::new();
        block_on(async {
            for sent in &self.earlier {
                earlier.record(sent, sent.parts()).await;
            }
        });
        if let Some(sent) = self.killed.clone() {
            let process = Process::new(&cloud, self.reads);
            let connection = process.connection.clone();
            tasks.push(spawn(async move { connection.kill().await }));
            tasks.push(spawn(async move {
                process.connection.unless_killed(process.record(&sent, sent.parts())).await;
            }));
        }
        for sent in self.concurrent.clone() {
            let (cloud, process) = (cloud.clone(), Process::new(&cloud, self.reads));
            tasks.push(spawn(async move {
                process.record(&sent, sent.parts()).await;
                assert_recorded(&cloud, &sent);
            }));
        }
        block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        Contents::of(cloud.rows(TABLE)).assert_consistent();
        cloud.rows(TABLE).into_iter().collect()
    }

    /// The outcomes of all orders of the parts, one after the other, with and without those of the killed writer.
    fn serial_outcomes(&self) -> BTreeSet<Outcome> {
        let parts =
            |sent: &Sent| -> Vec<(Sent, usize)> { sent.parts().map(|(number, _)| (sent.clone(), number)).collect() };
        let others: Vec<_> = self.concurrent.iter().flat_map(parts).collect();
        let killed: Vec<_> = self.killed.iter().flat_map(parts).collect();
        // Of a message that is killed, any of its parts may have been recorded.
        let subsets = (0..1_usize << killed.len()).map(|subset| {
            let recorded = killed.iter().enumerate().filter(|(number, _)| subset & (1 << number) != 0);
            recorded.map(|(_, part)| part.clone()).chain(others.iter().cloned()).collect::<Vec<_>>()
        });
        let orders = subsets.flat_map(permutations);
        orders.map(|order| local_tests::block_on(self.serial_outcome(order))).collect()
    }

    async fn serial_outcome(&self, order: Vec<(Sent, usize)>) -> Outcome {
        let cloud = Arc::new(Cloud::default());
        let process = Process::new(&cloud, Reads::Together);
        for sent in &self.earlier {
            process.record(sent, sent.parts()).await;
        }
        for (sent, number) in order {
            process.record(&sent, sent.parts().filter(|(part, _)| *part == number)).await;
        }
        cloud.rows(TABLE).into_iter().collect()
    }
}

/// A callback is answered 200 now: it is in the table, once.
fn assert_recorded(cloud: &Cloud, sent: &Sent) {
    let contents = Contents::of(cloud.rows(TABLE));
    contents.assert_consistent();
    let request = sent.delivery.request_id.as_deref();
    let events = contents.applied().filter(|event| event.request_id.as_deref() == request).count();
    assert_eq!(events, sent.observations.len(), "events of {request:?}");
}

fn permutations<T: Clone>(items: Vec<T>) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders = Vec::new();
    for first in 0..items.len() {
        let mut others = items.clone();
        let item = others.remove(first);
        orders.extend(permutations(others).into_iter().map(|order| [vec![item.clone()], order].concat()));
    }
    orders
}
