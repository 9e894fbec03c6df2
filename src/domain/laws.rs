//! The laws that hold across folds: from reactions through partitions and partials to whole
//! windows.
//!
//! What happens is generated as a list of steps, carried out by the folds, and compared with a
//! model that sorts reactions into a table.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SIZE_MS: u64 = 100;
const START: Seq = Seq(10);
const NUM_WINDOWS: u64 = 12;
const END: Seq = Seq(START.0 + NUM_WINDOWS);
const MAX_PARTITIONS: usize = 4;

#[derive(Debug, Clone)]
struct Sent {
    at: EpochMs,
    stream: StreamName,
    emoji: Emoji,
    count: u32,
    /// Where it goes; taken modulo the number of partitions.
    partition: usize,
}

/// What else happens right after a reaction was added.
#[derive(Debug, Clone, Copy)]
enum Then {
    Nothing,
    /// Its partition closes what its watermark allows, and reports.
    Close,
    /// The merge hands out what is complete.
    Take,
}

fn size() -> WindowSize {
    WindowSize::try_new(Duration::from_millis(SIZE_MS)).unwrap()
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let streams = ["main", "a", "z"].map(|name| StreamName::parse(name).unwrap());
    let emojis: Vec<Emoji> = Emoji::all().step_by(700).collect();
    let first_ms = size().end(START).0;
    (
        first_ms..first_ms + NUM_WINDOWS * SIZE_MS,
        prop::sample::select(streams.to_vec()),
        prop::sample::select(emojis),
        1..=MAX_COUNT,
        0..MAX_PARTITIONS,
    )
        .prop_map(|(at, stream, emoji, count, partition)| {
            let at = EpochMs(at);
            Sent {
                at,
                stream,
                emoji,
                count,
                partition,
            }
        })
}

fn any_steps() -> impl Strategy<Value = Vec<(Sent, Then)>> {
    let then = prop_oneof![4 => Just(Then::Nothing), 1 => Just(Then::Close), 1 => Just(Then::Take)];
    prop::collection::vec((any_sent(), then), 0..60)
}

/// The windows that should be published, straight from the list of reactions.
fn expected_windows(steps: &[(Sent, Then)], idle_after: u64) -> Vec<Window> {
    let mut table: BTreeMap<(Seq, &StreamName), Tally> = BTreeMap::new();
    for (sent, _) in steps {
        let cell = table
            .entry((size().seq_at(sent.at), &sent.stream))
            .or_default();
        cell.add(sent.emoji, u64::from(sent.count));
    }
    let streams: BTreeSet<&StreamName> = steps.iter().map(|(sent, _)| &sent.stream).collect();
    let mut windows: Vec<Window> = Vec::new();
    for seq in (START.0 + 1..=END.0).map(Seq) {
        for &stream in &streams {
            let tally = table.get(&(seq, stream)).cloned().unwrap_or_default();
            let last_counted = table
                .keys()
                .filter(|key| key.1 == stream && key.0 <= seq)
                .max();
            if last_counted.is_none_or(|key| seq.0 - key.0.0 > idle_after) {
                continue;
            }
            let through_here = table
                .iter()
                .filter(|(key, _)| key.1 == stream && key.0 <= seq);
            let running: Tally = through_here.flat_map(|(_, tally)| tally.iter()).collect();
            let ordinal = windows
                .iter()
                .filter(|window| window.stream == *stream)
                .count()
                + 1;
            windows.push(Window {
                stream: stream.clone(),
                seq,
                tally,
                late: 0,
                deduplicated: 0,
                running: running.into(),
                ordinal: u64::try_from(ordinal).unwrap(),
            });
        }
    }
    windows
}

fn count(folds: &mut [TumblingWindows], sent: &Sent) -> (usize, Placed) {
    let partition = sent.partition % folds.len();
    let fold = &mut folds[partition];
    (
        partition,
        fold.add(sent.at, &sent.stream, sent.emoji, sent.count, None),
    )
}

fn grand_total<'a>(tallies: impl Iterator<Item = &'a Tally>) -> u64 {
    tallies.map(Tally::total).sum()
}

