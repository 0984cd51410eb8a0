//! The simulated fleet: after every message, what is believed is held against what is true. The world is in `world`.
//!
//! `FLEET_HISTORIES` sets the number of histories (10,000 by default, 100,000 in CI), `FLEET_SEED` replays a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use crate::support::table::Table;
use crate::support::wire::{Manner, Statement, read};
use crate::world::{Action, Announcement, Step, World, all_hardware, hardware_of};
use callback::Callback;
use device::{CallbackDelivery, Device, DeviceId, Identifier, Move, Observation, Plan};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// A message on its way.
#[derive(Debug, Clone)]
struct Sent {
    announcement: Announcement,
    /// When it was received, in seconds since the start.
    at: i64,
    number: usize,
    manner: u32,
}

/// The true fleet, the recorded devices, and the messages between them.
#[derive(Debug, Default)]
struct Simulation {
    world: World,
    table: Table,
    /// Messages that are delivered late.
    held: Vec<Sent>,
    delivered: Vec<Sent>,
    now: i64,
    /// When the newest delivered message was received.
    latest: i64,
    /// For each identifier, the newest message that assigned it, and the identifiers that it assigned together.
    newest: BTreeMap<Identifier, (i64, BTreeSet<Identifier>)>,
    /// For each identifier with an owner, when the newest message that assigned it to this owner was received. An
    /// identifier without an owner leaves no trace.
    assigned: BTreeMap<Identifier, i64>,
    /// Devices whose only identifiers were lines that an activation recycled.
    recycled: BTreeSet<DeviceId>,
    log: String,
}

impl Simulation {
    fn run(steps: &[Step], log: bool) -> Self {
        let mut simulation = Self::default();
        simulation.table.forgets_events = true;
        if log {
            simulation.log.push('\n');
        }
        for step in steps {
            simulation.step(step);
        }
        for sent in std::mem::take(&mut simulation.held) {
            simulation.deliver(&sent);
        }
        simulation.become_idle(steps);
        simulation.table.check_all();
        simulation.check_histories();
        simulation
    }

    fn step(&mut self, step: &Step) {
        match step.action {
            Action::Late if !self.held.is_empty() => {
                let sent = self.held.remove(step.manner as usize % self.held.len());
                self.deliver(&sent);
            }
            Action::Duplicate if !self.delivered.is_empty() => {
                let sent = self.delivered[step.manner as usize % self.delivered.len()].clone();
                let again = Sent { at: self.next(), ..sent };
                let plans = self.record(&again, again.announcement.statement.observation());
                assert!(plans.is_empty(), "a duplicate was recorded");
            }
            _ => {
                let Some(announcement) = self.world.step(step).filter(|announcement| !announcement.silent) else {
                    return;
                };
                let sent = self.sent(announcement, step.manner.rotate_left(11));
                if sent.announcement.in_order {
                    for held in std::mem::take(&mut self.held) {
                        self.deliver(&held);
                    }
                }
                let hold_back = !sent.announcement.in_order && step.manner.rotate_left(7).is_multiple_of(8);
                if hold_back {
                    self.held.push(sent);
                } else {
                    self.deliver(&sent);
                }
            }
        }
    }

    /// The fleet stops changing, and every unit is described in full: from then on no identifier moves.
    fn become_idle(&mut self, steps: &[Step]) {
        for hardware in all_hardware() {
            let manner = steps.get(hardware).map_or(0, |step| step.manner);
            let sent = self.sent(self.world.description(hardware, manner), manner);
            self.deliver(&sent);
        }
        let before = self.now;
        for step in steps.iter().take(8) {
            let mut sent = self.sent(self.world.remark(step), step.manner);
            if step.manner.is_multiple_of(3) {
                sent.at = before;
            }
            for plan in self.deliver(&sent) {
                assert_eq!(plan.moves(), [], "an identifier of an idle fleet moves");
                assert_eq!(plan.events().len(), 1, "another device of an idle fleet changes");
            }
        }
    }

    fn next(&mut self) -> i64 {
        self.now += 1;
        self.now
    }

