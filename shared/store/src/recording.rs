//! What became of the parts of a message.

use std::collections::BTreeSet;

use crate::error::StoreError;
use crate::parts::Part;

/// What became of the observations of a message.
#[derive(Debug, Default)]
pub struct Recording {
    /// How many were recorded now.
    pub recorded: usize,
    /// How many had been recorded before.
    pub duplicates: usize,
    /// Those that are too large for a row or a transaction.
    pub oversized: Vec<Oversized>,
    /// The positions of those that were not recorded, or not known to be recorded, before the deadline.
    pub pending: Vec<usize>,
    /// Why: the first error.
    pub failure: Option<StoreError>,
    /// The positions of those that are recorded, now or before.
    settled: BTreeSet<usize>,
}

/// An observation that is too large for a row or a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversized {
    /// Its position among the message's observations.
    pub number: usize,
    /// Size of what is too large, as JSON, in bytes.
    pub bytes: usize,
}

impl Recording {
    pub(crate) fn add(&mut self, other: Self) {
        self.recorded += other.recorded;
        self.duplicates += other.duplicates;
        self.oversized.extend(other.oversized);
        self.pending.extend(other.pending);
        self.settled.extend(other.settled);
        self.failure = self.failure.take().or(other.failure);
    }

    /// Counts the parts of one transaction, and moves those to be retried to `retries`. Whether they were written.
    pub(crate) fn count<'p, 'a>(
        &mut self,
        parts: &mut Vec<&'p Part<'a>>,
        written: Result<bool, StoreError>,
        retries: &mut Vec<&'p Part<'a>>,
    ) -> bool {
        let parts = std::mem::take(parts);
        match written {
            Ok(true) => {
                parts.iter().for_each(|part| self.add(Self::recorded(part)));
                return true;
            }
            Ok(false) => retries.extend(parts),
            Err(error) if error.is_retryable() => retries.extend(parts),
            Err(error) => self.add(Self::failed(parts, error)),
        }
        false
    }

    /// None of these parts is known to be recorded.
    pub(crate) fn failed<'p, 'a: 'p>(parts: impl IntoIterator<Item = &'p Part<'a>>, error: StoreError) -> Self {
        let pending = parts.into_iter().map(|part| part.number).collect();
        Self { pending, failure: Some(error), ..Self::default() }
    }

    pub(crate) fn recorded(part: &Part<'_>) -> Self {
        Self { recorded: 1, settled: BTreeSet::from([part.number]), ..Self::default() }
    }

    pub(crate) fn duplicate(part: &Part<'_>) -> Self {
        Self { duplicates: 1, settled: BTreeSet::from([part.number]), ..Self::default() }
    }

    pub(crate) fn oversized(part: &Part<'_>, bytes: usize) -> Self {
        Self { oversized: vec![Oversized { number: part.number, bytes }], ..Self::default() }
    }

    /// At the deadline: what is not known to be recorded is pending.
    pub(crate) fn abandon(&mut self, group: &[Part<'_>]) {
        let oversized = |number: usize| self.oversized.iter().any(|part| part.number == number);
        let numbers = group.iter().map(|part| part.number);
        self.pending = numbers.filter(|number| !self.settled.contains(number) && !oversized(*number)).collect();
        self.failure.get_or_insert(StoreError::DeadlineExceeded);
    }
}
