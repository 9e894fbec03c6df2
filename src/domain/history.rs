//! The memory behind every session: a ring of cumulative totals.
//!
//! A session is a cursor, and what it has missed is a subtraction of two totals, however many
//! windows lie between. Since each window brings its running totals along, a window that was
//! delivered twice or never does no harm.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Seq, Tally, Window};

/// The recent windows of one stream.
#[derive(Debug)]
pub struct History {
    /// Where the stream stood before the oldest window of the ring.
    floor: Standing,
    /// Rising in `seq` and `ordinal`, all after the floor.
    ring: VecDeque<Arc<Window>>,
    /// Windows kept, at least one.
    retention: usize,
}

/// Where a stream stands after some window.
#[derive(Debug, Clone)]
struct Standing {
    seq: Seq,
    totals: Arc<Tally>,
    ordinal: u64,
}

impl From<&Window> for Standing {
    fn from(window: &Window) -> Self {
        Self {
            seq: window.seq,
            totals: Arc::clone(&window.running),
            ordinal: window.ordinal,
        }
    }
}

/// What a cursor has missed, summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The last window in it.
    pub seq: Seq,
    /// The first window in it.
    pub first: Seq,
    /// How many windows were published in it.
    pub windows: u64,
    /// Their sum.
    pub tally: Tally,
}

impl History {
    /// Knows everything after `floor`, and keeps the newest `retention` windows.
    pub fn new(floor: Seq, retention: usize) -> Self {
        let floor = Standing {
            seq: floor,
            totals: Arc::default(),
            ordinal: 0,
        };
        Self {
            floor,
            ring: VecDeque::new(),
            retention: retention.max(1),
        }
    }

    /// Takes the next window; false if it is already known. One from before the floor of an empty history says where
    /// the stream stood there, and is not kept.
    pub fn push(&mut self, window: Arc<Window>) -> bool {
        let newest = self.newest_standing();
        if window.seq <= newest.seq {
            self.raise_floor(Standing::from(&*window));
            return false;
        }
        // Totals that began anew cannot be subtracted from: only what follows can be told apart.
        let began_anew = window.ordinal <= newest.ordinal || !window.running.covers(&newest.totals);
        if self.ring.is_empty() || began_anew {
            self.floor = Standing {
                seq: newest.seq,
                totals: Arc::new(window.running.since(&window.tally)),
                ordinal: window.ordinal.saturating_sub(1),
            };
            self.ring.clear();
        }
        self.ring.push_back(window);
        if self.ring.len() > self.retention
            && let Some(evicted) = self.ring.pop_front()
        {
            self.floor = Standing::from(&*evicted);
        }
        true
    }

    /// Learns where the stream stood at a window that need not come. It is known from there on, unless a window is here
    /// already, which says it better.
    pub fn stand(&mut self, standing: &super::Standing) {
        self.raise_floor(Standing {
            seq: standing.seq,
            totals: Arc::clone(&standing.running),
            ordinal: standing.ordinal,
        });
    }

    fn raise_floor(&mut self, standing: Standing) {
        if self.ring.is_empty() && standing.ordinal > self.floor.ordinal {
            self.floor = Standing {
                seq: standing.seq.max(self.floor.seq),
                ..standing
            };
        }
    }

    /// The oldest window that a cursor can stand at.
    pub fn floor(&self) -> Seq {
        self.floor.seq
    }

    /// The newest window, or the floor while there is none.
    pub fn newest_seq(&self) -> Seq {
        self.newest().map_or(self.floor.seq, |window| window.seq)
    }

    /// The newest window.
    pub fn newest(&self) -> Option<&Arc<Window>> {
        self.ring.back()
    }

    /// Totals through the newest window.
    pub fn totals(&self) -> Arc<Tally> {
        self.newest_standing().totals
    }

    /// Totals through `seq`; none where it is older than the floor or not there yet.
    pub fn totals_at(&self, seq: Seq) -> Option<Arc<Tally>> {
        let known = (self.floor.seq..=self.newest_seq()).contains(&seq);
        known.then(|| self.standing_at(self.num_through(seq)).totals)
    }

