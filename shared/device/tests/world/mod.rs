//! A model of the real world, and of the platform that speaks of it: hardware, SIMs and lines, and messages about them.
//!
//! Whatever happens is decided by the numbers of a [`Step`], so that any history can be repeated and made smaller.
//!
//! Events that messages cannot distinguish are not simulated:
//! - Hardware that has an imei is named by it whenever it is named with a SIM or a line; its eid or meid stands alone
//!   or with it: another kind of hardware name with a known SIM or line is, to a listener, a second name of the same
//!   hardware.
//! - A line passes between hardware with a SIM and hardware without only by a message that is neither silent nor late,
//!   nor overtaken by older ones: else the line's SIM, which is in other hardware by then, is taken for that of the new
//!   hardware.
//! - Several profiles of an embedded SIM are named together only with its eid: without it they are several devices.
//! - A snapshot names hardware, SIM and line by at least one name each, where there are any: a missing line is one that
//!   is gone.

use callback::DeviceIdentifier;
use device::Identifier;

use crate::support::wire::{Names, Statement};

/// One thing that happens, in numbers that the model takes modulo what there is.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) action: Action,
    /// Of which hardware.
    pub(crate) hardware: u8,
    /// Which other hardware, SIM or line.
    pub(crate) other: u8,
    /// How it is said, digit by digit.
    pub(crate) manner: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A SIM is put into hardware.
    Plug,
    Activate,
    Deactivate,
    Suspend,
    ChangeNumber,
    SwapHardware,
    SwapSim,
    /// A snapshot after a change that the listener does not know.
    Describe,
    Usage,
    FailedActivation,
    Availability,
    /// An older message comes in late.
    Late,
    /// A message comes in again.
    Duplicate,
}

/// The hardware: 4G with and without a meid, eUICC, 3G with esn and meid, esn or meid alone.
const HARDWARE: usize = 8;
const SIMS: usize = 4;
const LINES: usize = 5;

/// What carries a line: a SIM, or hardware that has no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Sim(usize),
    Hardware(usize),
}

/// What is true.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// The hardware that each SIM is in.
    slot: [Option<usize>; SIMS],
    /// What each line is active on.
    carrier: [Option<Carrier>; LINES],
    /// Whether each line was last on hardware without a SIM.
    simless: [Option<bool>; LINES],
    /// Which profile each embedded SIM uses.
    profile: [usize; HARDWARE],
}

/// A message that the platform sends.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) statement: Statement,
    /// The names that it gives a device together, as they are after it.
    pub(crate) together: Vec<Identifier>,
    /// It may not be held back, nor be overtaken by what was.
    pub(crate) in_order: bool,
    /// It is not sent at all.
    pub(crate) silent: bool,
}

/// Digits of a number, taken one after another.
struct Digits(u32);

impl Digits {
    fn pick(&mut self, of: usize) -> usize {
        let of = u32::try_from(of).unwrap();
        let digit = self.0 % of;
        self.0 /= of;
        digit as usize
    }

    fn flip(&mut self) -> bool {
        self.pick(2) == 1
    }
}

fn name(kind: &str, value: String) -> DeviceIdentifier {
    DeviceIdentifier { kind: kind.to_owned(), value }
}

fn imei(hardware: usize) -> DeviceIdentifier {
    name("imei", format!("35000000000010{hardware}"))
}

fn is_embedded(hardware: usize) -> bool {
    matches!(hardware, 3 | 4)
}

fn has_slot(hardware: usize) -> bool {
    hardware < 3
}

fn is_simless(hardware: usize) -> bool {
    hardware > 4
}

/// All names of a piece of hardware, the imei first.
fn hardware_names(hardware: usize) -> Names {
    let meid = || name("meid", format!("A100000000010{hardware}"));
    let esn = || name("esn", format!("8000010{hardware}"));
    match hardware {
        0 | 1 => vec![imei(hardware), meid()],
        2 => vec![imei(hardware)],
        3 | 4 => vec![imei(hardware), name("eid", format!("8904903200000000000000000000010{hardware}"))],
        5 => vec![esn(), meid()],
        6 => vec![esn()],
        _ => vec![meid()],
    }
}

