//! The fold of one input partition that is read from a log, and that any instance can rebuild.
//!
//! [`TumblingWindows`] counts; this adds what makes counting exact across crashes: which records were decided before
//! ([`Commit`]), which one must be read again, and when a window may close.
//!
//! # When a window closes
//!
//! - By the log: a record that is younger than the window's end by `lateness` was read.
//! - By the clock, so that a last reaction still arrives: the log was *shown to hold nothing more*, by a question to the
//!   broker that was asked `lateness + silence_margin` after the window's end. Silence alone shows nothing: a consumer
//!   that is cut off from the broker hears it too.
//!
//! A partition that hears nothing for `idle_after` says so with its last closing and closes nothing more, until a record
//! comes: an idle partition costs no transaction.
//!
//! # Why that is exact
//!
//! Output, offset and metadata are committed at once. Windows close in order, and a late record goes into the next to
//! close, so no commit leaves a decided record in an open window. After a restore nothing closes before everything read
//! by then was read again: otherwise the next commit would forget which of those records were decided. Event ids are
//! remembered again on the way, as the oldest record of each open window is where reading starts.
//!
//! # When the size of windows changes between two runs
//!
//! Records older than `ct` stay decided. A window of the new grid that `ct` cuts in two counts what came after `ct`;
//! what came before was counted in windows of the old grid. Nothing is lost or counted twice, and ids follow the new
//! grid from there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Commit, Emoji, EpochMs, EventId, LogFold, Offset, Partial, Placed, Seq, StreamName,
    TumblingWindows, WindowSize,
};

/// When windows close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionTiming {
    /// Size of the windows.
    pub window: WindowSize,
    /// How far append times may go back before a record is late.
    pub lateness: Duration,
    /// How much longer than that the clock waits: the broker's clock may be behind ours.
    pub silence_margin: Duration,
    /// How long a partition without records goes on closing windows.
    pub idle_after: Duration,
}

/// One reaction as the log has it.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// When the broker appended it.
    pub at: EpochMs,
    /// The stream it belongs to.
    pub stream: &'a StreamName,
    /// What was sent.
    pub emoji: Emoji,
    /// How often at once.
    pub count: u32,
    /// The client's own name for it.
    pub event_id: Option<&'a EventId>,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is in an open window, or is a duplicate there.
    Placed(Placed),
    /// It was read again, and its window closed before.
    AlreadyDecided,
}

/// What one closing puts into its transaction, besides the [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The closed windows that are not empty, in order of window and stream.
    pub partials: Vec<Partial>,
    /// Everything through this window is in these partials or in earlier ones.
    pub closed_through: Seq,
    /// Nothing has come for a while: do not wait for this partition until it speaks again.
    pub idle: bool,
}

/// The fold of one input partition.
#[derive(Debug)]
pub struct PartitionFold {
    timing: PartitionTiming,
    windows: TumblingWindows,
    /// As restored. A record of before this time that stands before `decided_before` was decided.
    decided_through: EpochMs,
    decided_before: Offset,
    /// Everything before it has been read.
    position: Offset,
    /// The oldest record of each open window.
    first_offsets: BTreeMap<Seq, Offset>,
    carried: u64,
    /// The newest append time read, if any.
    newest: Option<EpochMs>,
    /// Everything appended before this moment has been read.
    read_through: EpochMs,
    /// When it was first shown that the partition holds nothing more.
    first_silent: Option<EpochMs>,
    /// False from the closing that says `idle` until a record comes.
    is_awake: bool,
}

impl PartitionFold {
    /// A partition that nobody has committed for, with every window through `start` closed. It is read from its
    /// beginning.
    pub fn start(timing: PartitionTiming, start: Seq) -> Self {
        let closed_through = timing.window.end(start);
        Self::new(timing, start, closed_through)
    }

    /// Goes on from a commit. It is read from [`Commit::offset`].
    pub fn restore(timing: PartitionTiming, commit: &Commit) -> Self {
        let closed_through = timing.window.last_ended(commit.closed_through);
        Self {
            decided_before: commit.position,
            position: commit.offset,
            carried: commit.carried,
            ..Self::new(timing, closed_through, commit.closed_through)
        }
    }

