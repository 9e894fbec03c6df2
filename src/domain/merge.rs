//! From the partials of P input partitions to whole windows with running totals.
//!
//! A window is whole when every partition has reported past it, or when it is taken at a deadline;
//! a partial that comes after that is carried into the next window, as a late reaction is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Partial, Seq, StreamName, Tally, Window};

/// The merge of all input partitions.
///
/// A stream is live from its first counted window until `idle_after` windows in a row were empty.
/// While it is live every window of the grid is published, empty or not; after that none is,
/// until something arrives for it again.
#[derive(Debug)]
pub struct PartialMerge {
    /// Per partition: everything through this window has been reported.
    reported: Vec<Seq>,
    published_through: Seq,
    /// Windows in a row that a stream may be empty before it falls idle.
    idle_after: u64,
    /// Every key is after `published_through`.
    pending: BTreeMap<Seq, BTreeMap<StreamName, Counts>>,
    streams: BTreeMap<StreamName, Published>,
}

/// What has arrived so far for one window of one stream.
#[derive(Debug, Default)]
struct Counts {
    tally: Tally,
    late: u64,
    deduplicated: u64,
}

#[derive(Debug)]
struct Published {
    newest: Window,
    /// Empty windows in a row, up to the newest.
    empty_in_a_row: u64,
}

impl PartialMerge {
    /// Starts with every window through `start` published, and every total at zero.
    pub fn new(partitions: usize, start: Seq, idle_after: u64) -> Self {
        Self {
            reported: vec![start; partitions.max(1)],
            published_through: start,
            idle_after,
            pending: BTreeMap::new(),
            streams: BTreeMap::new(),
        }
    }

    /// Starts where an earlier merge has ended: totals go on from its newest windows, and none
    /// of its windows is published again.
    pub fn resume(
        partitions: usize,
        start: Seq,
        idle_after: u64,
        newest: impl IntoIterator<Item = Window>,
    ) -> Self {
        let streams: BTreeMap<StreamName, Published> = newest
            .into_iter()
            .map(|newest| {
                (
                    newest.stream.clone(),
                    Published {
                        newest,
                        empty_in_a_row: 0,
                    },
                )
            })
            .collect();
        let newest_seqs = streams.values().map(|published| published.newest.seq);
        let start = newest_seqs.fold(start, Seq::max);
        Self {
            streams,
            ..Self::new(partitions, start, idle_after)
        }
    }

    /// Takes what a partition says: everything through `closed_through` is in `partials`, or was
    /// reported before.
    pub fn report(&mut self, partition: usize, closed_through: Seq, partials: Vec<Partial>) {
        for partial in partials {
            self.take_in(partial);
        }
        if let Some(reported) = self.reported.get_mut(partition) {
            *reported = closed_through.max(*reported);
        }
    }

    /// The whole windows that all partitions have reported, in order of window and stream.
    pub fn take_complete(&mut self) -> Vec<Window> {
        self.take_through(self.published_through)
    }

    /// The same, and through `deadline` without waiting for anyone.
    pub fn take_through(&mut self, deadline: Seq) -> Vec<Window> {
        let complete = self.reported.iter().copied().min().unwrap_or_default();
        let through = complete.max(deadline).max(self.published_through);
        let mut windows = Vec::new();
        while let Some(seq) = self.next_due().filter(|&seq| seq <= through) {
            self.publish(seq, &mut windows);
        }
        self.published_through = through;
        windows
    }

    /// The last window that nothing can be added to any more.
    pub fn published_through(&self) -> Seq {
        self.published_through
    }

    /// Everything reported and not yet published.
    pub fn pending_total(&self) -> u64 {
        let counts = self.pending.values().flat_map(BTreeMap::values);
        counts.fold(0, |total, counts| {
            total.saturating_add(counts.tally.total())
        })
    }

    /// The partitions that have not reported everything through `seq`.
    pub fn waiting_for(&self, seq: Seq) -> Vec<usize> {
        let reported = self.reported.iter().enumerate();
        let behind = reported.filter(|&(_, &through)| through < seq);
        behind.map(|(partition, _)| partition).collect()
    }

    /// The newest published window of each stream.
    pub fn latest(&self) -> impl Iterator<Item = &Window> {
        self.streams.values().map(|published| &published.newest)
    }

