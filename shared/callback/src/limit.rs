//! Limits the number of values in a message: a value of 2 bytes can take up to 640 bytes of memory.

use crate::{MAX_OBJECTS, MAX_VALUES, ParseError};

/// Counts the values of a message while it is read.
#[derive(Default)]
pub(crate) struct Limit {
    values: usize,
    objects: usize,
}

impl Limit {
    /// Counts a value of any kind.
    pub(crate) fn value(&mut self) -> Result<(), ParseError> {
        count(&mut self.values, MAX_VALUES)
    }

    /// Counts an object or an element with members.
    pub(crate) fn object(&mut self) -> Result<(), ParseError> {
        count(&mut self.objects, MAX_OBJECTS)
    }
}

fn count(counted: &mut usize, most: usize) -> Result<(), ParseError> {
    *counted += 1;
    if *counted > most { Err(ParseError::TooManyValues) } else { Ok(()) }
}
