//! Tumbling windows: the fold that counts reactions by append time, per stream and window.
//!
//! A window takes reactions until the watermark passes its end, and is then closed for good. What
//! comes later for it is carried into the next window to close, so nothing is ever dropped.

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::sync::Arc;

use super::{Emoji, EpochMs, EventId, Seq, StreamName, Tally, WindowSize};

/// Event ids remembered per stream and window, about 100 bytes each. Further ones are counted
/// without being remembered.
const MAX_EVENT_IDS: usize = 1_000_000;

/// Counts of one input partition for one window of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// The stream counted.
    pub stream: StreamName,
    /// The window counted.
    pub seq: Seq,
    /// The counts.
    pub tally: Tally,
    /// How many of the counts were carried from a window already closed.
    pub late: u64,
    /// How many were left out as sent before.
    pub deduplicated: u64,
}

/// A whole window of a stream. `running` and `ordinal` include this window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The stream counted.
    pub stream: StreamName,
    /// The window counted.
    pub seq: Seq,
    /// The counts.
    pub tally: Tally,
    /// How many of the counts were carried from a window already closed.
    pub late: u64,
    /// How many were left out as sent before.
    pub deduplicated: u64,
    /// Totals of the stream through this window.
    pub running: Arc<Tally>,
    /// How many windows of this stream were published through this one.
    pub ordinal: u64,
}

/// What became of one reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// In its own window.
    Counted,
    /// In the next window to close, as its own had closed.
    Late,
    /// Nowhere: the same event id is in that window already.
    Duplicate,
}

/// The fold of one input partition over all its streams.
#[derive(Debug)]
pub struct TumblingWindows {
    size: WindowSize,
    /// No window at or before this one is ever opened again.
    closed_through: Seq,
    /// Every key is after `closed_through`.
    open: BTreeMap<Seq, BTreeMap<StreamName, OpenWindow>>,
}

#[derive(Debug, Default)]
struct OpenWindow {
    tally: Tally,
    late: u64,
    deduplicated: u64,
    event_ids: HashSet<EventId>,
}

impl TumblingWindows {
    /// Starts with every window through `start` closed.
    pub fn new(size: WindowSize, start: Seq) -> Self {
        Self {
            size,
            closed_through: start,
            open: BTreeMap::new(),
        }
    }

    /// Counts one reaction that was appended `at` that moment.
    pub fn add(
        &mut self,
        at: EpochMs,
        stream: &StreamName,
        emoji: Emoji,
        count: u32,
        event_id: Option<&EventId>,
    ) -> Placed {
        let own = self.size.seq_at(at);
        let is_late = own <= self.closed_through;
        let seq = if is_late {
            self.closed_through.next()
        } else {
            own
        };
        let streams = self.open.entry(seq).or_default();
        // `entry` would clone the name for every reaction.
        let window = match streams.get_mut(stream) {
            Some(window) => window,
            None => streams.entry(stream.clone()).or_default(),
        };

        let copies = u64::from(count);
        if event_id.is_some_and(|id| !is_first(&mut window.event_ids, id, MAX_EVENT_IDS)) {
            window.deduplicated += copies;
            return Placed::Duplicate;
        }
        window.tally.add(emoji, copies);
        if is_late {
            window.late += copies;
            return Placed::Late;
        }
        Placed::Counted
    }

    /// Closes every window that ended at or before the watermark. Partials come in order of window
    /// and stream; one without anything to report is left out.
    pub fn close_through(&mut self, watermark: EpochMs) -> Vec<Partial> {
        let through = self.size.last_ended(watermark).max(self.closed_through);
        let still_open = self.open.split_off(&through.next());
        let closed = mem::replace(&mut self.open, still_open);
        self.closed_through = through;
        partials(closed)
    }

    /// Closes everything open, however young: a drain.
    pub fn close_all(&mut self) -> Vec<Partial> {
        let closed = mem::take(&mut self.open);
        if let Some((&last, _)) = closed.last_key_value() {
            self.closed_through = last;
        }
        partials(closed)
    }

    /// The last window that is closed for good.
    pub fn closed_through(&self) -> Seq {
        self.closed_through
    }

    /// Everything counted and not yet closed.
    pub fn open_total(&self) -> u64 {
        let windows = self.open.values().flat_map(BTreeMap::values);
        windows.map(|window| window.tally.total()).sum()
    }

    /// The oldest window that holds something.
    pub fn oldest_open(&self) -> Option<Seq> {
        self.open.keys().next().copied()
    }
}

/// Whether `id` was not seen yet; remembers it while there are fewer than `limit`.
fn is_first(seen: &mut HashSet<EventId>, id: &EventId, limit: usize) -> bool {
    if seen.contains(id) {
        return false;
    }
    if seen.len() < limit {
        seen.insert(id.clone());
    }
    true
}