    fn take_in(&mut self, partial: Partial) {
        if partial.tally.is_empty() && partial.deduplicated == 0 {
            return;
        }
        let in_time = partial.seq > self.published_through;
        let seq = if in_time {
            partial.seq
        } else {
            self.published_through.next()
        };
        let counts = self
            .pending
            .entry(seq)
            .or_default()
            .entry(partial.stream)
            .or_default();
        let late = if in_time {
            partial.late
        } else {
            partial.tally.total()
        };
        counts.tally.merge(&partial.tally);
        counts.late = counts.late.saturating_add(late);
        counts.deduplicated = counts.deduplicated.saturating_add(partial.deduplicated);
    }

    /// The next window with anything to publish: the next of the grid while a stream is live,
    /// otherwise the next for which something has arrived.
    fn next_due(&self) -> Option<Seq> {
        if self.live_streams().next().is_some() {
            return Some(self.published_through.next());
        }
        self.pending.keys().next().copied()
    }

    fn live_streams(&self) -> impl Iterator<Item = &StreamName> {
        let idle_after = self.idle_after;
        let live = self
            .streams
            .iter()
            .filter(move |(_, published)| published.empty_in_a_row < idle_after);
        live.map(|(stream, _)| stream)
    }

    fn publish(&mut self, seq: Seq, windows: &mut Vec<Window>) {
        let mut due = self.pending.remove(&seq).unwrap_or_default();
        for stream in self.live_streams() {
            if !due.contains_key(stream) {
                due.insert(stream.clone(), Counts::default());
            }
        }
        for (stream, counts) in due {
            let earlier = self.streams.get(&stream);
            let empty_in_a_row = match earlier {
                _ if !counts.tally.is_empty() => 0,
                Some(published) => published.empty_in_a_row.saturating_add(1),
                None => self.idle_after,
            };
            let newest =
                counts.into_window(stream, seq, earlier.map(|published| &published.newest));
            windows.push(newest.clone());
            self.streams.insert(
                newest.stream.clone(),
                Published {
                    newest,
                    empty_in_a_row,
                },
            );
        }
        self.published_through = seq;
    }
}

