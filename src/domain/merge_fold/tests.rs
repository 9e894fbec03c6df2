#![allow(clippy::unwrap_used)]

mod histories;

use super::*;
use crate::domain::{Emoji, StreamName, Tally};

const SIZE_MS: u64 = 1_000;

fn size(ms: u64) -> WindowSize {
    WindowSize::try_new(Duration::from_millis(ms)).unwrap()
}

fn timing() -> MergeTiming {
    MergeTiming {
        window: size(SIZE_MS),
        grace: Duration::from_millis(500),
        deadline: Duration::from_millis(2_500),
        idle_after: 2,
    }
}

fn fresh() -> MergeFold {
    MergeFold::start(timing(), Seq(0))
}

fn partial(seq: u64, count: u64) -> Partial {
    Partial {
        stream: StreamName::main(),
        seq: Seq(seq),
        tally: [(Emoji::parse("🔥").unwrap(), count)].into_iter().collect(),
        late: 0,
        deduplicated: 0,
    }
}

fn add(fold: &mut MergeFold, offset: u64, seq: u64, count: u64) -> bool {
    fold.apply(Offset(offset), size(SIZE_MS), partial(seq, count))
}

fn word(partition: usize, of: usize, closed_through: u64) -> Punctuation {
    Punctuation {
        partition,
        of,
        closed_through: Seq(closed_through),
        idle: false,
    }
}

fn idle(partition: usize, of: usize, closed_through: u64) -> Punctuation {
    Punctuation {
        idle: true,
        ..word(partition, of, closed_through)
    }
}

fn hear(fold: &mut MergeFold, offset: u64, word: Punctuation) {
    fold.hear(Offset(offset), size(SIZE_MS), word);
}

/// The log is proven to end where the fold stands.
fn prove(fold: &mut MergeFold, at: u64) {
    fold.read_through(fold.position(), EpochMs(at));
}

/// Window, total, running total and ordinal.
fn rows(published: &Published) -> Vec<(u64, u64, u64, u64)> {
    let row = |window: &Window| {
        (
            window.seq.0,
            window.tally.total(),
            window.running.total(),
            window.ordinal,
        )
    };
    published.windows.iter().map(row).collect()
}

fn close(fold: &mut MergeFold) -> Vec<(u64, u64, u64, u64)> {
    fold.close()
        .map(|(published, _)| rows(&published))
        .unwrap_or_default()
}

#[test]
fn a_window_waits_for_every_input_partition_and_for_nothing_else() {
    let mut fold = fresh();
    add(&mut fold, 0, 10, 3);
    hear(&mut fold, 1, word(0, 2, 10));
    assert_eq!(fold.close(), None);
    add(&mut fold, 2, 10, 4);
    hear(&mut fold, 3, word(1, 2, 10));
    let (published, commit) = fold.close().unwrap();
    assert_eq!(rows(&published), [(10, 7, 7, 1)]);
    assert!(published.missing.is_empty());
    let expected = Commit {
        offset: Offset(4),
        closed_through: EpochMs(11_000),
        position: Offset(4),
        carried: 0,
    };
    assert_eq!(commit, expected);
    assert_eq!(fold.close(), None);
}

#[test]
fn a_window_waits_for_an_idle_input_partition_no_longer_than_grace() {
    let mut fold = fresh();
    hear(&mut fold, 0, idle(1, 2, 9));
    add(&mut fold, 1, 10, 3);
    hear(&mut fold, 2, word(0, 2, 10));
    assert_eq!(fold.close(), None);
    assert!(!fold.wants_proof(EpochMs(11_499)));
    assert!(fold.wants_proof(EpochMs(11_500)));
    prove(&mut fold, 11_499);
    assert_eq!(fold.close(), None);
    prove(&mut fold, 11_500);
    assert_eq!(close(&mut fold), [(10, 3, 3, 1)]);
}

#[test]
fn an_input_partition_that_was_not_heard_yet_is_given_grace() {
    let mut fold = fresh();
    add(&mut fold, 0, 10, 3);
    hear(&mut fold, 1, word(0, 2, 10));
    prove(&mut fold, 11_499);
    assert_eq!(fold.close(), None);
    prove(&mut fold, 11_500);
    assert_eq!(close(&mut fold), [(10, 3, 3, 1)]);
}