proptest! {
    /// Reactions come in any order, to any partition; each partition closes what it has seen all
    /// of, at any moment; the merge is asked at any moment.
    #[test]
    fn any_order_batching_and_partitioning_gives_the_same_windows(
        steps in any_steps().prop_shuffle(), partitions in 1..=MAX_PARTITIONS, idle_after in 0..6_u64,
    ) {
        let mut folds: Vec<TumblingWindows> =
            (0..partitions).map(|_| TumblingWindows::new(size(), START)).collect();
        let mut merge = PartialMerge::new(partitions, START, idle_after);
        let mut windows = Vec::new();

        for (index, (sent, then)) in steps.iter().enumerate() {
            let (partition, placed) = count(&mut folds, sent);
            prop_assert_eq!(placed, Placed::Counted);
            match then {
                Then::Nothing => {}
                Then::Close => {
                    let to_come = steps[index + 1..].iter().map(|(later, _)| later);
                    let same = to_come.filter(|later| later.partition % partitions == partition);
                    let watermark = same.map(|later| later.at).min().unwrap_or(size().end(END));
                    let partials = folds[partition].close_through(watermark);
                    merge.report(partition, folds[partition].closed_through(), partials);
                }
                Then::Take => windows.extend(merge.take_complete()),
            }
        }
        for (partition, fold) in folds.iter_mut().enumerate() {
            let partials = fold.close_through(size().end(END));
            merge.report(partition, fold.closed_through(), partials);
        }
        windows.extend(merge.take_complete());

        prop_assert_eq!(windows, expected_windows(&steps, idle_after));
        prop_assert_eq!((merge.pending_total(), merge.published_through()), (0, END));
    }

    /// Partitions close too early and the merge waits for nobody: windows shift, nothing is lost.
    #[test]
    fn counts_out_are_reactions_in_however_late(
        steps in any_steps(), partitions in 1..=MAX_PARTITIONS, idle_after in 0..6_u64, lead in 0..4_u64,
    ) {
        let mut folds: Vec<TumblingWindows> =
            (0..partitions).map(|_| TumblingWindows::new(size(), START)).collect();
        let mut merge = PartialMerge::new(partitions, START, idle_after);
        let mut windows = Vec::new();
        let (mut sent_so_far, mut late_so_far) = (0, 0);

        for (sent, then) in &steps {
            let (partition, placed) = count(&mut folds, sent);
            sent_so_far += u64::from(sent.count);
            late_so_far += if placed == Placed::Late { u64::from(sent.count) } else { 0 };
            match then {
                Then::Nothing => {}
                Then::Close => {
                    let partials = folds[partition].close_through(sent.at);
                    merge.report(partition, folds[partition].closed_through(), partials);
                }
                Then::Take => windows.extend(merge.take_through(Seq(size().seq_at(sent.at).0 + lead))),
            }
            let open: u64 = folds.iter().map(TumblingWindows::open_total).sum();
            let out = grand_total(windows.iter().map(|window: &Window| &window.tally));
            prop_assert_eq!(open + merge.pending_total() + out, sent_so_far);
        }
        for (partition, fold) in folds.iter_mut().enumerate() {
            let partials = fold.close_all();
            merge.report(partition, fold.closed_through(), partials);
        }
        windows.extend(merge.take_through(Seq(END.0 + 100)));

        prop_assert_eq!(grand_total(windows.iter().map(|window| &window.tally)), sent_so_far);
        prop_assert_eq!(grand_total(merge.latest().map(|window| &*window.running)), sent_so_far);
        prop_assert!(windows.iter().map(|window| window.late).sum::<u64>() >= late_so_far);
        prop_assert!(windows.iter().all(|window| window.late <= window.tally.total()));
        let places = windows.iter().map(|window| (window.seq, &window.stream));
        prop_assert!(places.is_sorted_by(|earlier, later| earlier < later));
        for newest in merge.latest() {
            let of_stream: Vec<&Window> =
                windows.iter().filter(|window| window.stream == newest.stream).collect();
            prop_assert_eq!(of_stream.last(), Some(&newest));
            prop_assert!(of_stream.iter().map(|window| window.ordinal).eq(1..=newest.ordinal));
        }
    }

    /// One partition and no deadline: exactly what came after its window had closed is late.
    #[test]
    fn late_is_exactly_what_came_after_its_window_had_closed(steps in any_steps()) {
        let mut fold = TumblingWindows::new(size(), START);
        let mut partials = Vec::new();
        let mut expected_late = 0;
        for (sent, then) in &steps {
            let is_closed = size().seq_at(sent.at) <= fold.closed_through();
            expected_late += if is_closed { u64::from(sent.count) } else { 0 };
            count(std::slice::from_mut(&mut fold), sent);
            if matches!(then, Then::Close) {
                partials.extend(fold.close_through(sent.at));
            }
        }
        partials.extend(fold.close_all());
        prop_assert_eq!(partials.iter().map(|part| part.late).sum::<u64>(), expected_late);
    }

    /// Within a (stream, window) each id counts once, in whatever order they come.
    #[test]
    fn an_event_id_counts_once_wherever_it_stands(
        sent in prop::collection::vec((any_sent(), prop::option::of("[ab]{1,2}")), 0..40).prop_shuffle(),
    ) {
        let mut fold = TumblingWindows::new(size(), START);
        let mut seen = BTreeSet::new();
        let (mut counted, mut deduplicated) = (0, 0);
        for (reaction, id) in &sent {
            let event_id = id.as_deref().map(|id| EventId::parse(id).unwrap());
            let is_first = event_id.is_none()
                || seen.insert((size().seq_at(reaction.at), &reaction.stream, event_id.clone()));
            let Sent { at, stream, emoji, count, .. } = reaction;
            let placed = fold.add(*at, stream, *emoji, *count, event_id.as_ref());
            prop_assert_eq!(placed, if is_first { Placed::Counted } else { Placed::Duplicate });
            *(if is_first { &mut counted } else { &mut deduplicated }) += u64::from(reaction.count);
        }
        let partials = fold.close_all();
        prop_assert_eq!(grand_total(partials.iter().map(|part| &part.tally)), counted);
        prop_assert_eq!(partials.iter().map(|part| part.deduplicated).sum::<u64>(), deduplicated);
    }

    /// Tallies merged pair by pair, in any tree, are their plain sum.
    #[test]
    fn any_merge_tree_gives_the_same_sum(
        sent in prop::collection::vec(any_sent(), 1..40),
        picks in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 40),
    ) {
        let whole: Tally = sent.iter().map(|one| (one.emoji, u64::from(one.count))).collect();
        let mut parts: Vec<Tally> =
            sent.iter().map(|one| [(one.emoji, u64::from(one.count))].into_iter().collect()).collect();
        for (one, other) in picks {
            if parts.len() > 1 {
                let taken = parts.swap_remove(one.index(parts.len()));
                let into = other.index(parts.len());
                parts[into].merge(&taken);
            }
        }
        prop_assert_eq!(parts, [whole]);
    }
}
