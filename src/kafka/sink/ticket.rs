//! One answer for many records: what became of each is added up as the broker tells it, and the last one gives the answer.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::actors::messages::Shed;
use crate::actors::streams::{Streams, Weights, add};

/// What became of one record. Several fates of one request are a sum of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fate {
    /// Every replica in sync has it.
    Written = 1,
    /// The brokers, or the client for them, will not take it.
    Refused = 2,
    /// It was sent, and nobody has said in time whether it was written.
    Unknown = 4,
    /// There was no room for it in the client.
    NoRoom = 8,
    /// The client is done for and did not take it; another one comes.
    NotTaken = 16,
}

/// The answer to a request whose records had these fates. All of them were written or it is not taken; where some were and
/// some were not, both would be wrong to say.
fn verdict(fates: u8) -> Result<(), Shed> {
    let has = |fate: Fate| fates & fate as u8 != 0;
    if fates == Fate::Written as u8 {
        Ok(())
    } else if has(Fate::Unknown) || has(Fate::Written) {
        Err(Shed::UnknownOutcome)
    } else if has(Fate::Refused) {
        Err(Shed::Refused)
    } else if has(Fate::NotTaken) {
        Err(Shed::Unavailable)
    } else {
        Err(Shed::Overloaded)
    }
}

/// How many reactions are on their way to the brokers, and how many may be.
#[derive(Debug)]
pub(super) struct Backlog {
    max: usize,
    taken: AtomicUsize,
    /// Counts requests that have their answer.
    answered: AtomicU64,
}

impl Backlog {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            taken: AtomicUsize::new(0),
            answered: AtomicU64::new(0),
        }
    }

    /// Takes places for all reactions of a request, or none.
    pub(super) fn take(&self, reactions: usize) -> bool {
        let with_these = |taken: usize| {
            let all = taken.checked_add(reactions)?;
            (all <= self.max).then_some(all)
        };
        let taken = &self.taken;
        taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, with_these)
            .is_ok()
    }

    /// The number of the last answer, if others are waited for.
    pub(super) fn waits_since(&self) -> Option<u64> {
        (self.taken.load(Ordering::Acquire) > 0).then(|| self.answered.load(Ordering::Acquire))
    }

    fn free(&self, reactions: usize) {
        self.answered.fetch_add(1, Ordering::AcqRel);
        self.taken.fetch_sub(reactions, Ordering::AcqRel);
    }
}

/// What a request weighs in the books, by stream.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) weights: Weights,
    pub(super) streams: Arc<Streams>,
}

impl Entry {
    /// Enters the request where its answer puts it.
    pub(super) fn book(&self, answer: Result<(), Shed>) {
        self.streams
            .enter(&self.weights, |row, count| match answer {
                Ok(()) => add(&row.accepted, count),
                Err(shed) => {
                    add(&row.shed, count);
                    if shed == Shed::UnknownOutcome {
                        add(&row.unknown_outcome, count);
                    }
                }
            });
    }
}

/// A request on its way. Every record of it holds the same one.
#[derive(Debug)]
pub(super) struct Ticket {
    reactions: usize,
    outstanding: AtomicUsize,
    fates: AtomicU8,
    entry: Entry,
    backlog: Arc<Backlog>,
    answer: Mutex<Option<oneshot::Sender<Result<(), Shed>>>>,
}

/// Where the answer to a request comes.
pub(super) type Answer = oneshot::Receiver<Result<(), Shed>>;

impl Ticket {
    /// For that many records, which have their places in the backlog.
    pub(super) fn new(
        reactions: usize,
        entry: Entry,
        backlog: &Arc<Backlog>,
    ) -> (Arc<Self>, Answer) {
        let (sender, answer) = oneshot::channel();
        let ticket = Self {
            reactions,
            outstanding: AtomicUsize::new(reactions),
            fates: AtomicU8::new(0),
            entry,
            backlog: backlog.clone(),
            answer: Mutex::new(Some(sender)),
        };
        (Arc::new(ticket), answer)
    }

    /// So many records, each once, have met their fate.
    pub(super) fn settle(&self, records: usize, fate: Fate) {
        self.fates.fetch_or(fate as u8, Ordering::AcqRel);
        if self.outstanding.fetch_sub(records, Ordering::AcqRel) == records {
            self.close();
        }
    }