    fn sent(&mut self, announcement: Announcement, manner: u32) -> Sent {
        Sent { announcement, at: self.next(), number: usize::try_from(self.now).unwrap(), manner }
    }

    fn record(&mut self, sent: &Sent, observation: Observation) -> Vec<Plan> {
        let at = Timestamp::from_second(1_750_000_000 + sent.at).unwrap();
        let request_id = format!("r-{}", sent.number);
        let statement = &sent.announcement.statement;
        // Some messages are parsed from a body, in all formats of identification.
        if sent.manner.is_multiple_of(8) {
            let bit = |place: u32| sent.manner >> place & 1 == 1;
            let manner = Manner { soap: bit(3), pascal: bit(4), decimal: bit(5), placeholder: bit(6) };
            let (delivery, observations) = read(statement.service(), &statement.body(&request_id, manner), at);
            let [read] = observations.as_slice() else { panic!("{} observations", observations.len()) };
            assert_eq!(read.identification, observation.identification, "{}", statement.body(&request_id, manner));
            return self.table.record(&delivery, &observations);
        }
        let envelope = Callback::parse(format!("{{\"requestId\":\"{request_id}\"}}").as_bytes(), None).unwrap();
        let delivery = CallbackDelivery::new(statement.service(), &envelope.message, at);
        self.table.record(&delivery, &[observation])
    }

    fn deliver(&mut self, sent: &Sent) -> Vec<Plan> {
        self.delivered.push(sent.clone());
        let observation = sent.announcement.statement.observation();
        let named = observation.identification.names().to_vec();
        let plans = self.record(sent, observation);
        if !self.log.is_empty() {
            let _ = writeln!(self.log, "{} {}\n{}", sent.at, sent.announcement.statement, self.table.render());
        }
        for plan in &plans {
            self.check(sent, plan, &named);
        }
        plans
    }

    /// Compares the recorded devices after a message with the true fleet.
    fn check(&mut self, sent: &Sent, plan: &Plan, named: &[Identifier]) {
        let listed: BTreeSet<Identifier> = sent.announcement.together.iter().cloned().collect();
        let subject = plan.events()[0].device.as_ref().unwrap().id.clone();
        for device in plan.events().iter().filter_map(|event| event.device.as_ref()) {
            check_hardware(device);
            if device.identifiers.is_empty() && device.merged_into.is_none() {
                let lost = plan.moves().iter().filter(|moved| moved.from() == Some(&device.id));
                let lost: Vec<_> = lost.map(|moved| &moved.identifier).collect();
                let line = |name: &&Identifier| matches!(name.kind.as_str(), "mdn" | "msisdn" | "min");
                let activates = match &sent.announcement.statement {
                    Statement::Activated { .. } => true,
                    Statement::Snapshot { change, .. } => *change == "Activate",
                    _ => false,
                };
                assert!(activates && lost.iter().all(line), "a history is lost with its last identifier: {lost:?}");
                self.recycled.insert(device.id.clone());
            }
        }

        let is_late = sent.at < self.latest;
        if !is_late {
            self.latest = sent.at;
            for name in &listed {
                let owner = self.table.owners.get(name);
                assert_eq!(owner, Some(&subject), "{name} was assigned and does not lead to the device");
            }
        }
        for moved in plan.moves() {
            self.check_move(sent, moved, named, &listed);
            match (moved.from(), moved.to()) {
                (_, None) => self.assigned.remove(&moved.identifier),
                (None, Some(_)) if claims(&sent.announcement.statement) => {
                    self.assigned.insert(moved.identifier.clone(), sent.at)
                }
                // A merged device takes its identifiers along; they are as old as before.
                _ => None,
            };
            if moved.from().is_none() {
                assert!(named.contains(&moved.identifier) && moved.to() == Some(&subject));
            }
        }
        if claims(&sent.announcement.statement) {
            for name in named {
                if self.table.owners.get(name) == Some(&subject) {
                    let at = self.assigned.entry(name.clone()).or_insert(sent.at);
                    *at = sent.at.max(*at);
                }
                let holds = listed.contains(name) && !is_late;
                let together = if holds { listed.clone() } else { BTreeSet::new() };
                let newest = self.newest.entry(name.clone()).or_default();
                if newest.0 <= sent.at {
                    *newest = (sent.at, together);
                }
            }
        }
        for name in plan.moves().iter().map(|moved| &moved.identifier).chain(&listed) {
            self.check_pairs(name);
        }
    }

