//! Systematic fault injection: every fault at every AWS call of a scenario, each in a run of its own. After each run the
//! invariants are checked against tables, queues and topics. `docs/reliability.md` lists all runs with their outcomes.
//!
//! AWS runs in this process (`local_tests::Cloud`) and time is paused, so that a timeout takes no time.

mod callbacks;
mod process;
mod publisher;
mod redriver;
mod registrar;
mod report;

use std::any::Any;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use local_tests::{Call, Fault, Injection};
use report::Report;
use tokio::time::timeout;

/// The longest time of a run: none waits for ever.
const MAX_TIME: Duration = Duration::from_secs(1200);

/// Runs scenarios: each without a fault, then with every fault at every call, once and, unless it ends the process, from
/// then on. Compares the outcomes with the table of this name.
///
/// `undisturbed` returns the calls of a scenario and what is expected after each run; `disturbed` checks that and returns
/// the outcome in a word. If `FAULTS` is set, only the runs whose names contain it are run, and nothing is compared.
fn run_scenarios<S: Sync, E: Send + Sync>(
    table: &str,
    scenarios: &[S],
    name: impl Fn(&S) -> &str + Sync,
    undisturbed: impl AsyncFn(&S) -> (Vec<Call>, E) + Sync,
    disturbed: impl AsyncFn(&S, &Injection, &E) -> String + Sync,
) {
    let expected = map_all(scenarios, |scenario| name(scenario).to_owned(), &undisturbed);
    let runs = scenarios.iter().zip(&expected).flat_map(|(scenario, (calls, expected))| {
        calls.iter().flat_map(injections).map(move |injection| (scenario, injection, expected))
    });
    let run_name = |(scenario, injection, _): &(&S, Injection, &E)| format!("{}, {injection}", name(scenario));
    let only = env::var("FAULTS").ok();
    let runs: Vec<_> = runs.filter(|run| only.as_ref().is_none_or(|only| run_name(run).contains(only))).collect();
    let outcomes = map_all(&runs, run_name, async |(scenario, injection, expected)| {
        disturbed(scenario, injection, expected).await
    });
    let mut report = Report::default();
    for ((scenario, injection, _), outcome) in runs.iter().zip(outcomes) {
        report.add(name(scenario), injection, outcome);
    }
    if only.is_none() {
        report.compare(table);
    }
}

/// Everything that can go wrong at a call.
fn injections(call: &Call) -> Vec<Injection> {
    let mut injections = Vec::new();
    for fault in Fault::ALL.into_iter().filter(|fault| fault.is_possible_at(call)) {
        for lasting in [false, true] {
            if !(lasting && fault.kills()) {
                injections.push(Injection { call: call.clone(), fault, lasting });
            }
        }
    }
    injections
}

/// The results of a function for these cases, in their order. Each is called in a runtime of its own whose time is
/// paused.
///
/// # Panics
///
/// At the end, if a call panicked, with the names and messages of all that did.
fn map_all<C: Sync, R: Send>(
    cases: &[C],
    name: impl Fn(&C) -> String + Sync,
    run: impl AsyncFn(&C) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<R, String>>>> = Mutex::new(cases.iter().map(|_| None).collect());
    let work = || {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(case) = cases.get(number)
        {
            let result = catch_unwind(AssertUnwindSafe(|| {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                let run = async { timeout(MAX_TIME, run(case)).await.expect("the run ends") };
                runtime.enable_all().start_paused(true).build().unwrap().block_on(run)
            }));
            let result = result.map_err(|panic| format!("{}: {}", name(case), message(&*panic)));
            results.lock().unwrap()[number] = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
    for result in results.into_inner().unwrap().into_iter().flatten() {
        match result {
            Ok(result) => succeeded.push(result),
            Err(failure) => failed.push(failure),
        }
    }
    assert!(failed.is_empty(), "{} of {} runs failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
    succeeded
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}