#[test]
fn a_deadline_gives_up_on_an_input_partition_until_it_speaks_again() {
    let mut fold = fresh();
    hear(&mut fold, 0, word(1, 2, 9));
    add(&mut fold, 1, 10, 3);
    hear(&mut fold, 2, word(0, 2, 12));
    prove(&mut fold, 13_499);
    assert_eq!(fold.close(), None);
    prove(&mut fold, 13_500);
    let (published, _) = fold.close().unwrap();
    assert_eq!(
        (rows(&published), published.missing),
        (vec![(10, 3, 3, 1)], vec![1])
    );
    // From here on it has grace and no more.
    assert_eq!(close(&mut fold), [(11, 0, 3, 2), (12, 0, 3, 3)]);

    add(&mut fold, 3, 13, 1);
    hear(&mut fold, 4, word(0, 2, 13));
    hear(&mut fold, 5, word(1, 2, 10));
    prove(&mut fold, 15_000);
    assert_eq!(fold.close(), None, "it is awaited again");
    hear(&mut fold, 6, word(1, 2, 13));
    assert_eq!(close(&mut fold), [(13, 1, 4, 4)]);
}

#[test]
fn a_partial_after_its_window_is_carried_and_the_count_of_that_is_committed() {
    let mut fold = fresh();
    add(&mut fold, 0, 10, 3);
    hear(&mut fold, 1, word(0, 1, 10));
    fold.close().unwrap();
    assert!(add(&mut fold, 2, 10, 4));
    hear(&mut fold, 3, word(0, 1, 11));
    let (published, commit) = fold.close().unwrap();
    assert_eq!(rows(&published), [(11, 4, 7, 2)]);
    assert_eq!((published.windows[0].late, commit.carried), (4, 4));
}

#[test]
fn a_restored_fold_goes_on_from_the_standings_and_counts_nothing_twice() {
    let mut fold = fresh();
    add(&mut fold, 0, 10, 3);
    add(&mut fold, 1, 11, 5);
    hear(&mut fold, 2, word(0, 1, 10));
    add(&mut fold, 3, 10, 7);
    let (published, commit) = fold.close().unwrap();
    assert_eq!(rows(&published), [(10, 10, 10, 1)]);
    assert_eq!((commit.offset, commit.position), (Offset(1), Offset(4)));

    let mut fold = MergeFold::restore(timing(), &commit, published.standings);
    assert_eq!(fold.position(), Offset(1));
    assert!(add(&mut fold, 1, 11, 5));
    hear(&mut fold, 2, word(0, 1, 10));
    assert!(!add(&mut fold, 3, 10, 7), "it was in the window");
    assert!(add(&mut fold, 4, 10, 1), "it was not");
    hear(&mut fold, 5, word(0, 1, 11));
    assert_eq!(close(&mut fold), [(11, 6, 16, 2)]);
}

#[test]
fn a_word_about_windows_to_come_is_read_again_after_a_restore() {
    let mut fold = fresh();
    hear(&mut fold, 0, word(0, 2, 11));
    add(&mut fold, 1, 10, 3);
    hear(&mut fold, 2, word(1, 2, 10));
    let (published, commit) = fold.close().unwrap();
    assert_eq!(commit.offset, Offset(0));

    let mut fold = MergeFold::restore(timing(), &commit, published.standings);
    hear(&mut fold, 0, word(0, 2, 11));
    add(&mut fold, 1, 10, 3);
    hear(&mut fold, 2, word(1, 2, 10));
    hear(&mut fold, 3, word(1, 2, 11));
    assert_eq!(close(&mut fold), [(11, 0, 3, 2)]);
}

#[test]
fn nothing_is_published_before_all_that_was_read_is_read_again() {
    let commit = Commit {
        offset: Offset(2),
        closed_through: EpochMs(10_000),
        position: Offset(5),
        carried: 0,
    };
    let mut fold = MergeFold::restore(timing(), &commit, []);
    add(&mut fold, 2, 10, 1);
    hear(&mut fold, 3, word(0, 1, 10));
    assert!(fold.wants_proof(EpochMs(0)));
    assert_eq!(fold.close(), None);
    fold.skip(Offset(4));
    assert_eq!(close(&mut fold), [(10, 1, 1, 1)]);
}

#[test]
fn more_input_partitions_are_waited_for_as_soon_as_they_speak() {
    let mut fold = fresh();
    add(&mut fold, 0, 10, 1);
    hear(&mut fold, 1, word(0, 1, 10));
    assert_eq!(close(&mut fold), [(10, 1, 1, 1)]);
    // The new one has not spoken: the others' windows have grace.
    hear(&mut fold, 2, word(0, 2, 11));
    assert_eq!(fold.close(), None);
    hear(&mut fold, 3, word(0, 1, 11));
    assert_eq!(
        fold.close(),
        None,
        "an instance that does not know of it takes nothing back"
    );
    hear(&mut fold, 4, word(1, 2, 11));
    assert_eq!(close(&mut fold), [(11, 0, 1, 2)]);
    hear(&mut fold, 5, word(0, 2, 12));
    assert_eq!(fold.close(), None);
    hear(&mut fold, 6, word(1, 2, 12));
    assert_eq!(close(&mut fold), [(12, 0, 1, 3)]);
}