    /// Everything after `seen` through `through` as one span; none where nothing is in between, or
    /// where `seen` is older than the floor.
    pub fn span(&self, seen: Seq, through: Seq) -> Option<Span> {
        let (before, end) = (self.num_through(seen), self.num_through(through));
        if seen < self.floor.seq || before >= end {
            return None;
        }
        let start = self.standing_at(before);
        let (first, last) = (&self.ring[before], &self.ring[end - 1]);
        Some(Span {
            seq: last.seq,
            first: first.seq,
            windows: last.ordinal - start.ordinal,
            tally: last.running.since(&start.totals),
        })
    }

    /// The newest `num_windows` windows, oldest first.
    pub fn last(&self, num_windows: usize) -> impl Iterator<Item = &Arc<Window>> {
        self.ring
            .range(self.ring.len().saturating_sub(num_windows)..)
    }

    /// How many windows of the ring are at or before `seq`.
    fn num_through(&self, seq: Seq) -> usize {
        self.ring.partition_point(|window| window.seq <= seq)
    }

    /// Where the stream stood after the first `num_windows` of the ring.
    fn standing_at(&self, num_windows: usize) -> Standing {
        match num_windows.checked_sub(1) {
            Some(index) => Standing::from(&*self.ring[index]),
            None => self.floor.clone(),
        }
    }

    fn newest_standing(&self) -> Standing {
        self.standing_at(self.ring.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Emoji, StreamName};

    const FLOOR: Seq = Seq(100);

    /// One published window of a stream: how far after the one before, and its counts.
    type Step = (u64, Vec<u64>);

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        let step = (1..4_u64, prop::collection::vec(0..50_u64, 0..4));
        prop::collection::vec(step, 1..30)
    }

    fn published(steps: &[Step], totals_before: u64) -> Vec<Arc<Window>> {
        let mut seq = FLOOR;
        let mut running: Tally = Emoji::all()
            .take(1)
            .map(|emoji| (emoji, totals_before))
            .collect();
        let window = |(ordinal, (gap, counts)): (u64, &Step)| {
            let tally: Tally = Emoji::all().zip(counts.iter().copied()).collect();
            seq = Seq(seq.0 + gap);
            running.merge(&tally);
            Arc::new(Window {
                stream: StreamName::main(),
                seq,
                tally,
                late: 0,
                deduplicated: 0,
                running: Arc::new(running.clone()),
                ordinal,
            })
        };
        (1..).zip(steps).map(window).collect()
    }