fn profile_name(hardware: usize, profile: usize) -> DeviceIdentifier {
    name("iccid", format!("8904914800000000{hardware}0{profile}1"))
}

fn sim_names(sim: usize) -> Names {
    vec![name("iccid", format!("8914800000000000{sim}231")), name("imsi", format!("31148000000{sim}123"))]
}

/// All names of a line, the mdn first. Some have a min.
fn line_names(line: usize) -> Names {
    let mut names = vec![name("mdn", format!("555010000{line}")), name("msisdn", format!("1555010000{line}"))];
    if line.is_multiple_of(2) {
        names.push(name("min", format!("444010000{line}")));
    }
    names
}

/// The piece of hardware that a name is of, if it is of one: its last digit.
pub(crate) fn hardware_of(name: &Identifier) -> Option<u8> {
    matches!(name.kind.as_str(), "imei" | "meid" | "esn" | "eid").then(|| *name.value.as_bytes().last().unwrap())
}

fn identifiers(names: &Names) -> Vec<Identifier> {
    names.iter().map(|one| Identifier::new(&one.kind, &one.value).unwrap()).collect()
}

/// Pieces of hardware that the full messages at the end are about.
pub(crate) fn all_hardware() -> std::ops::Range<usize> {
    0..HARDWARE
}

impl World {
    fn sim_in(&self, hardware: usize) -> Option<usize> {
        self.slot.iter().position(|place| *place == Some(hardware))
    }

    /// What a line on this hardware is on.
    fn carrier_in(&self, hardware: usize) -> Option<Carrier> {
        if has_slot(hardware) { self.sim_in(hardware).map(Carrier::Sim) } else { Some(Carrier::Hardware(hardware)) }
    }

    fn line_on(&self, carrier: Carrier) -> Option<usize> {
        self.carrier.iter().position(|one| *one == Some(carrier))
    }

    fn line_in(&self, hardware: usize) -> Option<usize> {
        self.carrier_in(hardware).and_then(|carrier| self.line_on(carrier))
    }

    /// The names of the SIM or profiles in this hardware. Of profiles, the one in use first.
    fn sim_names_in(&self, hardware: usize) -> Names {
        if is_embedded(hardware) {
            let used = self.profile[hardware];
            return vec![profile_name(hardware, used), profile_name(hardware, 1 - used)];
        }
        self.sim_in(hardware).map(sim_names).unwrap_or_default()
    }

    fn line_names_in(&self, hardware: usize) -> Names {
        self.line_in(hardware).map(line_names).unwrap_or_default()
    }

    /// Every name of the unit that this hardware is.
    fn full(&self, hardware: usize) -> Names {
        [hardware_names(hardware), self.sim_names_in(hardware), self.line_names_in(hardware)].concat()
    }

    /// The names of a snapshot: some of each sort.
    fn listed(&self, hardware: usize, digits: &mut Digits) -> Names {
        let mut names = hardware_names(hardware);
        if digits.flip() && names.len() > 1 {
            // 3G hardware may be listed by either name.
            let keep = if is_simless(hardware) { digits.pick(2) } else { 0 };
            names = vec![names[keep].clone()];
        }
        let with_eid = names.iter().any(|one| one.kind == "eid");
        let sims = self.sim_names_in(hardware);
        let most = if is_embedded(hardware) && !with_eid { 1 } else { sims.len() };
        names.extend(sims.into_iter().take(if digits.flip() { 1 } else { most }));
        let line = self.line_names_in(hardware);
        let most = if digits.flip() { 1 } else { line.len() };
        names.extend(line.into_iter().take(most));
        names
    }

    /// Some of the unit's names, as a message that is no snapshot gives them.
    fn some(&self, hardware: usize, digits: &mut Digits) -> Names {
        let all = self.full(hardware);
        let chosen: Names = all.iter().filter(|_| digits.flip()).cloned().collect();
        let mut names = if chosen.is_empty() { vec![all[digits.pick(all.len())].clone()] } else { chosen };
        let is_hardware = |one: &DeviceIdentifier| matches!(one.kind.as_str(), "imei" | "meid" | "esn" | "eid");
        let with_other = !names.iter().all(is_hardware) && names.iter().any(is_hardware);
        if with_other && !is_simless(hardware) && !names.contains(&imei(hardware)) {
            names.push(imei(hardware));
        }
        if is_embedded(hardware) && !names.iter().any(|one| one.kind == "eid") {
            // Without the eid, one profile.
            let mut seen = false;
            names.retain(|one| one.kind != "iccid" || !std::mem::replace(&mut seen, true));
        }
        names
    }

