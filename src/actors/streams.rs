//! Which streams exist, how many may, and the ledger row of each.
//!
//! Shared by all threads: rows are plain counters, and the directory is locked for reading except when a stream comes to be.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::{Ledger, Reaction, StreamName};

/// The node is at `streams.max` streams and does not know this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are as many streams as `streams.max` allows")]
pub struct TooManyStreams;

/// One row of counters; see [`Ledger`] for what they mean and how they add up.
#[derive(Debug, Default)]
pub struct Row {
    /// Reactions that the pipeline answers for.
    pub accepted: AtomicU64,
    /// Reactions that were not valid.
    pub rejected: AtomicU64,
    /// Reactions over a rate limit.
    pub limited: AtomicU64,
    /// Reactions turned away because the node was overloaded or draining, or Kafka away.
    pub shed: AtomicU64,
    /// Of the shed: those that may have been written to Kafka all the same.
    pub unknown_outcome: AtomicU64,
    /// Reactions in published windows.
    pub counted: AtomicU64,
    /// Reactions whose `event_id` was already in their window.
    pub deduplicated: AtomicU64,
    /// Of the counted: those that missed their window and were carried into the next.
    pub late_carried: AtomicU64,
    /// Of those in flight: gone with an actor that died.
    pub lost: AtomicU64,
    /// No counter: the newest window that any worker has delivered.
    pub newest: AtomicU64,
    /// No counter: sessions of this node that watch the stream now.
    pub viewers: AtomicU64,
    /// No counter: sessions of other nodes that do, as far as is known here.
    pub viewers_elsewhere: AtomicU64,
}

impl Row {
    /// The row as it stands.
    ///
    /// What lies behind acceptance is read first, so that a reaction on its way is never seen counted but not accepted.
    pub fn snapshot(&self) -> Ledger {
        let counted = self.counted.load(Ordering::Acquire);
        let deduplicated = self.deduplicated.load(Ordering::Acquire);
        let late_carried = self.late_carried.load(Ordering::Acquire);
        let lost = self.lost.load(Ordering::Acquire);
        Ledger {
            counted,
            deduplicated,
            late_carried,
            lost,
            accepted: self.accepted.load(Ordering::Acquire),
            rejected: self.rejected.load(Ordering::Acquire),
            limited: self.limited.load(Ordering::Acquire),
            unknown_outcome: self.unknown_outcome.load(Ordering::Acquire),
            shed: self.shed.load(Ordering::Acquire),
        }
    }
}

/// Adds to one counter of a row.
pub fn add(counter: &AtomicU64, reactions: u64) {
    counter.fetch_add(reactions, Ordering::AcqRel);
}

/// How many reactions go to which stream. Neighbours are added up: a batch is mostly of one stream.
pub fn weights(reactions: &[Reaction]) -> Weights {
    let runs = reactions.chunk_by(|one, next| one.stream == next.stream);
    runs.map(|run| {
        let count = run.iter().map(|reaction| u64::from(reaction.count)).sum();
        (run[0].stream.clone(), count)
    })
    .collect()
}

/// Reactions per stream. Asked for with every reaction, so one stream takes no memory of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weights {
    first: Option<(StreamName, u64)>,
    rest: Vec<(StreamName, u64)>,
}

impl FromIterator<(StreamName, u64)> for Weights {
    fn from_iter<Runs: IntoIterator<Item = (StreamName, u64)>>(runs: Runs) -> Self {
        let mut runs = runs.into_iter();
        Self {
            first: runs.next(),
            rest: runs.collect(),
        }
    }
}

impl Weights {
    /// Each stream with its reactions; a stream may come more than once.
    pub fn iter(&self) -> impl Iterator<Item = &(StreamName, u64)> {
        self.first.iter().chain(&self.rest)
    }
}

/// The directory of streams.
#[derive(Debug)]
pub struct Streams {
    max: usize,
    rows: RwLock<HashMap<StreamName, Arc<Row>>>,
    unattributed: Row,
}

