//! What another aggregator writes.

use super::*;

const MS: u64 = 1_000_000_000_000_000;

/// Window `seq`, an emoji and its count.
type Line = (u64, &'static str, u64);

fn spark(line: Line) -> Vec<u8> {
    let (seq, emoji, count) = line;
    let record = &values(&window(seq, 1, two_fires(1, 0), two_fires(1, 0)))[0];
    let record = String::from_utf8(record.clone()).unwrap();
    let bounds = &record[..record.find("},").unwrap()];
    format!(r#"{bounds}}},"emoji_type":"{emoji}","count":{count},"final_count":1}}"#).into()
}

impl Reader {
    /// Takes lines at one moment, in milliseconds after all windows of the test.
    fn foreign(&mut self, at: u64, lines: &[Line]) -> Vec<Taken> {
        let take = |(offset, &line): (usize, &Line)| self.take(offset, &spark(line), now(at));
        lines.iter().enumerate().map(take).collect()
    }

    /// Window, total, late, running total and ordinal of what came out at a moment.
    fn rows(&mut self, at: u64) -> Vec<(u64, u64, u64, u64, u64)> {
        let whole = self.gather.take_whole(now(at)).into_iter();
        let windows = whole.map(|gathered| gathered.window);
        let row = |window: Window| {
            let (total, running) = (window.tally.total(), window.running.total());
            (
                window.seq.0 - SEQ.0,
                total,
                window.late,
                running,
                window.ordinal,
            )
        };
        windows.map(row).collect()
    }
}

fn now(at: u64) -> EpochMs {
    EpochMs(late_enough().0 + at)
}

#[test]
fn a_window_closes_a_moment_after_the_next_one_was_seen() {
    let mut reader = Reader::new();
    reader.foreign(0, &[(0, "🔥", 3), (1, "🔥", 4), (0, "😀", 2)]);
    assert_eq!(reader.rows(249), []);
    assert_eq!(reader.rows(250), [(0, 5, 0, 5, 1)]);
    reader.foreign(300, &[(2, "🔥", 1)]);
    assert_eq!(reader.rows(550), [(1, 4, 0, 9, 2)]);
}

#[test]
fn the_last_window_closes_by_the_clock() {
    let mut reader = Reader::new();
    reader.foreign(0, &[(0, "🔥", 3)]);
    assert_eq!(
        (reader.rows(1_999), reader.gather.hold_back(0)),
        (vec![], Some(Offset(0)))
    );
    assert_eq!(
        (reader.rows(2_000), reader.gather.hold_back(0)),
        (vec![(0, 3, 0, 3, 1)], None)
    );
}

#[test]
fn a_record_that_comes_again_is_known_before_and_after_the_close() {
    let mut reader = Reader::new();
    let twice = [(0, "🔥", 3), (0, "🔥", 3)];
    assert_eq!(reader.foreign(0, &twice), [Taken::Kept, Taken::Known]);
    assert_eq!(reader.rows(2_000), [(0, 3, 0, 3, 1)]);
    assert_eq!(reader.foreign(2_001, &twice), [Taken::Known; 2]);
    assert_eq!(reader.rows(9_000), []);
}

#[test]
fn a_count_that_has_grown_counts_by_the_difference() {
    let mut reader = Reader::new();
    reader.foreign(0, &[(0, "🔥", 3), (0, "🔥", 5)]);
    assert_eq!(reader.rows(2_000), [(0, 5, 0, 5, 1)]);
    reader.foreign(2_001, &[(0, "🔥", 9)]);
    assert_eq!(reader.rows(4_001), [(1, 4, 4, 9, 2)]);
}

#[test]
fn what_comes_after_the_close_is_carried_into_the_next_window() {
    let mut reader = Reader::new();
    reader.foreign(0, &[(0, "🔥", 3)]);
    assert_eq!(reader.rows(2_000), [(0, 3, 0, 3, 1)]);
    reader.foreign(2_100, &[(5, "🔥", 1), (0, "😀", 2)]);
    assert_eq!(reader.rows(9_000), [(5, 3, 2, 6, 2)]);
}

#[test]
fn what_is_too_old_to_be_told_from_a_repetition_is_refused() {
    let mut reader = Reader::new();
    for seq in 0..70 {
        reader.foreign(0, &[(seq, "🔥", 1)]);
    }
    let closed = reader.rows(9_000);
    assert_eq!((closed.len(), closed[69]), (70, (69, 1, 0, 70, 70)));
    let answers = reader.foreign(9_000, &[(5, "🔥", 2), (6, "🔥", 1), (6, "🔥", 2)]);
    assert_eq!(
        answers,
        [Taken::Refused(Refusal::TooOld), Taken::Known, Taken::Kept]
    );
}

#[test]
fn totals_go_on_from_where_the_gatherer_is_resumed() {
    let mut reader = Reader::new();
    reader
        .gather
        .resume([window(3, 7, Tally::new(), two_fires(10, 0))]);
    let answers = reader.foreign(0, &[(3, "🔥", 1), (4, "🔥", 2)]);
    assert_eq!(answers, [Taken::Refused(Refusal::TooOld), Taken::Kept]);
    assert_eq!(reader.rows(2_000), [(4, 2, 0, 12, 8)]);
}

#[test]
fn a_window_that_another_writer_has_overtaken_still_counts() {
    let mut reader = Reader::new();
    reader.foreign(0, &[(0, "🔥", 3)]);
    reader.take(
        1,
        &values(&window(4, 7, two_fires(1, 0), two_fires(10, 0)))[0],
        now(0),
    );
    reader.foreign(0, &[(0, "😀", 2)]);
    assert_eq!(reader.rows(2_000), [(4, 1, 1, 10, 7), (5, 5, 0, 15, 8)]);
}

proptest! {
    /// Whatever the batches, their order, repetitions and pauses: the sum is exact, and windows come in order.
    #[test]
    fn nothing_is_lost_and_nothing_counted_twice(
        windows in prop::collection::vec(any_tally(), 1..12),
        disorder in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..60),
        pauses in prop::collection::vec(0..3_000_u64, 1..20),
    ) {
        let lines = (0_u64..).zip(&windows).flat_map(|(seq, tally)| {
            tally.iter().map(move |(emoji, count)| (seq, emoji.as_str(), count))
        });
        let mut lines: Vec<Line> = lines.collect();
        for (index, repeat) in disorder.iter().filter(|_| !windows.iter().all(Tally::is_empty)) {
            let at = index.index(lines.len());
            let line = lines[at];
            if *repeat { lines.push(line) } else { let last = lines.len() - 1; lines.swap(at, last) }
        }
        let mut reader = Reader::new();
        let mut at = 0;
        for (line, pause) in lines.iter().zip(pauses.iter().cycle()) {
            let answers = reader.foreign(at, &[*line]);
            prop_assert!(!matches!(answers[0], Taken::Refused(_)));
            at += pause;
            reader.poll(now(at));
        }
        reader.poll(EpochMs(MS));

        let mut expected = Tally::new();
        windows.iter().for_each(|tally| expected.merge(tally));
        let mut sum = Tally::new();
        for (window, ordinal) in reader.windows().iter().zip(1..) {
            sum.merge(&window.tally);
            prop_assert_eq!(&*window.running, &sum);
            prop_assert_eq!(window.ordinal, ordinal);
        }
        prop_assert_eq!(sum, expected);
        prop_assert!(reader.windows().windows(2).all(|pair| pair[0].seq < pair[1].seq));
    }
}