    /// Names by which an envelope addresses the unit.
    fn addressed(&self, hardware: usize, digits: &mut Digits) -> Names {
        let names: Names = match digits.pick(4) {
            0 => Vec::new(),
            1 => self.line_names_in(hardware).into_iter().take(1).collect(),
            2 => self.sim_names_in(hardware).into_iter().take(1).collect(),
            _ => hardware_names(hardware).into_iter().take(1).collect(),
        };
        names
    }

    /// The same, at least by something.
    fn addressed_by_some(&self, hardware: usize, digits: &mut Digits) -> Names {
        let names = self.addressed(hardware, digits);
        if names.is_empty() { hardware_names(hardware).into_iter().take(1).collect() } else { names }
    }

    /// Puts a line on hardware, which takes it from wherever it was. Gives whether it passed between hardware with a
    /// SIM and hardware without.
    fn put_line(&mut self, line: usize, hardware: usize) -> bool {
        let Some(carrier) = self.carrier_in(hardware) else { return false };
        if let Some(former) = self.line_on(carrier) {
            self.carrier[former] = None;
        }
        self.carrier[line] = Some(carrier);
        let before = self.simless[line].replace(is_simless(hardware));
        before.is_some_and(|before| before != is_simless(hardware))
    }

    /// Performs a step. Returns the platform's message about it.
    pub(crate) fn step(&mut self, step: &Step) -> Option<Announcement> {
        let mut digits = Digits(step.manner);
        let hardware = usize::from(step.hardware) % HARDWARE;
        let other = usize::from(step.other);
        match step.action {
            Action::Plug => self.plug(hardware, other % SIMS, &mut digits),
            Action::Activate => self.activate(hardware, other % LINES, &mut digits),
            Action::Deactivate => self.deactivate(hardware, &mut digits),
            Action::Suspend => self.suspend(hardware, &mut digits),
            Action::ChangeNumber => self.change_number(hardware, other % LINES, &mut digits),
            Action::SwapHardware => self.swap_hardware(hardware, other % HARDWARE, &mut digits),
            Action::SwapSim => self.swap_sim(hardware, other % SIMS, &mut digits),
            Action::Describe => Some(self.snapshot("ChangeServicePlan", Vec::new(), hardware, &mut digits)),
            Action::Usage => {
                let names = self.some(hardware, &mut digits);
                Some(announce(identifiers(&names), Statement::Usage { names }))
            }
            Action::FailedActivation | Action::Availability => {
                let names = wrong_pair(hardware, other, &mut digits);
                let failed = step.action == Action::FailedActivation;
                let statement =
                    if failed { Statement::ActivationFailed { names } } else { Statement::Availability { names } };
                Some(announce(Vec::new(), statement))
            }
            Action::Late | Action::Duplicate => None,
        }
    }

    fn snapshot(&self, change: &'static str, addressed: Names, hardware: usize, digits: &mut Digits) -> Announcement {
        let all = self.listed(hardware, digits);
        let state = match change {
            "Suspend" => "suspend",
            "Deactivate" => "deactive",
            _ => "active",
        };
        announce(identifiers(&all), Statement::Snapshot { change, addressed, all, state })
    }

    /// The SIM leaves where it was, and the hardware's former SIM is in none.
    fn move_sim(&mut self, sim: usize, hardware: usize) {
        if let Some(former) = self.sim_in(hardware) {
            self.slot[former] = None;
        }
        self.slot[sim] = Some(hardware);
    }

    fn plug(&mut self, hardware: usize, sim: usize, digits: &mut Digits) -> Option<Announcement> {
        if !has_slot(hardware) {
            return None;
        }
        self.move_sim(sim, hardware);
        let detected = self.snapshot("Device Detection", Vec::new(), hardware, digits);
        Some(Announcement { silent: digits.flip(), ..detected })
    }

