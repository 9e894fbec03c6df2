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
fn a_resumed_merge_goes_on_from_the_standings_it_is_given() {
    let mut first = PartialMerge::new(1, Seq(9), 3);
    first.report(0, Seq(11), vec![partial("main", 10, 7)]);
    let published = first.take_complete();
    let standings = first.standings_of(&published);

    let mut resumed = PartialMerge::resume(1, Seq(11), 3, standings);
    assert_eq!(resumed.published_through(), Seq(11));
    resumed.report(0, Seq(20), vec![partial("main", 18, 1)]);
    first.report(0, Seq(20), vec![partial("main", 18, 1)]);
    let windows = resumed.take_complete();
    assert_eq!(
        rows(&windows)[..3],
        [(12, 0, 7, 3), (13, 0, 7, 4), (18, 1, 8, 5)]
    );
    assert_eq!(windows, first.take_complete());
}

#[test]
fn a_stream_that_was_idle_stays_idle_when_a_merge_is_resumed() {
    let mut first = PartialMerge::new(1, Seq(9), 1);
    first.report(0, Seq(20), vec![partial("main", 10, 7)]);
    let published = first.take_complete();
    let mut resumed = PartialMerge::resume(1, Seq(20), 1, first.standings_of(&published));
    resumed.report(0, Seq(30), vec![]);
    assert_eq!(resumed.take_complete(), []);
}

#[test]
fn a_standing_of_a_finer_grid_moves_no_window() {
    let mut first = PartialMerge::new(1, Seq(19), 3);
    first.report(0, Seq(20), vec![partial("main", 20, 7)]);
    let published = first.take_complete();
    let mut resumed = PartialMerge::resume(1, Seq(9), 3, first.standings_of(&published));
    resumed.report(0, Seq(10), vec![partial("main", 10, 1)]);
    assert_eq!(rows(&resumed.take_complete()), [(10, 1, 8, 2)]);
}
