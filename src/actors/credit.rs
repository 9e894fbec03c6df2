//! What may be handed in to the ingest of a worker without asking it first: credit-based flow control.
//!
//! The ingest gives as much credit as it may hold, whoever hands reactions in takes it, and it comes back when the ingest has
//! handed them on. What is taken therefore is all that the ingest holds, or will find in its mailbox.

use std::cell::Cell;

/// The credit of one ingest, through all of its lives. It stays on its worker's thread.
#[derive(Debug)]
pub struct Credit {
    limit: usize,
    taken: Cell<usize>,
    is_open: Cell<bool>,
}

impl Credit {
    /// Credit for `limit` reactions.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: Cell::new(0),
            is_open: Cell::new(true),
        }
    }

    /// Takes credit for that many reactions; false if there is not so much.
    #[must_use]
    pub fn take(&self, reactions: usize) -> bool {
        let taken = self.taken.get() + reactions;
        let is_granted = self.is_open.get() && taken <= self.limit;
        if is_granted {
            self.taken.set(taken);
        }
        is_granted
    }

    /// That many reactions are held no more.
    pub fn give_back(&self, reactions: usize) {
        self.taken.set(self.taken.get().saturating_sub(reactions));
    }

    /// Reactions that credit was taken for.
    pub fn taken(&self) -> usize {
        self.taken.get()
    }

    /// Gives no more: the ingest is on its way out.
    pub fn close(&self) {
        self.is_open.set(false);
    }

    /// Whether it gives no more in this life.
    pub fn is_closed(&self) -> bool {
        !self.is_open.get()
    }

    /// A new life holds nothing, and what waited for the last one went with it.
    pub fn renew(&self) {
        self.taken.set(0);
        self.is_open.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_given_than_the_limit_and_all_or_nothing() {
        let credit = Credit::new(5);
        assert!(credit.take(3));
        assert!(!credit.take(3));
        assert_eq!(credit.taken(), 3);
        assert!(credit.take(2));
        assert!(!credit.take(1));
        credit.give_back(4);
        assert_eq!(credit.taken(), 1);
        assert!(credit.take(4));
    }

    #[test]
    fn who_is_on_the_way_out_gives_none_until_another_life_begins() {
        let credit = Credit::new(5);
        assert!(credit.take(1));
        credit.close();
        assert!(!credit.take(1));
        assert_eq!(credit.taken(), 1, "what is out stays out");
        assert!(credit.is_closed());
        credit.renew();
        assert_eq!(credit.taken(), 0);
        assert!(credit.take(5));
    }
}