fn partials(closed: BTreeMap<Seq, BTreeMap<StreamName, OpenWindow>>) -> Vec<Partial> {
    let windows = closed.into_iter().flat_map(|(seq, streams)| {
        streams.into_iter().map(move |(stream, window)| Partial {
            stream,
            seq,
            tally: window.tally,
            late: window.late,
            deduplicated: window.deduplicated,
        })
    });
    windows
        .filter(|partial| !partial.tally.is_empty() || partial.deduplicated > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    const FIRST_MS: u64 = 10_000;

    fn fire() -> Emoji {
        Emoji::parse("🔥").unwrap()
    }

    fn id(text: &str) -> EventId {
        EventId::parse(text).unwrap()
    }

    /// Windows of one second, closed through number 9.
    fn windows() -> TumblingWindows {
        TumblingWindows::new(WindowSize::try_new(Duration::from_secs(1)).unwrap(), Seq(9))
    }

    fn add(windows: &mut TumblingWindows, at: u64, count: u32) -> Placed {
        windows.add(EpochMs(at), &StreamName::main(), fire(), count, None)
    }

    fn add_with_id(windows: &mut TumblingWindows, at: u64, stream: &str, event: &str) -> Placed {
        let stream = StreamName::parse(stream).unwrap();
        windows.add(EpochMs(at), &stream, fire(), 2, Some(&id(event)))
    }

    fn totals(partials: &[Partial]) -> Vec<(u64, u64, u64)> {
        partials
            .iter()
            .map(|part| (part.seq.0, part.tally.total(), part.late))
            .collect()
    }

    #[test]
    fn a_window_closes_when_the_watermark_reaches_its_end() {
        let mut windows = windows();
        assert_eq!(add(&mut windows, FIRST_MS, 1), Placed::Counted);
        assert_eq!(add(&mut windows, FIRST_MS + 999, 2), Placed::Counted);
        assert_eq!(add(&mut windows, FIRST_MS + 1_000, 4), Placed::Counted);

        assert_eq!(windows.close_through(EpochMs(FIRST_MS + 999)), []);
        assert_eq!(
            totals(&windows.close_through(EpochMs(FIRST_MS + 1_000))),
            [(10, 3, 0)]
        );
        assert_eq!(windows.closed_through(), Seq(10));
        assert_eq!(
            (windows.open_total(), windows.oldest_open()),
            (4, Some(Seq(11)))
        );
    }

    #[test]
    fn a_late_reaction_is_carried_into_the_next_window_to_close() {
        let mut windows = windows();
        assert_eq!(add(&mut windows, FIRST_MS - 1, 3), Placed::Late);
        assert_eq!(add(&mut windows, 0, 4), Placed::Late);
        assert_eq!(add(&mut windows, FIRST_MS + 5, 1), Placed::Counted);
        assert_eq!(
            totals(&windows.close_through(EpochMs(FIRST_MS + 1_000))),
            [(10, 8, 7)]
        );

        assert_eq!(add(&mut windows, FIRST_MS + 5, 1), Placed::Late);
        assert_eq!(
            totals(&windows.close_through(EpochMs(FIRST_MS + 2_000))),
            [(11, 1, 1)]
        );
    }

    #[test]
    fn a_watermark_that_goes_back_opens_nothing_again() {
        let mut windows = windows();
        windows.close_through(EpochMs(FIRST_MS + 5_000));
        assert_eq!(windows.close_through(EpochMs(FIRST_MS)), []);
        assert_eq!(windows.closed_through(), Seq(14));
        assert_eq!(add(&mut windows, FIRST_MS + 4_999, 1), Placed::Late);
    }

    #[test]
    fn a_drain_closes_the_youngest_window_too() {
        let mut windows = windows();
        add(&mut windows, FIRST_MS, 1);
        add(&mut windows, FIRST_MS + 3_000, 2);
        assert_eq!(totals(&windows.close_all()), [(10, 1, 0), (13, 2, 0)]);
        assert_eq!(
            (windows.closed_through(), windows.open_total()),
            (Seq(13), 0)
        );
        assert_eq!(windows.close_all(), []);
        assert_eq!(windows.closed_through(), Seq(13));
    }

    #[test]
    fn an_event_id_counts_once_per_stream_and_window() {
        let mut windows = windows();
        assert_eq!(
            add_with_id(&mut windows, FIRST_MS, "main", "a"),
            Placed::Counted
        );
        assert_eq!(
            add_with_id(&mut windows, FIRST_MS + 1, "main", "a"),
            Placed::Duplicate
        );
        assert_eq!(
            add_with_id(&mut windows, FIRST_MS + 1, "main", "b"),
            Placed::Counted
        );
        assert_eq!(
            add_with_id(&mut windows, FIRST_MS + 1, "other", "a"),
            Placed::Counted
        );
        assert_eq!(
            add_with_id(&mut windows, FIRST_MS + 1_000, "main", "a"),
            Placed::Counted
        );

        let partials = windows.close_all();
        assert_eq!(totals(&partials), [(10, 4, 0), (10, 2, 0), (11, 2, 0)]);
        let deduplicated: Vec<u64> = partials.iter().map(|part| part.deduplicated).collect();
        assert_eq!(deduplicated, [2, 0, 0]);
    }

    #[test]
    fn a_late_event_id_is_compared_in_the_window_it_is_carried_into() {
        let mut windows = windows();
        assert_eq!(add_with_id(&mut windows, 0, "main", "a"), Placed::Late);
        assert_eq!(
            add_with_id(&mut windows, FIRST_MS, "main", "a"),
            Placed::Duplicate
        );
    }

    #[test]
    fn ids_beyond_the_limit_are_taken_as_new_without_being_remembered() {
        let mut seen = HashSet::new();
        assert!(is_first(&mut seen, &id("a"), 1));
        assert!(is_first(&mut seen, &id("b"), 1));
        assert!(is_first(&mut seen, &id("b"), 1));
        assert!(!is_first(&mut seen, &id("a"), 1));
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn partials_come_in_order_of_window_and_stream() {
        let mut windows = windows();
        for (at, stream) in [(11_000, "b"), (10_000, "c"), (11_000, "a"), (10_000, "a")] {
            let stream = StreamName::parse(stream).unwrap();
            windows.add(EpochMs(at), &stream, fire(), 1, None);
        }
        let partials = windows.close_through(EpochMs(20_000));
        let order: Vec<(u64, &str)> = partials
            .iter()
            .map(|part| (part.seq.0, part.stream.as_str()))
            .collect();
        assert_eq!(order, [(10, "a"), (10, "c"), (11, "a"), (11, "b")]);
    }
}
