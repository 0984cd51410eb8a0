//! Which message goes out next: an endless round of the messages of all chosen services, for one device after another.

use std::sync::Arc;

use super::template::Template;
use crate::random::uuid;

/// A message of a service.
pub(super) struct Letter {
    pub(super) service: String,
    pub(super) file: String,
    pub(super) template: Template,
}

/// One message to be sent.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) letter: Arc<Letter>,
    pub(super) device: u64,
    pub(super) request_id: String,
    pub(super) duplicate: bool,
}

/// What is to come.
pub(super) struct Plan {
    pub(super) letters: Vec<Arc<Letter>>,
    pub(super) devices: u64,
    /// How many messages; for ever without.
    pub(super) count: Option<u64>,
    /// The share of messages that come twice.
    pub(super) duplicates: f64,
    /// A message may overtake so many others.
    pub(super) reorder: usize,
    pub(super) random: fastrand::Rng,
    pub(super) made: u64,
    pub(super) waiting: Vec<Planned>,
}

impl Plan {
    fn make(&mut self) -> Option<()> {
        if self.count.is_some_and(|count| self.made >= count) {
            return None;
        }
        let letters = self.letters.len() as u64;
        let round = self.made.checked_div(letters)?;
        let letter = self.letters.get((self.made % letters) as usize)?.clone();
        let request_id = uuid(&mut self.random);
        let planned = Planned { letter, device: round % self.devices.max(1), request_id, duplicate: false };
        self.made += 1;
        if self.random.f64() < self.duplicates {
            self.waiting.push(Planned { duplicate: true, ..planned.clone() });
        }
        self.waiting.push(planned);
        Some(())
    }
}

impl Iterator for Plan {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        while self.waiting.len() <= self.reorder && self.make().is_some() {}
        let last = self.waiting.len().checked_sub(1)?;
        let place = self.random.usize(..=self.reorder.min(last));
        Some(self.waiting.remove(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(letters: usize, count: u64) -> Plan {
        let letter = |number: usize| {
            let template = Template::read(b"{}").unwrap();
            Arc::new(Letter { service: String::new(), file: number.to_string(), template })
        };
        Plan {
            letters: (0..letters).map(letter).collect(),
            devices: 2,
            count: Some(count),
            duplicates: 0.0,
            reorder: 0,
            random: fastrand::Rng::with_seed(1),
            made: 0,
            waiting: Vec::new(),
        }
    }

    fn names(plan: Plan) -> Vec<String> {
        plan.map(|planned| format!("{} of {}", planned.letter.file, planned.device)).collect()
    }

    #[test]
    fn a_device_gets_all_messages_in_order_before_the_next_one_does() {
        assert_eq!(names(plan(2, 5)), ["0 of 0", "1 of 0", "0 of 1", "1 of 1", "0 of 0"]);
        assert_eq!(names(plan(0, 5)), [""; 0]);
    }

    #[test]
    fn duplicates_have_the_same_request_id_and_come_on_top() {
        let all: Vec<_> = Plan { duplicates: 1.0, ..plan(3, 6) }.collect();
        let ids: std::collections::HashSet<_> = all.iter().map(|planned| &planned.request_id).collect();
        assert_eq!((all.len(), ids.len(), all.iter().filter(|planned| planned.duplicate).count()), (12, 6, 6));
    }

    #[test]
    fn reordering_loses_nothing_and_the_seed_decides() {
        let reordered = || names(Plan { reorder: 5, devices: 100, ..plan(1, 50) });
        let in_order = names(Plan { devices: 100, ..plan(1, 50) });
        assert_eq!(reordered(), reordered());
        assert_ne!(reordered(), in_order);
        let mut sorted = reordered();
        sorted.sort_by_key(|name| name.rsplit(' ').next().unwrap().parse::<u32>().unwrap());
        assert_eq!(sorted, in_order);
    }
}