    /// Checks who loses an identifier, and why.
    fn check_move(&mut self, sent: &Sent, moved: &Move, named: &[Identifier], listed: &BTreeSet<Identifier>) {
        let (name, Some(from)) = (&moved.identifier, moved.from()) else { return };
        let target = &self.table.devices[from].merged_into;
        if target.is_some() && target.as_ref() == moved.to() {
            return;
        }
        assert!(claims(&sent.announcement.statement), "{name} moves by a message that claims nothing");
        let newer = self.assigned.get(name).is_some_and(|at| *at > sent.at);
        assert!(!newer, "{name} is taken from its owner by a message older than the one that assigned it");
        if moved.to().is_some() {
            // Hardware, a SIM and a line each move with all their identifiers, and hardware with the profiles of its
            // SIM.
            let is_iccid = name.kind.as_str() == "iccid";
            let along = named.iter().any(|one| sort(one) == sort(name) || (is_iccid && sort(one) == 2));
            assert!(along || named.contains(name), "{name} moves and is not listed");
            if !named.contains(name) {
                self.newest.insert(name.clone(), (sent.at, BTreeSet::new()));
            }
        } else {
            let replaced =
                listed.iter().any(|one| sort(one) == sort(name)) || changes_names(&sent.announcement.statement);
            assert!(replaced, "{name} has no owner, and nothing has replaced it");
            assert!(
                sort(name) != 2 || changes_hardware(&sent.announcement.statement),
                "hardware {name} is removed without a change"
            );
            // The next message about it need not list what it belonged to.
            self.newest.entry(name.clone()).or_default().1.clear();
        }
    }

    /// Two identifiers that the newest message about each of them listed together lead to the same device, unless one
    /// was replaced.
    fn check_pairs(&self, name: &Identifier) {
        let (Some(owner), Some((at, together))) = (self.table.owners.get(name), self.newest.get(name)) else { return };
        for other in together {
            if self.newest.get(other).is_some_and(|newest| newest.0 == *at && newest.1.contains(name))
                && let Some(other_owner) = self.table.owners.get(other)
            {
                assert_eq!(owner, other_owner, "{name} and {other} were last listed together");
            }
        }
    }

    /// Every event can be reached from an identifier.
    fn check_histories(&self) {
        for id in self.table.devices.keys() {
            let now = self.table.now(id);
            let reached = !now.identifiers.is_empty() || self.recycled.contains(&now.id);
            assert!(reached, "a history has no identifier that leads to it");
            assert!(now.id == *id || now.merged_from.contains(id), "a history has lost a device");
        }
    }
}

/// No device has identifiers of two pieces of hardware.
fn check_hardware(device: &Device) {
    let pieces: BTreeSet<u8> = device.identifiers.iter().filter_map(hardware_of).collect();
    assert!(pieces.len() <= 1, "two pieces of hardware are one device: {:?}", device.identifiers);
}

/// Whether an identifier belongs to a line (0), a SIM (1) or hardware (2).
fn sort(name: &Identifier) -> u8 {
    match name.kind.as_str() {
        "mdn" | "msisdn" | "min" => 0,
        "iccid" | "imsi" => 1,
        _ => 2,
    }
}

fn claims(statement: &Statement) -> bool {
    !matches!(statement, Statement::ActivationFailed { .. } | Statement::Availability { .. })
}

/// Whether it removes identifiers without replacing them.
fn changes_names(statement: &Statement) -> bool {
    matches!(statement, Statement::Snapshot { .. } | Statement::Changed { .. } | Statement::Deactivated { .. })
}

