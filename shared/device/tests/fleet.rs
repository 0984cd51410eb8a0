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
    told: Announcement,
    /// Seconds since the beginning at which it reached the edge.
    at: i64,
    number: usize,
    manner: u32,
}

/// The world, what we believe of it, and what was said.
#[derive(Debug, Default)]
struct Simulation {
    world: World,
    table: Table,
    /// Those that were held back.
    held: Vec<Sent>,
    delivered: Vec<Sent>,
    now: i64,
    /// When the newest message that was delivered reached the edge.
    latest: i64,
    /// For each identifier, the newest message that assigned it, and the identifiers that it assigned together.
    newest: BTreeMap<Identifier, (i64, BTreeSet<Identifier>)>,
    /// For each identifier with an owner, when the newest message that assigned it to this owner was received. An identifier
    /// without an owner leaves no trace.
    assigned: BTreeMap<Identifier, i64>,
    /// Devices whose only names were lines that an activation recycled.
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
        simulation.fall_quiet(steps);
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
                let plans = self.record(&again, again.told.says.observation());
                assert!(plans.is_empty(), "a duplicate was recorded");
            }
            _ => {
                let Some(told) = self.world.step(step).filter(|told| !told.silent) else { return };
                let sent = self.sent(told, step.manner.rotate_left(11));
                if sent.told.in_order {
                    for held in std::mem::take(&mut self.held) {
                        self.deliver(&held);
                    }
                }
                let hold_back = !sent.told.in_order && step.manner.rotate_left(7).is_multiple_of(8);
                if hold_back {
                    self.held.push(sent);
                } else {
                    self.deliver(&sent);
                }
            }
        }
    }

    /// The world stops changing, and every unit is described in full: from then on no name moves.
    fn fall_quiet(&mut self, steps: &[Step]) {
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
                assert_eq!(plan.moves(), [], "a name of a quiet fleet moves");
                assert_eq!(plan.events().len(), 1, "another device of a quiet fleet is touched");
            }
        }
    }

    fn next(&mut self) -> i64 {
        self.now += 1;
        self.now
    }

    fn sent(&mut self, told: Announcement, manner: u32) -> Sent {
        Sent { told, at: self.next(), number: usize::try_from(self.now).unwrap(), manner }
    }

    fn record(&mut self, sent: &Sent, observation: Observation) -> Vec<Plan> {
        let at = Timestamp::from_second(1_750_000_000 + sent.at).unwrap();
        let request_id = format!("r-{}", sent.number);
        let says = &sent.told.says;
        // A part of the messages comes as a body, in all manners of identification.
        if sent.manner.is_multiple_of(8) {
            let bit = |place: u32| sent.manner >> place & 1 == 1;
            let manner = Manner { soap: bit(3), pascal: bit(4), decimal: bit(5), placeholder: bit(6) };
            let (delivery, observations) = read(says.service(), &says.body(&request_id, manner), at);
            let [read] = observations.as_slice() else { panic!("{} observations", observations.len()) };
            assert_eq!(read.identification, observation.identification, "{}", says.body(&request_id, manner));
            return self.table.record(&delivery, &observations);
        }
        let envelope = Callback::parse(format!("{{\"requestId\":\"{request_id}\"}}").as_bytes(), None).unwrap();
        let delivery = CallbackDelivery::new(says.service(), &envelope.message, at);
        self.table.record(&delivery, &[observation])
    }

    fn deliver(&mut self, sent: &Sent) -> Vec<Plan> {
        self.delivered.push(sent.clone());
        let observation = sent.told.says.observation();
        let named = observation.identification.names().to_vec();
        let plans = self.record(sent, observation);
        if !self.log.is_empty() {
            let _ = writeln!(self.log, "{} {}\n{}", sent.at, sent.told.says, self.table.render());
        }
        for plan in &plans {
            self.check(sent, plan, &named);
        }
        plans
    }

    /// Holds the belief after a message against the truth.
    fn check(&mut self, sent: &Sent, plan: &Plan, named: &[Identifier]) {
        let told: BTreeSet<Identifier> = sent.told.together.iter().cloned().collect();
        let subject = plan.events()[0].device.as_ref().unwrap().id.clone();
        for device in plan.events().iter().filter_map(|event| event.device.as_ref()) {
            check_hardware(device);
            if device.identifiers.is_empty() && device.merged_into.is_none() {
                let lost = plan.moves().iter().filter(|moved| moved.from() == Some(&device.id));
                let lost: Vec<_> = lost.map(|moved| &moved.identifier).collect();
                let line = |name: &&Identifier| matches!(name.kind.as_str(), "mdn" | "msisdn" | "min");
                let activates = match &sent.told.says {
                    Statement::Activated { .. } => true,
                    Statement::Snapshot { change, .. } => *change == "Activate",
                    _ => false,
                };
                assert!(activates && lost.iter().all(line), "a history is lost with its last name: {lost:?}");
                self.recycled.insert(device.id.clone());
            }
        }

        let is_late = sent.at < self.latest;
        if !is_late {
            self.latest = sent.at;
            for name in &told {
                let owner = self.table.owners.get(name);
                assert_eq!(owner, Some(&subject), "{name} was given, and does not lead to the device");
            }
        }
        for moved in plan.moves() {
            self.check_move(sent, moved, named, &told);
            match (moved.from(), moved.to()) {
                (_, None) => self.assigned.remove(&moved.identifier),
                (None, Some(_)) if claims(&sent.told.says) => self.assigned.insert(moved.identifier.clone(), sent.at),
                // A merged device takes its identifiers along; they are as old as before.
                _ => None,
            };
            if moved.from().is_none() {
                assert!(named.contains(&moved.identifier) && moved.to() == Some(&subject));
            }
        }
        if claims(&sent.told.says) {
            for name in named {
                if self.table.owners.get(name) == Some(&subject) {
                    let at = self.assigned.entry(name.clone()).or_insert(sent.at);
                    *at = sent.at.max(*at);
                }
                let holds = told.contains(name) && !is_late;
                let together = if holds { told.clone() } else { BTreeSet::new() };
                let newest = self.newest.entry(name.clone()).or_default();
                if newest.0 <= sent.at {
                    *newest = (sent.at, together);
                }
            }
        }
        for name in plan.moves().iter().map(|moved| &moved.identifier).chain(&told) {
            self.check_pairs(name);
        }
    }

    /// Who loses a name, and why.
    fn check_move(&mut self, sent: &Sent, moved: &Move, named: &[Identifier], told: &BTreeSet<Identifier>) {
        let (name, Some(from)) = (&moved.identifier, moved.from()) else { return };
        let target = &self.table.devices[from].merged_into;
        if target.is_some() && target.as_ref() == moved.to() {
            return;
        }
        assert!(claims(&sent.told.says), "{name} moves by a message that claims nothing");
        let newer = self.assigned.get(name).is_some_and(|at| *at > sent.at);
        assert!(!newer, "{name} is taken from its owner by a message older than the one that assigned it");
        if moved.to().is_some() {
            // Hardware, a SIM and a line each go with all their names, and hardware with the profiles of its SIM.
            let is_iccid = name.kind.as_str() == "iccid";
            let along = named.iter().any(|one| sort(one) == sort(name) || (is_iccid && sort(one) == 2));
            assert!(along || named.contains(name), "{name} moves and is not named");
            if !named.contains(name) {
                self.newest.insert(name.clone(), (sent.at, BTreeSet::new()));
            }
        } else {
            let replaced = told.iter().any(|one| sort(one) == sort(name)) || changes_names(&sent.told.says);
            assert!(replaced, "{name} leads nowhere, and nothing has replaced it");
            assert!(sort(name) != 2 || changes_hardware(&sent.told.says), "hardware {name} is gone unchanged");
            // Whatever names it next need not know with what it belonged together.
            self.newest.entry(name.clone()).or_default().1.clear();
        }
    }

    /// Two names that the newest message about each of them gave together lead to the same device, or one to none since it
    /// was replaced.
    fn check_pairs(&self, name: &Identifier) {
        let (Some(owner), Some((at, together))) = (self.table.owners.get(name), self.newest.get(name)) else { return };
        for other in together {
            if self.newest.get(other).is_some_and(|newest| newest.0 == *at && newest.1.contains(name))
                && let Some(other_owner) = self.table.owners.get(other)
            {
                assert_eq!(owner, other_owner, "{name} and {other} were given together last");
            }
        }
    }

    /// Every event can be reached from a name.
    fn check_histories(&self) {
        for id in self.table.devices.keys() {
            let now = self.table.now(id);
            let reached = !now.identifiers.is_empty() || self.recycled.contains(&now.id);
            assert!(reached, "a history has no name that leads to it");
            assert!(now.id == *id || now.merged_from.contains(id), "a history has lost a device");
        }
    }
}

