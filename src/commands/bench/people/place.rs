//! Where a person stands: the exact total they hold and the window it goes through, across all their sessions.

use std::collections::VecDeque;

use super::wire::{Hello, Totals, WindowIn};

/// Totals that are remembered, to be compared with what the node says later.
const REMEMBERED: usize = 32;

/// What a person has added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The newest last.
    recent: VecDeque<Totals>,
}

/// How a session takes up where the last one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    /// There was none before.
    First,
    /// At the same window with the same total.
    GoesOn,
    /// At another window: the node does not reach back that far.
    Elsewhere,
    /// With a smaller total: the node counts anew, as after a restart.
    Anew,
}

/// What may never happen, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// Numbers of windows rise strictly in a session.
    #[error("a window came that had been there already")]
    Again,
    /// `since` was honoured, and yet the total at that window is more than was added up.
    #[error("a session went on with a total that was not the person's")]
    OtherTotal,
    /// A window before the greeting.
    #[error("a window came before the hello")]
    NoHello,
}

impl Place {
    /// The newest total.
    pub(super) fn newest(&self) -> Option<Totals> {
        self.recent.back().copied()
    }

    /// The last window that was added up: what to come back with.
    pub(super) fn since(&self) -> Option<u64> {
        self.newest().map(|newest| newest.seq)
    }

    /// The total through that window, if the person stood there and has not forgotten it.
    pub(super) fn at(&self, seq: u64) -> Option<u64> {
        let mut backwards = self.recent.iter().rev();
        let found = backwards.find(|totals| totals.seq == seq);
        found.map(|totals| totals.total)
    }

    /// Stands where the session begins: its totals are the base from there on.
    ///
    /// # Errors
    ///
    /// It says to go on where the last one ended, and does not.
    pub(super) fn greet(&mut self, hello: &Hello) -> Result<Greeting, Fault> {
        let Hello { seq, total, .. } = *hello;
        let greeting = match self.newest() {
            None => Ok(Greeting::First),
            Some(mine) if total < mine.total => Ok(Greeting::Anew),
            Some(mine) if !hello.recovered || seq != mine.seq => Ok(Greeting::Elsewhere),
            Some(mine) if total > mine.total => Err(Fault::OtherTotal),
            Some(_) => Ok(Greeting::GoesOn),
        };
        if greeting != Ok(Greeting::GoesOn) {
            self.recent.clear();
            self.stand(seq, total);
        }
        greeting
    }

    /// Adds a window.
    ///
    /// # Errors
    ///
    /// It is not the next one.
    pub(super) fn add(&mut self, window: &WindowIn) -> Result<(), Fault> {
        let mine = self.newest().ok_or(Fault::NoHello)?;
        if window.seq <= mine.seq {
            return Err(Fault::Again);
        }
        self.stand(window.seq, mine.total.saturating_add(window.total));
        Ok(())
    }

    fn stand(&mut self, seq: u64, total: u64) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(Totals { seq, total });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(seq: u64, total: u64, recovered: bool) -> Hello {
        Hello {
            cluster: 1,
            window_ms: 2_000,
            seq,
            recovered,
            total,
        }
    }

    fn window(seq: u64, total: u64) -> WindowIn {
        WindowIn {
            seq,
            span: 1,
            end_ms: 0,
            total,
        }
    }

    fn stands_at(place: &Place, seq: u64, total: u64) -> bool {
        place.newest() == Some(Totals { seq, total })
    }

    #[test]
    fn totals_go_on_across_sessions() {
        let mut place = Place::default();
        assert_eq!(place.since(), None);
        assert_eq!(place.greet(&hello(5, 100, true)), Ok(Greeting::First));
        assert_eq!(place.add(&window(6, 7)), Ok(()));
        // Away for four windows, which come as one.
        assert_eq!(place.since(), Some(6));
        assert_eq!(place.greet(&hello(6, 107, true)), Ok(Greeting::GoesOn));
        assert_eq!(place.add(&window(10, 40)), Ok(()));
        assert!(stands_at(&place, 10, 147));
        assert_eq!(
            (place.at(6), place.at(8), place.at(10)),
            (Some(107), None, Some(147))
        );
    }

    #[test]
    fn beyond_retention_the_totals_of_the_hello_are_the_base() {
        let mut place = Place::default();
        assert_eq!(place.greet(&hello(5, 100, true)), Ok(Greeting::First));
        assert_eq!(
            place.greet(&hello(900, 250, false)),
            Ok(Greeting::Elsewhere)
        );
        assert!(stands_at(&place, 900, 250));
        assert_eq!(place.at(5), None);
    }

    #[test]
    fn a_node_that_counts_anew_is_no_fault_of_adding() {
        let mut place = Place::default();
        assert_eq!(place.greet(&hello(5, 100, true)), Ok(Greeting::First));
        assert_eq!(place.greet(&hello(5, 0, true)), Ok(Greeting::Anew));
        assert!(stands_at(&place, 5, 0));
    }

    #[test]
    fn what_does_not_rise_or_go_on_is_a_fault() {
        let mut place = Place::default();
        assert_eq!(place.add(&window(6, 7)), Err(Fault::NoHello));
        assert_eq!(place.greet(&hello(5, 100, true)), Ok(Greeting::First));
        assert_eq!(place.add(&window(5, 1)), Err(Fault::Again));
        assert_eq!(place.greet(&hello(5, 101, true)), Err(Fault::OtherTotal));
    }

    #[test]
    fn a_long_stay_takes_no_more_memory() {
        let mut place = Place::default();
        assert_eq!(place.greet(&hello(0, 0, true)), Ok(Greeting::First));
        for seq in 1..1_000 {
            assert_eq!(place.add(&window(seq, 1)), Ok(()));
        }
        assert_eq!(place.recent.len(), REMEMBERED);
        assert!(stands_at(&place, 999, 999));
    }
}
