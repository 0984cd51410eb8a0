//! Runs a case under the schedulers of `shuttle`.

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, ReplayScheduler, Schedule, Scheduler};
use shuttle::scheduler::{Task, TaskId};
use shuttle::{Config, Runner};

/// The schedule to be replayed, as printed by the failure. Other tests are best filtered out.
const REPLAYED_SCHEDULE: &str = "INTERLEAVING";

/// Set to `all`: no case is sampled that can be searched exhaustively, and the others are sampled longer.
const EXTENT: &str = "INTERLEAVINGS";

/// How much longer.
const LONGER: usize = 100;

/// Of the random schedules. `SHUTTLE_RANDOM_SEED` sets another one.
const SEED: u64 = 1;

/// At how many places PCT deviates from the order of the writers' priorities, plus one.
const PCT_DEPTH: usize = 4;

/// SDK and SQLite need more than shuttle's 60 KiB without optimization. Only what is used becomes memory.
const STACK_BYTES: usize = 4 << 20;

/// Which schedules of a case are run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Search {
    /// All.
    Exhaustive,
    /// All if required; else this many random ones, and as many by PCT (probabilistic concurrency testing).
    ExhaustiveIfRequired(usize),
    /// There are too many: this many random ones, and as many by PCT.
    Sampled(usize),
}

/// Runs the schedules. Returns their number.
pub(crate) fn run(search: Search, case: impl Fn() + Clone + Send + Sync + 'static) -> usize {
    if let Ok(schedule) = std::env::var(REPLAYED_SCHEDULE) {
        let mut replay = ReplayScheduler::new_from_encoded(schedule.trim());
        // A test may have several cases, of which the schedule fits one.
        replay.set_allow_incomplete();
        return Runner::new(replay, config()).run(case);
    }
    let all = std::env::var(EXTENT).is_ok_and(|extent| extent == "all");
    let samples = match search {
        Search::Exhaustive => None,
        Search::ExhaustiveIfRequired(_) if all => None,
        Search::ExhaustiveIfRequired(samples) => Some(samples),
        Search::Sampled(samples) => Some(if all { samples * LONGER } else { samples }),
    };
    let Some(samples) = samples else {
        return runner(DfsScheduler::new(None, false)).run(case);
    };
    runner(RandomScheduler::new_from_seed(SEED, samples)).run(case.clone())
        + runner(PctScheduler::new_from_seed(SEED, PCT_DEPTH, samples)).run(case)
}

fn runner<S: Scheduler + 'static>(scheduler: S) -> Runner<MainFirst<S>> {
    Runner::new(MainFirst(scheduler), config())
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config
}

/// Runs the main task whenever it can run. It only starts the writers and waits for them, so that other choices would
/// multiply the schedules and add nothing.
#[derive(Debug)]
struct MainFirst<S>(S);

impl<S: Scheduler> Scheduler for MainFirst<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        let main = runnable.iter().map(|task| task.id()).find(|id| *id == TaskId::from(0));
        main.or_else(|| self.0.next_task(runnable, current, is_yielding))
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}
