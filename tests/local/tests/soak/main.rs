//! The simulator of the platform sends callbacks of all services, with duplicates, in another order and with rubbish in
//! between, while the parts of the stack fail. At the end, the platform's ledger, the table, the topics and the queues
//! must agree to the last message.
//!
//! `SOAK_CALLBACKS` sets the number of callbacks and `SOAK_SEED` the seed of all random decisions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod books;
mod cloud;
mod faults;
mod functions;
mod link;
mod stack;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use platform_simulator::rules::Api;
use platform_simulator::send::{Report, Resend, SendOptions, send};

use books::Books;
use faults::Faults;
use stack::{PASSWORD, Stack, USERNAME};

/// The number of callbacks, unless `SOAK_CALLBACKS` is set.
const CALLBACKS: u64 = 5000;

/// One callback in this many is of a service without a function of its own.
const OTHERS_ONE_IN: u64 = 40;

/// The sample messages of one transport, about.
const SAMPLES: u64 = 35;

/// Time for what is parked or unpublished at the end. Only a hanging stack needs it.
const MAX_SETTLING: Duration = Duration::from_secs(600);

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

/// Options of `callbacks platform send`.
fn options(stack: &Stack, count: u64, ledger: PathBuf, random: &mut fastrand::Rng) -> SendOptions {
    SendOptions {
        to: String::new(),
        account: None,
        url: Some(format!("http://{}/callbacks", stack.gateway.address).parse().unwrap()),
        username: Some(USERNAME.to_owned()),
        password: Some(PASSWORD.to_owned()),
        service: Vec::new(),
        all: true,
        transport: None,
        message: Vec::new(),
        guesses: false,
        count: Some(count),
        seconds: None,
        rate: 10_000.0,
        devices: count.div_ceil(SAMPLES).max(1),
        resend: Resend::Measured,
        documented_interval: 300.0,
        password_lag: 0,
        duplicates: 0.05,
        reorder: 40,
        rubbish: 0.01,
        in_flight: 30,
        ledger: Some(ledger),
        seed: Some(random.u64(..)),
        origin: None,
        from: None,
        json: false,
        quiet: true,
    }
}

/// The sample messages of services without a function of their own.
fn other_services() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/other-services/rest");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Sends all callbacks. Returns the ledgers.
async fn send_all(stack: &Stack, callbacks: u64, directory: &Path, random: &mut fastrand::Rng) -> [PathBuf; 3] {
    let ledgers = ["rest", "soap", "others"].map(|name| directory.join(name));
    let others = callbacks / OTHERS_ONE_IN;
    let soap = (callbacks - others) / 2;
    let rest = options(stack, callbacks - others - soap, ledgers[0].clone(), random);
    let soap = SendOptions { transport: Some(Api::Soap), ..options(stack, soap, ledgers[1].clone(), random) };
    let others = SendOptions {
        all: false,
        service: vec!["NiddService".to_owned()],
        message: other_services(),
        in_flight: 3,
        ..options(stack, others, ledgers[2].clone(), random)
    };
    let (rest, soap, others) = tokio::join!(send(&rest), send(&soap), send(&others));
    for report in [rest, soap, others] {
        let Report { interrupted, not_registered, .. } = report.unwrap();
        assert_eq!((interrupted, not_registered), (0, 0));
    }
    ledgers
}

#[tokio::test(flavor = "multi_thread")]
async fn after_all_failures_the_ledger_the_table_the_topics_and_the_queues_agree() {
    let callbacks = variable("SOAK_CALLBACKS").unwrap_or(CALLBACKS);
    let seed = variable("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SOAK_CALLBACKS={callbacks} SOAK_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::start(random.fork()).await;

    let started = Instant::now();
    let faults = Faults::start(&stack, &mut random);
    let ledgers = send_all(&stack, callbacks, directory.path(), &mut random).await;
    let sent_after = started.elapsed();
    let faults = faults.stop().await;
    tokio::time::timeout(MAX_SETTLING, stack.settle()).await.expect("nothing is left to record or to publish");
    let settled_after = started.elapsed();
    let books = Books::compare(&stack, &ledgers).await;

    for (fault, count) in &faults {
        println!("| {fault} | {count} |");
    }
    println!("{books}");
    println!("{} MiB of table", stack.table_size());
    println!(
        "sent in {:.0} s, settled after {:.0} s, compared after {:.0} s",
        sent_after.as_secs_f64(),
        settled_after.as_secs_f64(),
        started.elapsed().as_secs_f64()
    );
    assert!(books.differences.is_empty(), "seed {seed}: {books}");
}
