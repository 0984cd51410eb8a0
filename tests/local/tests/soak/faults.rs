//! What goes wrong, and when: each kind of fault after a random number of requests, from one seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cloud::{Endpoint, Trouble};
use crate::stack::Stack;

#[derive(Clone, Copy)]
enum Fault {
    EngineStops,
    EngineHangs,
    EngineResetsConnections,
    GatewayResetsConnections,
    FunctionIsKilled,
    PublisherIsKilled,
    RedriverIsKilled,
    InTrouble(Endpoint),
}

impl Fault {
    /// Every fault, with the average number of requests between two of them.
    const ALL: [(Self, u64); 10] = [
        (Self::EngineStops, 1000),
        (Self::EngineHangs, 2500),
        (Self::EngineResetsConnections, 400),
        (Self::GatewayResetsConnections, 800),
        (Self::FunctionIsKilled, 80),
        (Self::PublisherIsKilled, 400),
        (Self::RedriverIsKilled, 500),
        (Self::InTrouble(Endpoint::Topics), 700),
        (Self::InTrouble(Endpoint::Queues), 1500),
        (Self::InTrouble(Endpoint::Secrets), 1000),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::EngineStops => "the engine is stopped and started",
            Self::EngineHangs => "the engine hangs",
            Self::EngineResetsConnections => "connections to the engine are reset",
            Self::GatewayResetsConnections => "connections to the gateway are reset",
            Self::FunctionIsKilled => "a callback function is killed",
            Self::PublisherIsKilled => "the publisher is killed",
            Self::RedriverIsKilled => "the redriver is killed",
            Self::InTrouble(Endpoint::Topics) => "the topics refuse, throttle, hang or lose answers",
            Self::InTrouble(Endpoint::Queues) => "the queues refuse, throttle, hang or lose answers",
            Self::InTrouble(Endpoint::Secrets) => "Secrets Manager refuses, throttles, hangs or loses answers",
        }
    }

    async fn happen(self, stack: &Stack, random: &mut fastrand::Rng) {
        match self {
            Self::EngineStops => {
                stack.stop_engine().await;
                sleep(Duration::from_millis(random.u64(50..1500))).await;
                stack.start_engine().await;
            }
            Self::EngineHangs => {
                stack.dynamodb.hold(true);
                sleep(Duration::from_millis(random.u64(500..4000))).await;
                stack.dynamodb.hold(false);
            }
            Self::EngineResetsConnections => stack.dynamodb.reset(),
            Self::GatewayResetsConnections => stack.gateway.reset(),
            Self::FunctionIsKilled => stack.functions.kill(random),
            Self::PublisherIsKilled => stack.kill_publisher().await,
            Self::RedriverIsKilled => stack.kill_redriver(),
            Self::InTrouble(endpoint) => {
                stack.cloud.set(endpoint, random.choice(Trouble::ALL));
                sleep(Duration::from_millis(random.u64(200..2500))).await;
                stack.cloud.set(endpoint, None);
            }
        }
    }
}

/// The faults of a run.
pub(crate) struct Faults {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Faults {
    pub(crate) fn start(stack: &Arc<Stack>, random: &mut fastrand::Rng) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), watch::Sender::new(false));
        let counts: Arc<Mutex<BTreeMap<_, _>>> = Arc::default();
        for (fault, interval) in Fault::ALL {
            let (stack, mut random, stopped) = (stack.clone(), random.fork(), stop.subscribe());
            let counts = counts.clone();
            tasks.spawn(async move {
                let mut next = random.u64(1..=interval);
                while !*stopped.borrow() {
                    if stack.functions.requests() < next {
                        sleep(Duration::from_millis(5)).await;
                        continue;
                    }
                    fault.happen(&stack, &mut random).await;
                    *counts.lock().unwrap().entry(fault.name()).or_default() += 1;
                    next = stack.functions.requests() + random.u64(interval / 2..=interval * 3 / 2);
                }
            });
        }
        Self { tasks, stop, counts }
    }

    /// Waits for the end of those that last, and returns how often each one happened.
    pub(crate) async fn stop(self) -> BTreeMap<&'static str, u64> {
        self.stop.send_replace(true);
        self.tasks.join_all().await;
        self.counts.lock().unwrap().clone()
    }
}