/// No device has names of two pieces of hardware.
fn check_hardware(device: &Device) {
    let pieces: BTreeSet<u8> = device.identifiers.iter().filter_map(hardware_of).collect();
    assert!(pieces.len() <= 1, "two pieces of hardware are one device: {:?}", device.identifiers);
}

/// What a name is of: hardware, SIM or line.
fn sort(name: &Identifier) -> u8 {
    match name.kind.as_str() {
        "mdn" | "msisdn" | "min" => 0,
        "iccid" | "imsi" => 1,
        _ => 2,
    }
}

fn claims(says: &Statement) -> bool {
    !matches!(says, Statement::ActivationFailed { .. } | Statement::Availability { .. })
}

/// Whether it says that names are gone which it does not replace by name.
fn changes_names(says: &Statement) -> bool {
    matches!(says, Statement::Snapshot { .. } | Statement::Changed { .. } | Statement::Deactivated { .. })
}

/// Whether it says that hardware is, or may be, another one.
fn changes_hardware(says: &Statement) -> bool {
    const SAME: [&str; 6] = ["Activate", "Suspend", "Restore", "Deactivate", "ChangeMDN", "changeICCID"];
    match says {
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
    // Most are short: they find most, and sooner.
    prop_oneof![12 => proptest::collection::vec(step.clone(), 5..28), 1 => proptest::collection::vec(step, 28..60)]
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a number"))
}

/// Runs so many histories of this seed; the first that goes wrong is shown at its smallest.
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
        // A history that went wrong is known by what it has logged.
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