impl Counts {
    fn into_window(self, stream: StreamName, seq: Seq, earlier: Option<&Window>) -> Window {
        let mut running = earlier.map_or_else(Arc::default, |window| Arc::clone(&window.running));
        if !self.tally.is_empty() {
            Arc::make_mut(&mut running).merge(&self.tally);
        }
        Window {
            stream,
            seq,
            tally: self.tally,
            late: self.late,
            deduplicated: self.deduplicated,
            running,
            ordinal: earlier.map_or(0, |window| window.ordinal) + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::Emoji;

    fn partial(stream: &str, seq: u64, count: u64) -> Partial {
        Partial {
            stream: StreamName::parse(stream).unwrap(),
            seq: Seq(seq),
            tally: [(Emoji::parse("🔥").unwrap(), count)].into_iter().collect(),
            late: 0,
            deduplicated: 0,
        }
    }

    /// Window, total, running total and ordinal.
    fn rows(windows: &[Window]) -> Vec<(u64, u64, u64, u64)> {
        let row = |window: &Window| {
            (
                window.seq.0,
                window.tally.total(),
                window.running.total(),
                window.ordinal,
            )
        };
        windows.iter().map(row).collect()
    }

    #[test]
    fn a_window_waits_for_every_partition() {
        let mut merge = PartialMerge::new(2, Seq(9), 5);
        merge.report(0, Seq(10), vec![partial("main", 10, 3)]);
        assert_eq!(merge.take_complete(), []);
        assert_eq!(
            (merge.pending_total(), merge.waiting_for(Seq(10))),
            (3, vec![1])
        );

        merge.report(1, Seq(10), vec![partial("main", 10, 4)]);
        assert_eq!(rows(&merge.take_complete()), [(10, 7, 7, 1)]);
        assert_eq!(merge.published_through(), Seq(10));
        assert_eq!(
            (merge.pending_total(), merge.waiting_for(Seq(10))),
            (0, vec![])
        );
        assert_eq!(merge.waiting_for(Seq(11)), [0, 1]);
    }

    #[test]
    fn one_partition_needs_no_other() {
        let mut merge = PartialMerge::new(1, Seq(9), 0);
        merge.report(
            0,
            Seq(12),
            vec![partial("main", 10, 1), partial("main", 12, 2)],
        );
        assert_eq!(rows(&merge.take_complete()), [(10, 1, 1, 1), (12, 2, 3, 2)]);
    }

    #[test]
    fn a_live_stream_publishes_every_window_until_it_falls_idle() {
        let mut merge = PartialMerge::new(1, Seq(9), 2);
        merge.report(
            0,
            Seq(20),
            vec![partial("main", 11, 1), partial("main", 18, 1)],
        );
        let expected = [
            (11, 1, 1, 1),
            (12, 0, 1, 2),
            (13, 0, 1, 3),
            (18, 1, 2, 4),
            (19, 0, 2, 5),
            (20, 0, 2, 6),
        ];
        assert_eq!(rows(&merge.take_complete()), expected);
    }

    #[test]
    fn a_deadline_does_not_wait_and_what_comes_after_is_carried() {
        let mut merge = PartialMerge::new(2, Seq(9), 0);
        merge.report(0, Seq(10), vec![partial("main", 10, 3)]);
        assert_eq!(rows(&merge.take_through(Seq(11))), [(10, 3, 3, 1)]);

        let tardy = Partial {
            late: 1,
            ..partial("main", 10, 4)
        };
        merge.report(1, Seq(12), vec![tardy, partial("main", 12, 1)]);
        merge.report(0, Seq(12), vec![]);
        let windows = merge.take_complete();
        assert_eq!(rows(&windows), [(12, 5, 8, 2)]);
        assert_eq!(windows[0].late, 4, "each carried count is late once");
    }

    #[test]
    fn a_deadline_in_the_past_takes_nothing_back() {
        let mut merge = PartialMerge::new(1, Seq(9), 5);
        assert_eq!(merge.take_through(Seq(3)), []);
        assert_eq!(merge.published_through(), Seq(9));
    }

    #[test]
    fn the_same_report_twice_is_harmless() {
        let mut merge = PartialMerge::new(2, Seq(9), 5);
        merge.report(0, Seq(10), vec![partial("main", 10, 3)]);
        merge.report(0, Seq(10), vec![]);
        merge.report(0, Seq(9), vec![]);
        merge.report(1, Seq(10), vec![]);
        assert_eq!(rows(&merge.take_complete()), [(10, 3, 3, 1)]);
    }

    #[test]
    fn a_window_of_duplicates_alone_is_published_but_keeps_no_stream_live() {
        let mut merge = PartialMerge::new(1, Seq(9), 5);
        let duplicates = Partial {
            tally: Tally::new(),
            deduplicated: 2,
            ..partial("main", 10, 1)
        };
        merge.report(0, Seq(12), vec![duplicates]);
        let windows = merge.take_complete();
        assert_eq!(
            (rows(&windows), windows[0].deduplicated),
            (vec![(10, 0, 0, 1)], 2)
        );
    }

    #[test]
    fn an_empty_partial_brings_no_stream_to_life() {
        let mut merge = PartialMerge::new(1, Seq(9), 5);
        let empty = Partial {
            tally: Tally::new(),
            ..partial("main", 10, 1)
        };
        merge.report(0, Seq(12), vec![empty]);
        assert_eq!(merge.take_complete(), []);
    }

    #[test]
    fn the_newest_window_of_each_stream_is_kept() {
        let mut merge = PartialMerge::new(1, Seq(9), 0);
        merge.report(
            0,
            Seq(11),
            vec![
                partial("b", 10, 1),
                partial("a", 10, 1),
                partial("b", 11, 2),
            ],
        );
        let windows = merge.take_complete();
        let newest: Vec<&Window> = merge.latest().collect();
        assert_eq!(newest, [&windows[0], &windows[2]]);
    }

    #[test]
    fn a_resumed_merge_goes_on_from_the_totals_it_is_given() {
        let mut first = PartialMerge::new(1, Seq(9), 3);
        first.report(0, Seq(10), vec![partial("main", 10, 7)]);
        let published = first.take_complete();

        let mut resumed = PartialMerge::resume(1, Seq(9), 3, published);
        assert_eq!(resumed.published_through(), Seq(10));
        resumed.report(0, Seq(12), vec![partial("main", 12, 1)]);
        assert_eq!(
            rows(&resumed.take_complete()),
            [(11, 0, 7, 2), (12, 1, 8, 3)]
        );
    }
}
