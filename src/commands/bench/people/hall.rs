//! What all people of the crowd have done and seen: they write into it, the display and the closing check read it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::super::super::backoff::Backoff;
use super::delays::Delays;
use super::place::{Fault, Greeting, Place};
use super::wire::{Hello, Totals, WindowIn};
use crate::domain::{Emoji, Tally};

/// Different troubles that are counted; words come from the node, and are not to fill the memory.
const MAX_TROUBLES: usize = 40;
/// Totals of the node that are remembered.
const REMEMBERED: usize = 64;

/// Where somebody is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Whereabouts {
    #[default]
    Away,
    /// Registering, connecting, or connecting again.
    Coming,
    Here,
}

/// One person.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) is: Whereabouts,
    /// Where they are registered.
    pub(super) cluster: Option<u64>,
    pub(super) place: Place,
    /// Until when they hold back, as the node has asked for.
    holds_back: Option<Instant>,
    backoff: Backoff,
}

/// What became of the reactions, and what was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) accepted: u64,
    pub(super) limited: u64,
    pub(super) refused: u64,
    /// Nobody knows whether they count.
    pub(super) unknown: u64,
    /// Frames of windows.
    pub(super) windows: u64,
    /// Of which summed several.
    pub(super) merged: u64,
    /// Visits after the first.
    pub(super) returns: u64,
    /// Sessions that were lost and opened again.
    pub(super) reconnects: u64,
    /// Greetings at another window than the one left, as after a time beyond retention.
    pub(super) elsewhere: u64,
    /// Greetings by a node that had begun to count anew.
    pub(super) anew: u64,
    /// Windows or greetings that may never be.
    pub(super) faults: u64,
}

impl Counts {
    /// Reactions that have not been answered yet.
    pub(super) fn on_their_way(&self) -> u64 {
        let answered = self.accepted + self.limited + self.refused + self.unknown;
        self.sent.saturating_sub(answered)
    }
}

/// What the answer to a reaction means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    Limited,
    Refused,
    Unknown,
}

impl Outcome {
    /// By the code of an error.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "limited" => Self::Limited,
            "unknown_outcome" | "unavailable" => Self::Unknown,
            _ => Self::Refused,
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Hall {
    pub(super) seats: Vec<Seat>,
    pub(super) counts: Counts,
    /// Accepted reactions by emoji.
    pub(super) emojis: Tally,
    pub(super) answers: Delays,
    pub(super) arrivals: Delays,
    /// Length of a window, as the node says.
    pub(super) window: Duration,
    /// What went wrong, in words, and how often.
    pub(super) troubles: BTreeMap<String, u64>,
    /// What the node says, by window.
    told: BTreeMap<u64, u64>,
}

/// How the watchers' totals compare with the node's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Agreement {
    /// They stood at the node's total of the same window.
    pub(super) agree: usize,
    /// At another one.
    pub(super) differ: usize,
    /// There is no window to compare yet.
    pub(super) behind: usize,
}