    fn activate(&mut self, hardware: usize, line: usize, digits: &mut Digits) -> Option<Announcement> {
        let carrier = self.carrier_in(hardware)?;
        let is_recycled = self.carrier[line].is_some_and(|former| former != carrier);
        let passes = self.put_line(line, hardware);
        let message = match digits.pick(3) {
            0 => self.snapshot("Activate", self.addressed(hardware, digits), hardware, digits),
            _ => {
                let given = self.some(hardware, digits);
                let mut requested: Names = hardware_names(hardware)
                    .into_iter()
                    .chain(self.sim_names_in(hardware).into_iter().take(1))
                    .collect();
                requested.truncate(1 + digits.pick(requested.len()));
                if is_embedded(hardware) {
                    requested.truncate(1);
                }
                let requested: Names = requested.into_iter().chain(line_names(line).into_iter().take(1)).collect();
                let mut together = identifiers(&requested);
                together.extend(identifiers(&given));
                announce(together, Statement::Activated { requested, given })
            }
        };
        let silent = !passes && digits.pick(4) == 0 && (is_recycled || digits.flip());
        Some(Announcement { in_order: passes, silent, ..message })
    }

    fn deactivate(&mut self, hardware: usize, digits: &mut Digits) -> Option<Announcement> {
        let line = self.line_in(hardware)?;
        let addressed = self.addressed_by_some(hardware, digits);
        self.carrier[line] = None;
        let message = if digits.flip() {
            self.snapshot("Deactivate", addressed, hardware, digits)
        } else {
            let mut names = addressed;
            let mdn = line_names(line).remove(0);
            if !names.contains(&mdn) {
                names.push(mdn);
            }
            let staying: Names = names.iter().filter(|one| !line_names(line).contains(one)).cloned().collect();
            announce(identifiers(&staying), Statement::Deactivated { names })
        };
        Some(Announcement { silent: digits.pick(4) == 0, ..message })
    }

    fn suspend(&self, hardware: usize, digits: &mut Digits) -> Option<Announcement> {
        self.line_in(hardware)?;
        Some(match digits.pick(4) {
            0 => self.snapshot("Suspend", self.addressed(hardware, digits), hardware, digits),
            1 => self.snapshot("Restore", self.addressed(hardware, digits), hardware, digits),
            2 => {
                let names = self.some(hardware, digits);
                announce(identifiers(&names), Statement::Suspended { names })
            }
            _ => {
                let names = self.some(hardware, digits);
                announce(identifiers(&names), Statement::Restored { names })
            }
        })
    }

    fn change_number(&mut self, hardware: usize, line: usize, digits: &mut Digits) -> Option<Announcement> {
        let former = self.line_in(hardware)?;
        let addressed = self.addressed_by_some(hardware, digits);
        let passes = self.put_line(line, hardware);
        let new = line_names(line).into_iter().take(1 + digits.pick(2)).collect::<Names>();
        let message = if digits.flip() {
            self.snapshot("ChangeMDN", addressed, hardware, digits)
        } else {
            changed(addressed, new, |one| !line_names(former).contains(one))
        };
        Some(Announcement { in_order: passes, silent: !passes && digits.pick(4) == 0, ..message })
    }

    /// The unit's line goes on with other hardware; a SIM goes with it where both have a slot.
    fn swap_hardware(&mut self, from: usize, to: usize, digits: &mut Digits) -> Option<Announcement> {
        let line = self.line_in(from)?;
        if from == to {
            return None;
        }
        let addressed = self.addressed_by_some(from, digits);
        let sim = self.sim_in(from);
        let passes = match sim {
            Some(sim) if has_slot(to) => {
                self.move_sim(sim, to);
                false
            }
            _ => {
                self.carrier_in(to)?;
                self.put_line(line, to)
            }
        };
        let change = match (is_simless(from), is_simless(to)) {
            (false, false) => "changeIMEI",
            (true, true) => "ChangeEsn",
            (true, false) => "changeDevice3gTo4g",
            (false, true) => "changeDevice4gTo3g",
        };
        let new_sim = if sim.is_some() && has_slot(to) { Vec::new() } else { self.sim_names_in(to) };
        let mut new = hardware_names(to);
        new.truncate(1);
        let new_sim: Names = new_sim.into_iter().take(1).collect();
        match digits.pick(3) {
            // To hardware with a SIM, which alone may be given.
            0 if is_simless(from) && !new_sim.is_empty() => new = new_sim,
            1 => new.extend(new_sim),
            // A line that goes to another SIM is said to.
            _ if has_slot(to) => new.extend(new_sim),
            _ => {}
        }
        let stays = |one: &DeviceIdentifier| line_names(line).contains(one) || self.sim_names_in(to).contains(one);
        let message =
            if digits.flip() { self.snapshot(change, addressed, to, digits) } else { changed(addressed, new, stays) };
        Some(Announcement { in_order: passes, silent: !passes && digits.pick(4) == 0, ..message })
    }