    fn new(timing: PartitionTiming, closed_through: Seq, decided_through: EpochMs) -> Self {
        Self {
            timing,
            windows: TumblingWindows::new(timing.window, closed_through),
            decided_through,
            decided_before: Offset(0),
            position: Offset(0),
            first_offsets: BTreeMap::new(),
            carried: 0,
            newest: None,
            read_through: EpochMs(0),
            first_silent: None,
            is_awake: true,
        }
    }

    /// Counts the record at `offset`, unless that was decided before.
    pub fn apply(&mut self, offset: Offset, arrival: Arrival<'_>) -> Applied {
        if offset < self.position {
            return Applied::AlreadyDecided;
        }
        self.position = offset.next();
        self.newest = self.newest.max(Some(arrival.at));
        if offset < self.decided_before && arrival.at < self.decided_through {
            return Applied::AlreadyDecided;
        }
        self.is_awake = true;
        // A late record goes into the next window to close, so its offset is not needed beyond that either.
        let own_window = self.timing.window.seq_at(arrival.at);
        self.first_offsets.entry(own_window).or_insert(offset);
        let Arrival {
            at,
            stream,
            emoji,
            count,
            event_id,
        } = arrival;
        Applied::Placed(self.windows.add(at, stream, emoji, count, event_id))
    }

    /// Passes by a record that cannot be read.
    pub fn skip(&mut self, offset: Offset) {
        self.advance_to(offset.next());
    }

    /// Closes every window that ended at or before the watermark. None if no window closes, or if records that were
    /// read before the restore are still to be read again.
    pub fn close_through(&mut self, watermark: EpochMs) -> Option<(Closing, Commit)> {
        let due = self.timing.window.last_ended(watermark);
        if due <= self.windows.closed_through() || self.is_replaying() || !self.is_awake {
            return None;
        }
        let partials = self.windows.close_through(watermark);
        self.first_offsets = self.first_offsets.split_off(&due.next());
        let late = partials.iter().map(|partial| partial.late);
        self.carried = late.fold(self.carried, u64::saturating_add);
        let idle = self.first_offsets.is_empty() && self.is_quiet();
        self.is_awake = !idle;
        let closing = Closing {
            partials,
            closed_through: due,
            idle,
        };
        Some((closing, self.commit()))
    }

    /// Everything counted and not yet closed.
    pub fn open_total(&self) -> u64 {
        self.windows.open_total()
    }

    fn commit(&self) -> Commit {
        let oldest = self.first_offsets.values().min();
        Commit {
            offset: oldest.copied().unwrap_or(self.position),
            closed_through: self.timing.window.end(self.windows.closed_through()),
            position: self.position,
            carried: self.carried,
        }
    }

    /// The moment before which nothing more is expected, as far as it is known.
    fn watermark(&self) -> EpochMs {
        let by_log = before(self.newest.unwrap_or_default(), self.timing.lateness);
        by_log.max(self.by_clock(self.read_through))
    }

    fn by_clock(&self, now: EpochMs) -> EpochMs {
        before(now, self.timing.lateness + self.timing.silence_margin)
    }

    fn is_quiet(&self) -> bool {
        let since = self.newest.or(self.first_silent);
        since.is_some_and(|since| before(self.read_through, self.timing.idle_after) >= since)
    }

    fn is_replaying(&self) -> bool {
        self.position < self.decided_before
    }

    fn advance_to(&mut self, position: Offset) {
        self.position = self.position.max(position);
    }
}

impl LogFold for PartitionFold {
    type Closing = Closing;

    fn position(&self) -> Offset {
        self.position
    }

    fn must_reach(&self) -> Offset {
        self.decided_before
    }

    fn read_through(&mut self, end: Offset, at: EpochMs) {
        self.advance_to(end);
        self.read_through = self.read_through.max(at);
        self.first_silent.get_or_insert(at);
    }

    fn wants_proof(&self, now: EpochMs) -> bool {
        let due = self.timing.window.last_ended(self.by_clock(now));
        self.is_replaying() || (self.is_awake && due > self.windows.closed_through())
    }

    fn close(&mut self) -> Option<(Closing, Commit)> {
        self.close_through(self.watermark())
    }
}

/// `span` before `moment`.
pub(super) fn before(moment: EpochMs, span: Duration) -> EpochMs {
    EpochMs(moment.0.saturating_sub(span.as_millis() as u64))
}

#[cfg(test)]
mod tests;