#[test]
fn a_stream_that_falls_idle_publishes_nothing_and_wants_no_proof() {
    let mut fold = fresh();
    add(&mut fold, 0, 10, 1);
    hear(&mut fold, 1, idle(0, 1, 10));
    prove(&mut fold, 60_000);
    assert_eq!(
        close(&mut fold),
        [(10, 1, 1, 1), (11, 0, 1, 2), (12, 0, 1, 3)]
    );
    assert!(!fold.wants_proof(EpochMs(90_000)));
    prove(&mut fold, 90_000);
    assert_eq!(fold.close(), None);
    // What wakes it up is in its own window, however long that was over when it was heard.
    add(&mut fold, 2, 50, 1);
    assert_eq!(close(&mut fold)[0], (50, 1, 2, 4));
}

#[test]
fn words_without_a_stream_do_not_pile_up() {
    let mut fold = fresh();
    let mut commits = Vec::new();
    for offset in 0..BARE_COMMIT_AFTER * 2 {
        hear(&mut fold, offset, word(0, 1, 10 + offset));
        if let Some((published, commit)) = fold.close() {
            assert_eq!(rows(&published), []);
            commits.push(commit);
        }
    }
    let offsets: Vec<u64> = commits.iter().map(|commit| commit.offset.0).collect();
    assert_eq!(offsets, [BARE_COMMIT_AFTER, BARE_COMMIT_AFTER * 2]);
    let closed = commits[0].closed_through;
    assert_eq!(closed, size(SIZE_MS).end(Seq(10 + BARE_COMMIT_AFTER - 1)));
}

#[test]
fn the_position_alone_is_never_committed_while_a_partial_waits() {
    let mut fold = fresh();
    hear(&mut fold, 0, word(0, 2, 10));
    hear(&mut fold, 1, word(1, 2, 10));
    assert_eq!(fold.close(), None);
    // It is late, and so in no window of its own that would hold its offset back.
    add(&mut fold, 2, 10, 1);
    for offset in 3..BARE_COMMIT_AFTER * 2 {
        hear(&mut fold, offset, word(0, 2, 10));
        assert_eq!(fold.close(), None);
    }
    hear(&mut fold, BARE_COMMIT_AFTER * 2, word(0, 2, 11));
    hear(&mut fold, BARE_COMMIT_AFTER * 2 + 1, word(1, 2, 11));
    assert_eq!(close(&mut fold), [(11, 1, 1, 1)]);
}

#[test]
fn partials_of_another_window_size_find_their_place_in_time() {
    let half = size(500);
    let mut fold = fresh();
    // 10.0 to 10.5 s and 10.5 to 11.0 s are both in the eleventh second.
    fold.apply(Offset(0), half, partial(20, 1));
    fold.apply(Offset(1), half, partial(21, 2));
    fold.hear(Offset(2), half, word(0, 1, 20));
    assert_eq!(fold.close(), None, "the second half of it is not closed");
    fold.hear(Offset(3), half, word(0, 1, 21));
    assert_eq!(close(&mut fold), [(10, 3, 3, 1)]);
}

#[test]
fn a_partial_of_a_finer_grid_that_was_published_is_not_published_again() {
    let half = size(500);
    let commit = Commit {
        offset: Offset(0),
        closed_through: EpochMs(10_500),
        position: Offset(2),
        carried: 0,
    };
    let mut fold = MergeFold::restore(timing(), &commit, []);
    assert!(
        !fold.apply(Offset(0), half, partial(20, 1)),
        "10.0 to 10.5 s was published"
    );
    assert!(
        fold.apply(Offset(1), half, partial(21, 2)),
        "10.5 to 11.0 s was not"
    );
    fold.hear(Offset(2), half, word(0, 1, 21));
    assert_eq!(close(&mut fold), [(10, 2, 2, 1)]);
}

#[test]
fn standings_tell_of_each_stream_once_and_of_its_newest_window() {
    let mut fold = fresh();
    add(&mut fold, 0, 10, 1);
    add(&mut fold, 1, 12, 2);
    hear(&mut fold, 2, word(0, 1, 13));
    let (published, _) = fold.close().unwrap();
    let running: Tally = [(Emoji::parse("🔥").unwrap(), 3)].into_iter().collect();
    let expected = Standing {
        stream: StreamName::main(),
        seq: Seq(13),
        running: running.into(),
        ordinal: 4,
        empty_in_a_row: 1,
    };
    assert_eq!(published.standings, [expected]);
    assert_eq!(
        (fold.pending_total(), fold.published_through()),
        (0, Seq(13))
    );
    assert_eq!(
        fold.latest().map(|window| window.seq).collect::<Vec<_>>(),
        [Seq(13)]
    );
}