/// Whether it states that hardware was or may have been replaced.
fn changes_hardware(statement: &Statement) -> bool {
    const SAME: [&str; 6] = ["Activate", "Suspend", "Restore", "Deactivate", "ChangeMDN", "changeICCID"];
    match statement {
        Statement::Snapshot { change, .. } => !SAME.contains(change),
        Statement::Changed { .. } => true,
        _ => false,
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let action = prop_oneof![
        4 => Just(Action::Usage),
        3 => Just(Action::Plug),
        3 => Just(Action::Activate),
        2 => Just(Action::SwapHardware),
        2 => Just(Action::ChangeNumber),
        2 => Just(Action::SwapSim),
        1 => Just(Action::Deactivate),
        1 => Just(Action::Suspend),
        1 => Just(Action::Describe),
        1 => Just(Action::FailedActivation),
        1 => Just(Action::Availability),
        2 => Just(Action::Late),
        1 => Just(Action::Duplicate),
    ];
    let step = (action, 0..8_u8, 0..40_u8, any::<u32>());
    let step = step.prop_map(|(action, hardware, other, manner)| Step { action, hardware, other, manner }).boxed();
    // Most are short: they find most defects, and sooner.
    prop_oneof![12 => proptest::collection::vec(step.clone(), 5..28), 1 => proptest::collection::vec(step, 28..60)]
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a number"))
}

/// Runs this number of histories with this seed. The first failure is shown at its smallest.
fn histories(seed: u64, number: u32) -> Result<(), String> {
    let config = Config { cases: number, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    runner
        .run(&steps(), |steps| {
            let outcome = std::panic::catch_unwind(|| Simulation::run(&steps, false));
            outcome.map(drop).map_err(|panic| TestCaseError::fail(text(&*panic)))
        })
        .map_err(|error| match error {
            TestError::Fail(reason, steps) => {
                let history = LAST_LOG.with(|log| {
                    log.borrow_mut().clear();
                    let _ = std::panic::catch_unwind(|| Simulation::run(&steps, true));
                    log.borrow().clone()
                });
                format!("{reason}\n{history}\n{}", steps.iter().map(|step| format!("{step:?}\n")).collect::<String>())
            }
            TestError::Abort(reason) => reason.to_string(),
        })
}

thread_local! {
    static LAST_LOG: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // A failing history is shown by its log.
        LAST_LOG.with(|log| log.borrow_mut().push_str(&self.log));
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn recorded_devices_match_the_true_fleet_after_every_message() {
    // A chunk has a seed of its own, so that the histories do not depend on the number of threads.
    const CHUNK: u64 = 500;
    let (seed, number) = (from_environment("FLEET_SEED", 8), from_environment("FLEET_HISTORIES", 10_000));
    // Written directly to stderr, since the test harness would capture it: a run that passes prints its seed, too.
    let _ = writeln!(std::io::stderr(), "{number} histories, FLEET_SEED={seed}");
    // Failures are reported at their smallest, and not at each step on the way there.
    std::panic::set_hook(Box::new(|_| {}));
    let next = std::sync::atomic::AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failure = std::thread::scope(|scope| {
        let work = || loop {
            let chunk = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let left = number.saturating_sub(chunk * CHUNK).min(CHUNK);
            if left == 0 {
                return Ok(());
            }
            if let Err(failure) = histories(seed + (chunk << 32), u32::try_from(left).unwrap()) {
                next.store(number, std::sync::atomic::Ordering::Relaxed);
                return Err(failure);
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().unwrap().err()).next()
    });
    let _ = std::panic::take_hook();
    if let Some(failure) = failure {
        panic!("FLEET_SEED={seed}: {failure}");
    }
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_history_of_the_fleet_is_rebuilt_from_its_events(steps in steps()) {
        let mut simulation = Simulation::default();
        steps.iter().for_each(|step| simulation.step(step));
        for sent in std::mem::take(&mut simulation.held) {
            simulation.deliver(&sent);
        }
        assert!(!simulation.table.forgets_events, "the check of the table rebuilds every device");
        simulation.table.check_all();
    }
}
