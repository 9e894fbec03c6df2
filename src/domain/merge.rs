//! From the partials of P input partitions to whole windows with running totals.
//!
//! A window is whole when every partition has reported past it, or when it is taken at a deadline;
//! a partial that comes after that is carried into the next window, as a late reaction is.

use std::collections::{BTreeMap, BTreeSet};
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

/// Where a stream stands after its newest window: what a merge that goes on from there has to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The stream.
    pub stream: StreamName,
    /// Its newest window.
    pub seq: Seq,
    /// Totals through that window.
    pub running: Arc<Tally>,
    /// How many windows were published through that one.
    pub ordinal: u64,
    /// How many of them were empty in a row, up to that one.
    pub empty_in_a_row: u64,
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

    /// Starts where an earlier merge has ended: every window through `start` is published, and totals go on from there.
    pub fn resume(
        partitions: usize,
        start: Seq,
        idle_after: u64,
        standings: impl IntoIterator<Item = Standing>,
    ) -> Self {
        let published = standings
            .into_iter()
            .map(|standing| standing.into_published(start));
        Self {
            streams: published
                .map(|published| (published.newest.stream.clone(), published))
                .collect(),
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

    /// Where the streams of these windows stand now.
    pub(super) fn standings_of(&self, windows: &[Window]) -> Vec<Standing> {
        let streams: BTreeSet<&StreamName> = windows.iter().map(|window| &window.stream).collect();
        let published = streams
            .into_iter()
            .filter_map(|stream| self.streams.get(stream));
        published.map(Published::standing).collect()
    }

    /// Whether anything was reported and is not published.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes one partial, whichever partition it is of.
    pub(super) fn take_in(&mut self, partial: Partial) {
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
    pub(super) fn next_due(&self) -> Option<Seq> {
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

impl Published {
    fn standing(&self) -> Standing {
        Standing {
            stream: self.newest.stream.clone(),
            seq: self.newest.seq,
            running: Arc::clone(&self.newest.running),
            ordinal: self.newest.ordinal,
            empty_in_a_row: self.empty_in_a_row,
        }
    }
}

impl Standing {
    /// The newest window is known by its totals alone. A number beyond `start` is of another grid.
    fn into_published(self, start: Seq) -> Published {
        Published {
            newest: Window {
                stream: self.stream,
                seq: self.seq.min(start),
                tally: Tally::new(),
                late: 0,
                deduplicated: 0,
                running: self.running,
                ordinal: self.ordinal,
            },
            empty_in_a_row: self.empty_in_a_row,
        }
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
mod tests;
