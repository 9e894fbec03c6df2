//! Which worker a thread is. What belongs to a worker (its slots, its ingest's credit) is for one thread at a time, and a thread
//! that replaces a dead one has what that one had.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The numbers that no thread has.
#[derive(Debug, Clone)]
pub(super) struct Numbers(Arc<Mutex<BTreeSet<usize>>>);

/// A number, for as long as its thread lives.
#[derive(Debug)]
pub(super) struct Number {
    number: usize,
    numbers: Numbers,
}

impl Numbers {
    /// Numbers from 0, for so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self(Arc::new(Mutex::new((0..workers).collect())))
    }

    /// The lowest number that is free; none if there are more threads than workers.
    pub(super) fn take(&self) -> Option<Number> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop_first().map(|number| Number {
            number,
            numbers: self.clone(),
        })
    }
}

impl Number {
    pub(super) fn get(&self) -> usize {
        self.number
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let mut free = self
            .numbers
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        free.insert(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_replaces_a_dead_one_has_its_number() {
        let numbers = Numbers::new(3);
        let threads: Vec<_> = (0..3).map(|_| numbers.take().unwrap()).collect();
        let taken: Vec<usize> = threads.iter().map(Number::get).collect();
        assert_eq!(taken, [0, 1, 2]);
        assert!(numbers.take().is_none(), "one thread for each");
        let mut threads = threads.into_iter();
        let _first = threads.next();
        drop(threads.next());
        assert_eq!(numbers.take().map(|number| number.get()), Some(1));
    }
}