    /// The books come first: whoever has the answer finds it there.
    fn close(&self) {
        let verdict = verdict(self.fates.load(Ordering::Acquire));
        self.entry.book(verdict);
        self.backlog.free(self.reactions);
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answer.take() {
            // Whoever asked may have gone; the books have it all the same.
            let _ = answer.send(verdict);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Ledger;
    use crate::testkit::stream;

    const FATES: [Fate; 5] = [
        Fate::Written,
        Fate::Refused,
        Fate::Unknown,
        Fate::NoRoom,
        Fate::NotTaken,
    ];

    /// A ticket for a reaction of stream `a` and others of `b`, and the books.
    fn ticket(records: usize, backlog: &Arc<Backlog>) -> (Arc<Ticket>, Answer, Arc<Streams>) {
        let streams = Arc::new(Streams::new(2));
        streams.open(&stream("a")).unwrap();
        streams.open(&stream("b")).unwrap();
        let entry = Entry {
            weights: [(stream("a"), 1), (stream("b"), 7)].into_iter().collect(),
            streams: streams.clone(),
        };
        assert!(backlog.take(records));
        let (ticket, answer) = Ticket::new(records, entry, backlog);
        (ticket, answer, streams)
    }

    fn books(streams: &Streams) -> [Ledger; 2] {
        ["a", "b"].map(|name| streams.row(&stream(name)).unwrap().snapshot())
    }

    #[test]
    fn the_answer_comes_with_the_last_record_and_the_books_have_it_by_then() {
        let backlog = Arc::new(Backlog::new(3));
        let (ticket, mut answer, streams) = ticket(3, &backlog);
        ticket.settle(1, Fate::Written);
        ticket.settle(1, Fate::Written);
        assert!(answer.try_recv().is_err(), "one is still on its way");
        assert_eq!(books(&streams), [Ledger::default(); 2]);
        assert!(!backlog.take(1), "and holds all places");
        ticket.settle(1, Fate::Written);
        assert_eq!(answer.try_recv(), Ok(Ok(())));
        assert_eq!(books(&streams).map(|row| row.accepted), [1, 7]);
        assert!(backlog.take(3));
    }

    #[test]
    fn an_answer_that_nobody_waits_for_is_in_the_books() {
        let (ticket, answer, streams) = ticket(1, &Arc::new(Backlog::new(1)));
        drop(answer);
        ticket.settle(1, Fate::Unknown);
        let rows = books(&streams);
        assert_eq!(rows.map(|row| row.shed), [1, 7]);
        assert_eq!(rows.map(|row| row.unknown_outcome), [1, 7]);
        assert_eq!(rows.map(|row| row.accepted), [0, 0]);
    }

    #[test]
    fn a_batch_of_which_a_part_was_written_is_neither_taken_nor_refused() {
        for other in [Fate::Refused, Fate::Unknown, Fate::NoRoom, Fate::NotTaken] {
            let fates = Fate::Written as u8 | other as u8;
            assert_eq!(verdict(fates), Err(Shed::UnknownOutcome), "{other:?}");
        }
        assert_eq!(verdict(Fate::Refused as u8), Err(Shed::Refused));
        assert_eq!(verdict(Fate::NoRoom as u8), Err(Shed::Overloaded));
        assert_eq!(verdict(Fate::NotTaken as u8), Err(Shed::Unavailable));
    }

    proptest! {
        #[test]
        fn a_request_is_taken_if_and_only_if_all_of_it_was_written(fates in prop::collection::vec(0..FATES.len(), 1..20)) {
            let fates: Vec<Fate> = fates.into_iter().map(|fate| FATES[fate]).collect();
            let (ticket, mut answer, streams) = ticket(fates.len(), &Arc::new(Backlog::new(20)));
            for fate in &fates {
                ticket.settle(1, *fate);
            }
            let is_taken = fates.iter().all(|fate| *fate == Fate::Written);
            let may_be = fates.iter().any(|fate| matches!(fate, Fate::Written | Fate::Unknown));
            let answer = answer.try_recv().unwrap();
            prop_assert_eq!(answer.is_ok(), is_taken);
            prop_assert_eq!(answer == Err(Shed::UnknownOutcome), may_be && !is_taken);
            let [row, _] = books(&streams);
            prop_assert_eq!((row.accepted, row.shed), (u64::from(is_taken), u64::from(!is_taken)));
            prop_assert_eq!(row.unknown_outcome, u64::from(may_be && !is_taken));
        }
    }
}