    fn sum<'a>(windows: impl IntoIterator<Item = &'a Arc<Window>>) -> Tally {
        windows
            .into_iter()
            .flat_map(|window| window.tally.iter())
            .collect()
    }

    fn merged(left: &Tally, right: &Tally) -> Tally {
        let mut merged = left.clone();
        merged.merge(right);
        merged
    }

    #[test]
    fn an_empty_history_stands_at_its_floor() {
        let history = History::new(FLOOR, 5);
        assert_eq!((history.floor(), history.newest_seq()), (FLOOR, FLOOR));
        assert_eq!(history.newest(), None);
        assert_eq!(history.totals_at(FLOOR), Some(Arc::default()));
        assert_eq!(history.span(FLOOR, Seq(200)), None);
    }

    #[test]
    fn a_history_that_starts_late_stands_on_exact_totals_at_once() {
        let windows = published(&[(1, vec![5]), (1, vec![7])], 990);
        let mut history = History::new(FLOOR, 5);
        assert!(history.push(Arc::clone(&windows[1])));
        assert_eq!(history.totals().total(), 1_002);
        assert_eq!(history.totals_at(FLOOR).unwrap().total(), 995);
        let span = history.span(FLOOR, windows[1].seq).unwrap();
        assert_eq!((span.windows, span.tally.total()), (1, 7));
    }

    #[test]
    fn windows_from_before_the_floor_say_where_the_stream_stands_there() {
        let windows = published(&[(1, vec![5]), (1, vec![7]), (1, vec![1])], 990);
        let mut history = History::new(Seq(FLOOR.0 + 2), 5);
        for index in [1, 0, 1] {
            assert!(!history.push(Arc::clone(&windows[index])));
            assert_eq!(history.totals().total(), 1_002, "the newest of them");
        }
        assert_eq!(history.newest(), None);
        assert!(history.push(Arc::clone(&windows[2])));
        let span = history.span(Seq(FLOOR.0 + 2), Seq(FLOOR.0 + 3)).unwrap();
        assert_eq!((span.windows, span.tally.total()), (1, 1));
    }

    fn standing(window: &Window) -> super::super::Standing {
        super::super::Standing {
            stream: window.stream.clone(),
            seq: window.seq,
            running: Arc::clone(&window.running),
            ordinal: window.ordinal,
            empty_in_a_row: 0,
        }
    }

    #[test]
    fn a_stream_that_is_only_said_to_stand_somewhere_goes_on_from_there() {
        let windows = published(&[(1, vec![5]), (1, vec![7]), (1, vec![1])], 990);
        for (floor, stands_at) in [(Seq(FLOOR.0 + 2), FLOOR.0 + 2), (FLOOR, FLOOR.0 + 2)] {
            let mut history = History::new(floor, 5);
            history.stand(&standing(&windows[1]));
            assert_eq!(history.newest(), None, "there is no such window");
            assert_eq!(history.newest_seq(), Seq(stands_at));
            assert_eq!(history.totals().total(), 1_002);
            for known in [1, 0] {
                assert!(!history.push(Arc::clone(&windows[known])));
                assert_eq!(history.totals().total(), 1_002);
            }
            assert!(history.push(Arc::clone(&windows[2])));
            let span = history.span(Seq(stands_at), windows[2].seq).unwrap();
            assert_eq!((span.windows, span.tally.total()), (1, 1));
            assert_eq!(history.totals().total(), 1_003);
        }
    }

    #[test]
    fn whoever_has_a_window_or_stands_further_on_need_not_be_told() {
        let windows = published(&[(1, vec![5]), (1, vec![7]), (1, vec![1])], 990);
        let mut history = History::new(FLOOR, 5);
        history.stand(&standing(&windows[1]));
        history.stand(&standing(&windows[0]));
        assert_eq!(
            (history.newest_seq(), history.totals().total()),
            (windows[1].seq, 1_002)
        );
        let mut history = History::new(FLOOR, 5);
        assert!(history.push(Arc::clone(&windows[1])));
        for window in &windows {
            history.stand(&standing(window));
            assert_eq!(history.newest(), Some(&windows[1]));
            assert_eq!((history.floor(), history.totals().total()), (FLOOR, 1_002));
        }
    }

    #[test]
    fn a_window_delivered_twice_is_no_news() {
        let windows = published(&[(1, vec![5]), (1, vec![7])], 0);
        let mut history = History::new(FLOOR, 5);
        assert!(history.push(Arc::clone(&windows[0])));
        assert!(history.push(Arc::clone(&windows[1])));
        assert!(!history.push(Arc::clone(&windows[0])));
        assert!(!history.push(Arc::clone(&windows[1])));
        assert_eq!(
            history.last(5).collect::<Vec<_>>(),
            [&windows[0], &windows[1]]
        );
        assert_eq!(history.last(1).collect::<Vec<_>>(), [&windows[1]]);
    }

    #[test]
    fn totals_that_begin_anew_are_not_mixed_with_those_before() {
        let before = published(&[(1, vec![50]), (1, vec![70])], 0);
        let anew = published(&[(5, vec![3])], 0);
        let mut history = History::new(FLOOR, 5);
        before
            .into_iter()
            .chain(anew)
            .for_each(|window| assert!(history.push(window)));
        assert_eq!((history.floor(), history.totals().total()), (Seq(102), 3));
        assert_eq!(history.span(Seq(102), Seq(105)).unwrap().tally.total(), 3);
        assert_eq!(history.span(Seq(101), Seq(105)), None);
    }

    /// As when a merger has lost a part of its totals, or somebody else writes windows.
    #[test]
    fn totals_that_fall_begin_anew_whatever_the_ordinal_says() {
        let before = published(&[(1, vec![50]), (1, vec![70])], 0);
        let fallen = published(&[(1, vec![]), (1, vec![]), (3, vec![3])], 0).pop();
        let mut history = History::new(FLOOR, 5);
        before
            .into_iter()
            .chain(fallen)
            .for_each(|window| assert!(history.push(window)));
        assert_eq!((history.floor(), history.totals().total()), (Seq(102), 3));
        assert_eq!(history.span(Seq(102), Seq(105)).unwrap().tally.total(), 3);
    }

    proptest! {
        #[test]
        fn spans_are_the_sums_of_the_windows_between(
            steps in any_steps(), retention in 1..40_usize, totals_before in 0..1_000_u64,
        ) {
            let windows = published(&steps, totals_before);
            let mut history = History::new(FLOOR, retention);
            for window in &windows {
                prop_assert!(history.push(Arc::clone(window)));
            }
            let kept = &windows[windows.len().saturating_sub(retention)..];
            prop_assert_eq!(history.last(usize::MAX).count(), kept.len());

            let newest = windows.last().unwrap().seq;
            let seqs = || (FLOOR.0 - 1..=newest.0 + 2).map(Seq);
            let pairs = seqs().flat_map(|seen| seqs().map(move |through| (seen, through)));
            for (seen, through) in pairs {
                let between: Vec<&Arc<Window>> =
                    kept.iter().filter(|window| seen < window.seq && window.seq <= through).collect();
                let expected = (seen >= history.floor() && !between.is_empty()).then(|| Span {
                    seq: between[between.len() - 1].seq,
                    first: between[0].seq,
                    windows: u64::try_from(between.len()).unwrap(),
                    tally: sum(between.iter().copied()),
                });
                prop_assert_eq!(history.span(seen, through), expected, "{} to {}", seen, through);
            }
        }

        #[test]
        fn totals_are_known_from_the_floor_to_the_newest(steps in any_steps(), retention in 1..40_usize) {
            let windows = published(&steps, 0);
            let mut history = History::new(FLOOR, retention);
            windows.iter().for_each(|window| assert!(history.push(Arc::clone(window))));
            for seq in (FLOOR.0 - 1..=history.newest_seq().0 + 1).map(Seq) {
                let known = history.floor() <= seq && seq <= history.newest_seq();
                let expected = known.then(|| sum(windows.iter().filter(|window| window.seq <= seq)));
                prop_assert_eq!(history.totals_at(seq).map(|totals| (*totals).clone()), expected);
            }
        }

        #[test]
        fn a_cursor_adds_up_whatever_was_lost_doubled_or_evicted(
            steps in any_steps(),
            fates in prop::collection::vec((0..3_usize, any::<bool>()), 30),
            retention in 1..40_usize,
        ) {
            let windows = published(&steps, 7);
            let mut history = History::new(FLOOR, retention);
            let (mut seen, mut held) = (FLOOR, Tally::new());
            for (window, (deliveries, reads)) in windows.iter().zip(fates) {
                for delivery in 0..deliveries {
                    prop_assert_eq!(history.push(Arc::clone(window)), delivery == 0);
                }
                if history.newest().is_none() || seen < history.floor() || seen == FLOOR {
                    // A new session, or one that was away too long: it is told the totals.
                    (seen, held) = (history.newest_seq(), (*history.totals()).clone());
                } else if reads && let Some(span) = history.span(seen, history.newest_seq()) {
                    prop_assert!(span.seq > seen);
                    held = merged(&held, &span.tally);
                    seen = span.seq;
                }
                let totals = history.totals_at(seen);
                prop_assert_eq!(totals.as_deref(), Some(&held));
            }
        }
    }
}
