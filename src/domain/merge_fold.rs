//! The merger's fold over one partition of the log of partials, rebuilt like that of an input partition.
//!
//! [`PartialMerge`] adds up; this decides when a window is whole, what was decided before, and what must be read again:
//! every record that speaks of a window not yet published, be it a partial or the word of an input partition that it
//! has closed it.
//!
//! # When a window is whole
//!
//! An input partition is *awaited* from the moment it says that it goes on until it says that it is idle, or misses a
//! deadline. A window is published when
//! - every awaited input partition has closed it, and, where one of the `of` is not awaited (idle, or not heard since the
//!   restore), `grace` has passed since its end: long enough for a partition that wakes up to be heard; or
//! - `deadline` has passed since its end.
//!
//! Both spans count on a proof that the log holds nothing more, as in [`PartitionFold`](super::PartitionFold): a merger
//! that comes back after an hour reads what waits for it, instead of finding every deadline missed. A partial that comes
//! after its window is carried into the next.
//!
//! The number of input partitions may change while this runs: the largest `of` that was heard holds from then on. A new
//! partition is waited for as soon as it has spoken, and until then `grace` is.
//!
//! # Running totals
//!
//! The commit does not hold them. They are written in the same transaction as [`Standing`]s and handed back at the
//! restore, as of that very commit: a transaction becomes visible partition by partition, so whoever reads the standings
//! reads on until they are stamped with that commit, all of it (two windows may be published from the same position).
//! Reading the log from [`Commit::offset`] then adds only what had not been published.

use std::collections::BTreeMap;
use std::time::Duration;

use super::partition_fold::before;
use super::{
    Commit, EpochMs, LogFold, Offset, Partial, PartialMerge, Seq, Standing, Window, WindowSize,
};

/// How many records may be read without a window to publish until the position alone is committed: what is read again
/// at the next start must not grow for ever.
const BARE_COMMIT_AFTER: u64 = 10_000;

/// When windows are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeTiming {
    /// Size of the windows.
    pub window: WindowSize,
    /// How long after its end a window waits for input partitions that are idle. Longer than an input partition takes
    /// to close a window by the clock.
    pub grace: Duration,
    /// How long after its end it waits for any.
    pub deadline: Duration,
    /// Windows in a row that a stream may be empty before it falls idle.
    pub idle_after: u64,
}

/// The word of an input partition that it has closed windows. Every closing sends it to every partition of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Punctuation {
    /// The input partition.
    pub partition: usize,
    /// How many input partitions there are.
    pub of: usize,
    /// All its partials through this window stand before this record.
    pub closed_through: Seq,
    /// It is not to be waited for until it speaks again.
    pub idle: bool,
}

/// What one publication writes, besides the [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Whole windows in order of window and stream. Empty if only the position is to be committed.
    pub windows: Vec<Window>,
    /// Where each stream of these windows stands now, for [`MergeFold::restore`].
    pub standings: Vec<Standing>,
    /// The input partitions that a deadline did not wait for.
    pub missing: Vec<usize>,
}

/// The fold of one partition of the log of partials.
#[derive(Debug)]
pub struct MergeFold {
    timing: MergeTiming,
    merge: PartialMerge,
    inputs: BTreeMap<usize, InputPartition>,
    /// The largest `of` heard.
    num_inputs: usize,
    /// As restored. A partial whose window ended by this time and that stands before `decided_before` was decided.
    decided_through: EpochMs,
    decided_before: Offset,
    /// Everything before it has been read.
    position: Offset,
    /// Per window that is not published the oldest record that speaks of it.
    first_offsets: BTreeMap<Seq, Offset>,
    carried: u64,
    /// Everything appended before this moment has been read.
    read_through: EpochMs,
    committed_position: Offset,
}

#[derive(Debug, Clone, Copy)]
struct InputPartition {
    closed_through: Seq,
    is_awaited: bool,
}

impl MergeFold {
    /// A partition that nobody has committed for: every total is zero. It is read from its beginning.
    pub fn start(timing: MergeTiming, start: Seq) -> Self {
        let merge = PartialMerge::new(1, start, timing.idle_after);
        Self::new(timing, merge, timing.window.end(start))
    }

    /// Goes on from a commit and the standings as of that commit. It is read from [`Commit::offset`].
    pub fn restore(
        timing: MergeTiming,
        commit: &Commit,
        standings: impl IntoIterator<Item = Standing>,
    ) -> Self {
        let published_through = timing.window.last_ended(commit.closed_through);
        let merge = PartialMerge::resume(1, published_through, timing.idle_after, standings);
        Self {
            decided_before: commit.position,
            position: commit.offset,
            committed_position: commit.position,
            carried: commit.carried,
            ..Self::new(timing, merge, commit.closed_through)
        }
    }

    fn new(timing: MergeTiming, merge: PartialMerge, decided_through: EpochMs) -> Self {
        Self {
            timing,
            merge,
            inputs: BTreeMap::new(),
            num_inputs: 0,
            decided_through,
            decided_before: Offset(0),
            position: Offset(0),
            first_offsets: BTreeMap::new(),
            carried: 0,
            read_through: EpochMs(0),
            committed_position: Offset(0),
        }
    }

    /// Takes in the partial at `offset`, unless that was decided before; `grid` is the size of its window, which may
    /// differ from ours while the size is being changed. False if it was decided.
    pub fn apply(&mut self, offset: Offset, grid: WindowSize, partial: Partial) -> bool {
        if !self.is_new(offset) {
            return false;
        }
        let end = grid.end(partial.seq);
        if offset < self.decided_before && end <= self.decided_through {
            return false;
        }
        let last_moment = before(end, Duration::from_millis(1));
        let partial = Partial {
            seq: self.timing.window.seq_at(last_moment),
            ..partial
        };
        let due = partial.seq.max(self.merge.published_through().next());
        self.first_offsets.entry(due).or_insert(offset);
        if due > partial.seq {
            self.carried = self.carried.saturating_add(partial.tally.total());
        }
        self.merge.take_in(partial);
        true
    }

