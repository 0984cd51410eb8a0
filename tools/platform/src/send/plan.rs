//! The order of messages: all samples of the chosen services for one device, then for the next, repeatedly.

use std::sync::Arc;

use super::rubbish::Rubbish;
use super::template::Template;
use crate::random::uuid;

/// A message of a service.
pub(super) struct Sample {
    pub(super) service: String,
    pub(super) file: String,
    pub(super) template: Template,
}

/// A planned message.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) sample: Arc<Sample>,
    pub(super) device: u64,
    pub(super) request_id: String,
    pub(super) duplicate: bool,
    pub(super) rubbish: Option<Rubbish>,
}

/// The remaining messages.
pub(super) struct Plan {
    pub(super) samples: Vec<Arc<Sample>>,
    pub(super) devices: u64,
    /// The number of messages; unlimited if `None`.
    pub(super) count: Option<u64>,
    /// The fraction of messages that are sent twice.
    pub(super) duplicates: f64,
    /// The fraction of messages that are replaced by rubbish.
    pub(super) rubbish: f64,
    /// The maximum number of positions by which messages are reordered.
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
        let samples = self.samples.len() as u64;
        let round = self.made.checked_div(samples)?;
        let sample = self.samples.get((self.made % samples) as usize)?.clone();
        let request_id = uuid(&mut self.random);
        let planned =
            Planned { sample, device: round % self.devices.max(1), request_id, duplicate: false, rubbish: None };
        self.made += 1;
        if self.rubbish > 0.0 && self.random.f64() < self.rubbish {
            self.waiting.push(Planned { rubbish: Rubbish::random(&mut self.random), ..planned });
            return Some(());
        }
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

    fn plan(samples: usize, count: u64) -> Plan {
        let sample = |number: usize| {
            let template = Template::read(b"{}").unwrap();
            Arc::new(Sample { service: String::new(), file: number.to_string(), template })
        };
        Plan {
            samples: (0..samples).map(sample).collect(),
            devices: 2,
            count: Some(count),
            duplicates: 0.0,
            rubbish: 0.0,
            reorder: 0,
            random: fastrand::Rng::with_seed(1),
            made: 0,
            waiting: Vec::new(),
        }
    }

    fn names(plan: Plan) -> Vec<String> {
        plan.map(|planned| format!("{} of {}", planned.sample.file, planned.device)).collect()
    }

    #[test]
    fn a_device_receives_all_messages_in_order_before_the_next_device() {
        assert_eq!(names(plan(2, 5)), ["0 of 0", "1 of 0", "0 of 1", "1 of 1", "0 of 0"]);
        assert_eq!(names(plan(0, 5)), [""; 0]);
    }

    #[test]
    fn duplicates_have_the_same_request_id_and_are_additional() {
        let all: Vec<_> = Plan { duplicates: 1.0, ..plan(3, 6) }.collect();
        let ids: std::collections::HashSet<_> = all.iter().map(|planned| &planned.request_id).collect();
        assert_eq!((all.len(), ids.len(), all.iter().filter(|planned| planned.duplicate).count()), (12, 6, 6));
    }

    #[test]
    fn rubbish_replaces_messages_and_has_no_duplicates() {
        let all: Vec<_> = Plan { duplicates: 1.0, rubbish: 0.5, ..plan(3, 100) }.collect();
        let rubbish = all.iter().filter(|planned| planned.rubbish.is_some()).count();
        let duplicates = all.iter().filter(|planned| planned.duplicate).count();
        assert!((20..80).contains(&rubbish), "{rubbish}");
        assert_eq!((all.len(), duplicates), (100 + duplicates, 100 - rubbish));
    }

    #[test]
    fn reordering_loses_nothing_and_is_determined_by_the_seed() {
        let reordered = || names(Plan { reorder: 5, devices: 100, ..plan(1, 50) });
        let in_order = names(Plan { devices: 100, ..plan(1, 50) });
        assert_eq!(reordered(), reordered());
        assert_ne!(reordered(), in_order);
        let mut sorted = reordered();
        sorted.sort_by_key(|name| name.rsplit(' ').next().unwrap().parse::<u32>().unwrap());
        assert_eq!(sorted, in_order);
    }
}
