//! Windows of an aggregator that writes only window, emoji and count, as Spark does.
//!
//! Nothing says how many records a window has, and the records of one batch come in any order on any partition. So a
//! window closes a moment after a later one was first seen, or after a time limit; what comes for it after that is carried
//! into the next one, and the sum stays exact. The count of an emoji in a window only grows: a second record with no more is
//! the first one again, and one with more, as some output modes write it, counts by the difference. Totals are added
//! up here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Oldest, Patience, Place, Refusal, Standing, Taken, millis};
use crate::domain::{Emoji, EpochMs, Seq, StreamName, Tally, Window};
use crate::kafka::record::window::WindowRecord;

/// Closed windows whose counts are remembered, to tell what comes again from what comes late.
const MAX_REMEMBERED: usize = 64;

/// Windows of one stream that may be open at a time; beyond it the oldest closes.
const MAX_OPEN: usize = 64;

/// The windows of one stream.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    open: BTreeMap<Seq, Open>,
    /// What was counted in closed windows.
    closed: BTreeMap<Seq, BTreeMap<Emoji, u64>>,
    /// About windows through this one nothing is remembered.
    forgotten_through: Option<Seq>,
}

#[derive(Debug)]
struct Open {
    first_at: EpochMs,
    counts: BTreeMap<Emoji, u64>,
    /// For windows that had closed.
    carried: Tally,
    oldest: Oldest,
}

/// A window that takes no more.
#[derive(Debug)]
pub(super) struct Closed {
    seq: Seq,
    tally: Tally,
    late: u64,
}

impl Foreign {
    /// Knows nothing about windows through this one.
    pub(super) fn after(seq: Seq) -> Self {
        Self {
            forgotten_through: Some(seq),
            ..Self::default()
        }
    }

    /// Takes a record; everything through `through` has come out.
    pub(super) fn take(
        &mut self,
        place: Place,
        record: &WindowRecord,
        through: Option<Seq>,
        now: EpochMs,
    ) -> Taken {
        let seq = record.seq;
        if self
            .forgotten_through
            .is_some_and(|forgotten| seq <= forgotten)
        {
            return Taken::Refused(Refusal::TooOld);
        }
        let is_late = through.is_some_and(|through| seq <= through);
        if !is_late {
            let open = self.open_window(seq, now);
            open.oldest.note(place);
            return match raise(&mut open.counts, record) {
                0 => Taken::Known,
                _ => Taken::Kept,
            };
        }
        // Its own window may still be open here, when another writer's has overtaken it.
        let counts = match self.open.get_mut(&seq) {
            Some(open) => &mut open.counts,
            None => self.closed.entry(seq).or_default(),
        };
        let more = raise(counts, record);
        if more == 0 {
            return Taken::Known;
        }
        if !self.open.contains_key(&seq) {
            let next = through.map_or(seq, Seq::next);
            let first = self.open.keys().next().copied().unwrap_or(next);
            let open = self.open_window(first, now);
            open.oldest.note(place);
            open.carried.add(record.emoji, more);
        }
        Taken::Kept
    }

    /// The oldest window, if it takes no more.
    pub(super) fn close_next(&mut self, patience: Patience, now: EpochMs) -> Option<Closed> {
        let (&seq, first) = self.open.first_key_value()?;
        let is_over = |at: EpochMs, wait| now.0 >= at.0.saturating_add(millis(wait));
        let mut later = self.open.values().skip(1).map(|open| open.first_at);
        let is_due = is_over(first.first_at, patience.limit)
            || self.open.len() > MAX_OPEN
            || later.any(|at| is_over(at, patience.settle));
        if !is_due {
            return None;
        }
        let open = self.open.remove(&seq)?;
        let mut tally: Tally = open
            .counts
            .iter()
            .map(|(&emoji, &count)| (emoji, count))
            .collect();
        tally.merge(&open.carried);
        self.remember(seq, open.counts);
        Some(Closed {
            seq,
            tally,
            late: open.carried.total(),
        })
    }

    pub(super) fn oldest(&self) -> impl Iterator<Item = &Oldest> {
        self.open.values().map(|open| &open.oldest)
    }

    fn open_window(&mut self, seq: Seq, now: EpochMs) -> &mut Open {
        self.open.entry(seq).or_insert_with(|| Open {
            first_at: now,
            counts: BTreeMap::new(),
            carried: Tally::new(),
            oldest: Oldest::default(),
        })
    }

    fn remember(&mut self, seq: Seq, counts: BTreeMap<Emoji, u64>) {
        self.closed.insert(seq, counts);
        while self.closed.len() > MAX_REMEMBERED {
            let forgotten = self.closed.pop_first().map(|(seq, _)| seq);
            self.forgotten_through = forgotten.max(self.forgotten_through);
        }
    }
}

/// Raises a count to what the record says. Returns by how much.
fn raise(counts: &mut BTreeMap<Emoji, u64>, record: &WindowRecord) -> u64 {
    let count = counts.entry(record.emoji).or_default();
    let more = record.count.saturating_sub(*count);
    *count += more;
    more
}

impl Closed {
    /// The window behind where the stream stands; the number of one that was overtaken is taken.
    pub(super) fn into_window(self, stream: &StreamName, standing: &Standing) -> Window {
        let mut running = Arc::clone(&standing.running);
        Arc::make_mut(&mut running).merge(&self.tally);
        Window {
            stream: stream.clone(),
            seq: standing
                .through
                .map_or(self.seq, |through| self.seq.max(through.next())),
            tally: self.tally,
            late: self.late,
            deduplicated: 0,
            running,
            ordinal: standing.ordinal + 1,
        }
    }
}