impl Streams {
    /// An empty directory for at most `max` streams.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            rows: RwLock::default(),
            unattributed: Row::default(),
        }
    }

    /// The row of a stream, which comes to be if it is new.
    pub fn open(&self, stream: &StreamName) -> Result<Arc<Row>, TooManyStreams> {
        if let Some(row) = self.row(stream) {
            return Ok(row);
        }
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= self.max && !rows.contains_key(stream) {
            return Err(TooManyStreams);
        }
        Ok(rows.entry(stream.clone()).or_default().clone())
    }

    /// The row of a stream that exists.
    pub fn row(&self, stream: &StreamName) -> Option<Arc<Row>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.get(stream).cloned()
    }

    /// The row for what belongs to no stream: bodies that can't be read, names that are no names.
    pub fn unattributed(&self) -> &Row {
        &self.unattributed
    }

    /// The row of a stream if there is one, else the unattributed one.
    pub fn with_row(&self, stream: Option<&StreamName>, record: impl FnOnce(&Row)) {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let row = stream.and_then(|stream| rows.get(stream));
        record(row.map_or(&self.unattributed, Arc::as_ref));
    }

    /// Enters reactions with the row of each of their streams.
    pub fn enter(&self, weights: &Weights, record: impl Fn(&Row, u64)) {
        for (stream, reactions) in weights.iter() {
            self.with_row(Some(stream), |row| record(row, *reactions));
        }
    }

    /// The streams with viewers on this node, and how many each has; those with the most, if there are more than `max`.
    pub fn watched(&self, max: usize) -> BTreeMap<StreamName, u64> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let viewers = |row: &Row| row.viewers.load(Ordering::Acquire);
        let watched = rows.iter().map(|(stream, row)| (stream, viewers(row)));
        let mut watched: Vec<_> = watched.filter(|(_, viewers)| *viewers > 0).collect();
        watched.sort_unstable_by_key(|(_, viewers)| std::cmp::Reverse(*viewers));
        let most = watched.into_iter().take(max);
        most.map(|(stream, viewers)| (stream.clone(), viewers))
            .collect()
    }

    /// So many watch on other nodes; none, where nothing is said of a stream.
    pub fn watched_elsewhere(&self, viewers: &HashMap<StreamName, u64>) {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        for (stream, row) in rows.iter() {
            let viewers = viewers.get(stream).copied().unwrap_or_default();
            row.viewers_elsewhere.store(viewers, Ordering::Release);
        }
    }

    /// Reactions that were in flight and will never be counted.
    pub fn lost(&self, stream: &StreamName, reactions: u64) {
        self.with_row(Some(stream), |row| add(&row.lost, reactions));
    }

    /// Every stream with its ledger, sorted by name.
    pub fn ledgers(&self) -> Vec<(StreamName, Ledger)> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let mut ledgers: Vec<_> = rows
            .iter()
            .map(|(stream, row)| (stream.clone(), row.snapshot()))
            .collect();
        ledgers.sort_by(|(one, _), (other, _)| one.cmp(other));
        ledgers
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::testkit::stream;

    #[test]
    fn a_stream_comes_to_be_once_and_keeps_its_row() {
        let streams = Streams::new(2);
        assert!(streams.row(&stream("a")).is_none());
        let row = streams.open(&stream("a")).unwrap();
        assert!(Arc::ptr_eq(&row, &streams.open(&stream("a")).unwrap()));
        assert!(Arc::ptr_eq(&row, &streams.row(&stream("a")).unwrap()));
    }

    #[test]
    fn a_stream_beyond_the_maximum_is_refused_and_a_known_one_is_not() {
        let streams = Streams::new(2);
        for name in ["a", "b", "a"] {
            assert!(streams.open(&stream(name)).is_ok(), "{name}");
        }
        assert_eq!(streams.open(&stream("c")).unwrap_err(), TooManyStreams);
        assert!(streams.row(&stream("c")).is_none());
        assert!(streams.open(&stream("b")).is_ok());
    }

    #[test]
    fn the_streams_that_are_watched_are_told_and_the_most_watched_if_there_are_many() {
        let streams = Streams::new(10);
        for (name, viewers) in [("a", 3), ("b", 0), ("c", 7), ("d", 1)] {
            let row = streams.open(&stream(name)).unwrap();
            row.viewers.store(viewers, Ordering::Release);
        }
        let told = |max| {
            let watched = streams.watched(max).into_iter();
            watched
                .map(|(stream, viewers)| (stream.to_string(), viewers))
                .collect::<Vec<_>>()
        };
        let [a, c, d] = [("a", 3), ("c", 7), ("d", 1)].map(|(name, num)| (name.to_owned(), num));
        assert_eq!(told(10), [a.clone(), c.clone(), d]);
        assert_eq!(told(2), [a, c]);
    }

    #[test]
    fn viewers_elsewhere_are_those_that_were_told_last() {
        let streams = Streams::new(10);
        let rows = ["a", "b"].map(|name| streams.open(&stream(name)).unwrap());
        let elsewhere = || {
            let load = |row: &Arc<Row>| row.viewers_elsewhere.load(Ordering::Acquire);
            (load(&rows[0]), load(&rows[1]))
        };
        streams.watched_elsewhere(&HashMap::from([(stream("a"), 5), (stream("z"), 9)]));
        assert_eq!(elsewhere(), (5, 0));
        streams.watched_elsewhere(&HashMap::from([(stream("b"), 2)]));
        assert_eq!(elsewhere(), (0, 2));
    }

    #[test]
    fn threads_that_open_at_once_share_a_stream_and_keep_the_maximum() {
        const THREADS: usize = 4;
        const ROUNDS: usize = 2_000;
        let shared: Vec<_> = (0..ROUNDS).map(|_| Streams::new(1)).collect();
        let contested: Vec<_> = (0..ROUNDS).map(|_| Streams::new(2)).collect();
        let gate = Barrier::new(THREADS);
        let open_all = |thread: usize| {
            let (same, own) = (stream("same"), stream(&format!("own{thread}")));
            let mut opened = (0, 0);
            for (shared, contested) in shared.iter().zip(&contested) {
                gate.wait();
                opened.0 += usize::from(shared.open(&same).is_ok());
                opened.1 += usize::from(contested.open(&own).is_ok());
            }
            opened
        };
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open_all = &open_all;
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(move || open_all(thread)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(
            opened.iter().map(|one| one.0).sum::<usize>(),
            THREADS * ROUNDS
        );
        assert_eq!(opened.iter().map(|one| one.1).sum::<usize>(), 2 * ROUNDS);
    }

    #[test]
    fn what_belongs_to_no_stream_has_a_row_of_its_own() {
        let streams = Streams::new(1);
        streams.open(&stream("a")).unwrap();
        streams.with_row(Some(&stream("a")), |row| add(&row.rejected, 1));
        streams.with_row(Some(&stream("b")), |row| add(&row.rejected, 2));
        streams.with_row(None, |row| add(&row.rejected, 4));
        streams.lost(&stream("a"), 8);
        streams.lost(&stream("b"), 16);
        let a = streams.row(&stream("a")).unwrap().snapshot();
        let none = streams.unattributed().snapshot();
        assert_eq!((a.rejected, a.lost), (1, 8));
        assert_eq!((none.rejected, none.lost), (6, 16));
    }

    #[test]
    fn ledgers_come_sorted_by_name_and_each_column_from_its_counter() {
        let streams = Streams::new(2);
        streams.open(&stream("b")).unwrap();
        let row = streams.open(&stream("a")).unwrap();
        let counters = [
            &row.accepted,
            &row.rejected,
            &row.limited,
            &row.shed,
            &row.unknown_outcome,
            &row.counted,
            &row.deduplicated,
            &row.late_carried,
            &row.lost,
        ];
        for (counter, reactions) in counters.into_iter().zip(1..) {
            add(counter, reactions);
        }
        let expected = Ledger {
            accepted: 1,
            rejected: 2,
            limited: 3,
            shed: 4,
            unknown_outcome: 5,
            counted: 6,
            deduplicated: 7,
            late_carried: 8,
            lost: 9,
        };
        let ledgers = streams.ledgers();
        assert_eq!(ledgers[0], (stream("a"), expected));
        assert_eq!(ledgers[1], (stream("b"), Ledger::default()));
        assert_eq!(ledgers.len(), 2);
    }

    #[test]
    fn a_reaction_on_its_way_is_never_seen_counted_before_it_is_accepted() {
        let row = Row::default();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for _ in 0..200_000 {
                    add(&row.accepted, 1);
                    add(&row.counted, 1);
                }
            });
            while !writer.is_finished() {
                let seen = row.snapshot();
                assert!(seen.counted <= seen.accepted, "{seen:?}");
            }
        });
    }
}