    /// Takes in the word of an input partition at `offset`; `grid` as for a partial.
    pub fn hear(&mut self, offset: Offset, grid: WindowSize, word: Punctuation) {
        if !self.is_new(offset) {
            return;
        }
        let closed_through = self.timing.window.last_ended(grid.end(word.closed_through));
        let input = InputPartition {
            closed_through,
            is_awaited: !word.idle,
        };
        self.inputs.insert(word.partition, input);
        self.num_inputs = self.num_inputs.max(word.of);
        if closed_through > self.merge.published_through() {
            self.first_offsets.entry(closed_through).or_insert(offset);
        }
    }

    /// Passes by a record that cannot be read.
    pub fn skip(&mut self, offset: Offset) {
        self.position = self.position.max(offset.next());
    }

    /// The last window that nothing can be added to any more.
    pub fn published_through(&self) -> Seq {
        self.merge.published_through()
    }

    /// Everything taken in and not yet published.
    pub fn pending_total(&self) -> u64 {
        self.merge.pending_total()
    }

    /// The newest published window of each stream, with its running totals.
    pub fn latest(&self) -> impl Iterator<Item = &Window> {
        self.merge.latest()
    }

    fn is_new(&mut self, offset: Offset) -> bool {
        let is_new = offset >= self.position;
        self.position = self.position.max(offset.next());
        is_new
    }

    fn is_replaying(&self) -> bool {
        self.position < self.decided_before
    }

    /// The last window that need not wait any longer, by everyone's word and by the proven end of the log.
    fn complete_through(&self) -> Seq {
        let awaited = self.inputs.values().filter(|input| input.is_awaited);
        let all_are_awaited = awaited.clone().count() >= self.num_inputs.max(1);
        let by_grace = self.ended_before(self.read_through, self.timing.grace);
        match awaited.map(|input| input.closed_through).min() {
            Some(closed) if all_are_awaited => closed,
            Some(closed) => closed.min(by_grace),
            None => by_grace,
        }
    }

    fn ended_before(&self, now: EpochMs, span: Duration) -> Seq {
        self.timing.window.last_ended(before(now, span))
    }

    fn publish_through(&mut self, through: Seq) -> Vec<Window> {
        let mut windows = Vec::new();
        while let Some(due) = self.merge.next_due().filter(|&due| due <= through) {
            windows.extend(self.merge.take_through(due));
        }
        windows
    }

    /// Gives up on the partitions that have not closed `through`, until they speak again.
    fn miss(&mut self, through: Seq) -> Vec<usize> {
        let behind = self.inputs.iter_mut();
        let behind = behind.filter(|(_, input)| input.is_awaited && input.closed_through < through);
        behind
            .map(|(&partition, input)| {
                input.is_awaited = false;
                partition
            })
            .collect()
    }

    /// Where nothing is due, windows that all awaited partitions have closed are past all the same: otherwise a
    /// partition of the log without a live stream would keep every word since its last window.
    fn pass_empty_windows(&mut self, complete: Seq) {
        let is_anyone_awaited = self.inputs.values().any(|input| input.is_awaited);
        if is_anyone_awaited && complete > self.merge.published_through() {
            let windows = self.merge.take_through(complete);
            debug_assert!(windows.is_empty(), "what was due is published");
        }
    }

    fn forget_published(&mut self) {
        let still_open = self.merge.published_through().next();
        self.first_offsets = self.first_offsets.split_off(&still_open);
    }

    fn commit(&mut self) -> Commit {
        self.committed_position = self.position;
        let oldest = self.first_offsets.values().min();
        Commit {
            offset: oldest.copied().unwrap_or(self.position),
            closed_through: self.timing.window.end(self.merge.published_through()),
            position: self.position,
            carried: self.carried,
        }
    }

    /// Whether to commit without a window: nothing is pending, and a lot was read.
    fn is_bare_commit_due(&self) -> bool {
        let num_read = self.position.0.saturating_sub(self.committed_position.0);
        num_read >= BARE_COMMIT_AFTER && !self.merge.has_pending()
    }
}

impl LogFold for MergeFold {
    type Closing = Published;

    fn position(&self) -> Offset {
        self.position
    }

    fn must_reach(&self) -> Offset {
        self.decided_before
    }

    fn read_through(&mut self, end: Offset, at: EpochMs) {
        self.position = self.position.max(end);
        self.read_through = self.read_through.max(at);
    }

    fn wants_proof(&self, now: EpochMs) -> bool {
        let by_grace = self.ended_before(now, self.timing.grace.min(self.timing.deadline));
        self.is_replaying() || self.merge.next_due().is_some_and(|due| due <= by_grace)
    }

    fn close(&mut self) -> Option<(Published, Commit)> {
        if self.is_replaying() {
            return None;
        }
        let complete = self.complete_through();
        let mut windows = self.publish_through(complete);
        let overdue = self.ended_before(self.read_through, self.timing.deadline);
        let by_deadline = self.publish_through(overdue);
        let missing = if by_deadline.is_empty() {
            Vec::new()
        } else {
            self.miss(overdue)
        };
        windows.extend(by_deadline);
        self.pass_empty_windows(complete);
        self.forget_published();
        if windows.is_empty() && !self.is_bare_commit_due() {
            return None;
        }
        let standings = self.merge.standings_of(&windows);
        let published = Published {
            windows,
            standings,
            missing,
        };
        Some((published, self.commit()))
    }
}

#[cfg(test)]
mod tests;