impl Hall {
    pub(super) fn new(people: u32) -> Self {
        Self {
            seats: (0..people).map(|_| Seat::default()).collect(),
            counts: Counts::default(),
            emojis: Tally::new(),
            answers: Delays::default(),
            arrivals: Delays::default(),
            window: Duration::from_secs(2),
            troubles: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Something went wrong.
    pub(super) fn trouble(&mut self, words: &str) {
        if let Some(count) = self.troubles.get_mut(words) {
            *count += 1;
        } else if self.troubles.len() < MAX_TROUBLES {
            self.troubles.insert(words.to_owned(), 1);
        } else {
            *self.troubles.entry("others".to_owned()).or_default() += 1;
        }
    }

    /// A reaction has been answered, or never will be.
    pub(super) fn answered(&mut self, number: usize, emoji: Emoji, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => {
                self.counts.accepted += 1;
                self.emojis.add(emoji, 1);
                self.seats[number].backoff.reset();
            }
            Outcome::Limited => self.counts.limited += 1,
            Outcome::Refused => self.counts.refused += 1,
            Outcome::Unknown => self.counts.unknown += 1,
        }
    }

    /// Somebody reacts no more until the node's time is over, and a random one that grows with every refusal.
    pub(super) fn hold_back(&mut self, number: usize, asked: Option<Duration>, chance: f64) {
        let seat = &mut self.seats[number];
        let wait = asked.unwrap_or_default() + seat.backoff.next(chance);
        seat.holds_back = seat.holds_back.max(Some(Instant::now() + wait));
    }

    /// Whether they may react.
    pub(super) fn may_react(&self, number: usize) -> bool {
        let until = self.seats[number].holds_back;
        until.is_none_or(|until| until <= Instant::now())
    }

    /// A session has greeted somebody.
    pub(super) fn greeted(&mut self, number: usize, hello: &Hello) {
        self.window = Duration::from_millis(hello.window_ms.max(1));
        let seat = &mut self.seats[number];
        seat.is = Whereabouts::Here;
        match seat.place.greet(hello) {
            Ok(Greeting::First | Greeting::GoesOn) => {}
            Ok(Greeting::Elsewhere) => self.counts.elsewhere += 1,
            Ok(Greeting::Anew) => self.counts.anew += 1,
            Err(fault) => self.fault(fault),
        }
    }

    /// Somebody has seen a window; `delay_ms` is from its end, unless it was late for a reason.
    pub(super) fn saw(&mut self, number: usize, window: &WindowIn, delay_ms: Option<f64>) {
        self.counts.windows += 1;
        if window.span > 1 {
            self.counts.merged += 1;
        } else if let Some(delay_ms) = delay_ms {
            self.arrivals.add(delay_ms);
        }
        if let Err(fault) = self.seats[number].place.add(window) {
            self.fault(fault);
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.counts.faults += 1;
        self.trouble(&fault.to_string());
    }

    /// The node has told its totals.
    pub(super) fn told(&mut self, totals: Totals) {
        // A node that counts anew takes back what it said.
        if self
            .newest_told()
            .is_some_and(|newest| totals.total < newest.total)
        {
            self.told.clear();
        }
        self.told.insert(totals.seq, totals.total);
        if self.told.len() > REMEMBERED {
            self.told.pop_first();
        }
    }

    /// What it told last.
    pub(super) fn newest_told(&self) -> Option<Totals> {
        let (&seq, &total) = self.told.last_key_value()?;
        Some(Totals { seq, total })
    }

    /// Compares watchers with the node, each at the newest window from `from` on that both know.
    pub(super) fn compare<'a>(
        &self,
        watchers: impl Iterator<Item = &'a Seat>,
        from: u64,
    ) -> Agreement {
        let mut agreement = Agreement::default();
        for seat in watchers {
            let mut told = self.told.range(from..).rev();
            let common = told.find_map(|(&seq, &total)| Some((seat.place.at(seq)?, total)));
            match common {
                Some((mine, total)) if mine == total => agreement.agree += 1,
                Some(_) => agreement.differ += 1,
                None => agreement.behind += 1,
            }
        }
        agreement
    }

    /// Those who are here.
    pub(super) fn here(&self) -> impl Iterator<Item = &Seat> {
        let seats = self.seats.iter();
        seats.filter(|seat| seat.is == Whereabouts::Here)
    }

    /// Those who have ever been here.
    pub(super) fn watchers(&self) -> impl Iterator<Item = &Seat> {
        let seats = self.seats.iter();
        seats.filter(|seat| seat.place.newest().is_some())
    }

    pub(super) fn num(&self, is: Whereabouts) -> usize {
        self.seats.iter().filter(|seat| seat.is == is).count()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn hello(seq: u64, total: u64) -> Hello {
        Hello {
            cluster: 1,
            window_ms: 100,
            seq,
            recovered: true,
            total,
        }
    }

    fn window(seq: u64, total: u64, span: u64) -> WindowIn {
        WindowIn {
            seq,
            span,
            end_ms: 0,
            total,
        }
    }

    #[test]
    fn watchers_are_compared_at_a_window_that_the_node_has_told() {
        let mut hall = Hall::new(4);
        hall.told(Totals { seq: 5, total: 10 });
        hall.told(Totals { seq: 7, total: 30 });
        hall.greeted(0, &hello(5, 10));
        hall.greeted(1, &hello(5, 11));
        hall.greeted(2, &hello(6, 20));
        let agreement = |hall: &Hall, from| hall.compare(hall.watchers(), from);
        let expected = Agreement {
            agree: 1,
            differ: 1,
            behind: 1,
        };
        assert_eq!(agreement(&hall, 0), expected);
        // Nobody has what the node says of the later window, until it comes.
        assert_eq!(agreement(&hall, 6).behind, 3);
        hall.saw(2, &window(7, 10, 1), Some(1.0));
        assert_eq!(agreement(&hall, 6).agree, 1);
    }

    #[test]
    fn frames_that_sum_several_windows_have_no_delay() {
        let mut hall = Hall::new(1);
        hall.greeted(0, &hello(5, 10));
        hall.saw(0, &window(9, 10, 4), Some(9_000.0));
        hall.saw(0, &window(10, 1, 1), Some(3.0));
        assert_eq!((hall.counts.windows, hall.counts.merged), (2, 1));
        assert_eq!(hall.arrivals.typical().p99, Some(3.0));
    }

    #[test]
    fn every_reaction_is_on_its_way_until_it_is_answered() {
        let mut hall = Hall::new(1);
        hall.counts.sent = 4;
        let fire = Emoji::parse("🔥").unwrap();
        for (code, outcome) in [
            ("limited", Outcome::Limited),
            ("overloaded", Outcome::Refused),
            ("unknown_outcome", Outcome::Unknown),
        ] {
            assert_eq!(Outcome::of(code), outcome);
            hall.answered(0, fire, outcome);
        }
        assert_eq!(hall.counts.on_their_way(), 1);
        hall.answered(0, fire, Outcome::Accepted);
        assert_eq!(hall.counts.on_their_way(), 0);
        assert_eq!(hall.emojis.total(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_to_wait_holds_back_for_at_least_that_long() {
        let mut hall = Hall::new(1);
        assert!(hall.may_react(0));
        hall.hold_back(0, Some(Duration::from_secs(2)), 0.5);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!hall.may_react(0));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert!(hall.may_react(0));
    }

    #[test]
    fn troubles_do_not_fill_the_memory() {
        let mut hall = Hall::new(1);
        for number in 0..1_000 {
            hall.trouble(&format!("trouble {number}"));
        }
        assert_eq!(hall.troubles.len(), MAX_TROUBLES + 1);
        assert_eq!(hall.troubles.values().sum::<u64>(), 1_000);
    }
}