    /// The unit's line goes on with another SIM or profile.
    fn swap_sim(&mut self, hardware: usize, sim: usize, digits: &mut Digits) -> Option<Announcement> {
        let line = self.line_in(hardware)?;
        let addressed = self.addressed_by_some(hardware, digits);
        if is_embedded(hardware) {
            self.profile[hardware] = 1 - self.profile[hardware];
        } else if has_slot(hardware) {
            self.move_sim(sim, hardware);
            self.put_line(line, hardware);
        } else {
            return None;
        }
        let new: Names = self.sim_names_in(hardware).into_iter().take(1).collect();
        let full = self.full(hardware);
        let message = if digits.flip() {
            self.snapshot("changeICCID", addressed, hardware, digits)
        } else {
            changed(addressed, new, |one| full.contains(one) && one.kind != "iccid")
        };
        Some(Announcement { silent: digits.pick(4) == 0, ..message })
    }

    /// The final message with every identifier of a unit. Only a snapshot states that a unit has no SIM or no line.
    pub(crate) fn description(&self, hardware: usize, manner: u32) -> Announcement {
        let all = self.full(hardware);
        let together = identifiers(&all);
        let is_whole = self.line_in(hardware).is_some();
        announce(
            together,
            match manner % 4 {
                0 if is_whole => Statement::Usage { names: all },
                1 if is_whole => Statement::Restored { names: all },
                0 | 2 => {
                    Statement::Snapshot { change: "ChangeServicePlan", addressed: Vec::new(), all, state: "active" }
                }
                _ => Statement::Snapshot { change: "Suspend", addressed: Vec::new(), all, state: "suspend" },
            },
        )
    }

    /// A true message that changes nothing, about a world that does not change any more.
    pub(crate) fn remark(&self, step: &Step) -> Announcement {
        let mut digits = Digits(step.manner);
        let hardware = usize::from(step.hardware) % HARDWARE;
        match digits.pick(5) {
            0 => self.snapshot("ChangeServicePlan", self.addressed(hardware, &mut digits), hardware, &mut digits),
            1 => self.snapshot("Suspend", self.addressed(hardware, &mut digits), hardware, &mut digits),
            2 => announce(Vec::new(), Statement::Availability { names: self.some(hardware, &mut digits) }),
            _ => {
                let names = self.some(hardware, &mut digits);
                announce(identifiers(&names), Statement::Usage { names })
            }
        }
    }
}

fn announce(together: Vec<Identifier>, statement: Statement) -> Announcement {
    Announcement { statement, together, in_order: false, silent: false }
}

/// The answer to a change of identifiers. Of the old ones, some stay the device's.
fn changed(old: Names, new: Names, stays: impl Fn(&DeviceIdentifier) -> bool) -> Announcement {
    let staying: Names = old.iter().filter(|one| stays(one)).chain(&new).cloned().collect();
    announce(identifiers(&staying), Statement::Changed { old, new })
}

/// Hardware and SIM that need not belong together, and perhaps a line.
fn wrong_pair(hardware: usize, other: usize, digits: &mut Digits) -> Names {
    let mut names: Names = hardware_names(hardware).into_iter().take(1).collect();
    names.extend(sim_names(other % SIMS).into_iter().take(1));
    if digits.flip() {
        names.extend(line_names(digits.pick(LINES)).into_iter().take(1));
    }
    names
}
