#![allow(clippy::unwrap_used)]

mod histories;

use super::*;

const SIZE_MS: u64 = 1_000;

fn timing_of(size_ms: u64) -> PartitionTiming {
    PartitionTiming {
        window: WindowSize::try_new(Duration::from_millis(size_ms)).unwrap(),
        lateness: Duration::from_millis(200),
        silence_margin: Duration::from_millis(300),
        idle_after: Duration::from_millis(2_000),
    }
}

fn timing() -> PartitionTiming {
    timing_of(SIZE_MS)
}

/// A partition that nobody has committed for.
fn fresh() -> PartitionFold {
    PartitionFold::start(timing(), Seq(0))
}

fn read(fold: &mut PartitionFold, offset: u64, at: u64, count: u32) -> Applied {
    read_event(fold, offset, at, count, None)
}

fn read_event(
    fold: &mut PartitionFold,
    offset: u64,
    at: u64,
    count: u32,
    event_id: Option<&EventId>,
) -> Applied {
    let arrival = Arrival {
        at: EpochMs(at),
        stream: &StreamName::main(),
        emoji: Emoji::parse("🔥").unwrap(),
        count,
        event_id,
    };
    fold.apply(Offset(offset), arrival)
}

/// Window, total and late of each partial.
fn rows(closing: &Closing) -> Vec<(u64, u64, u64)> {
    let partials = closing.partials.iter();
    partials
        .map(|partial| (partial.seq.0, partial.tally.total(), partial.late))
        .collect()
}

fn commit(offset: u64, closed_through: u64, position: u64, carried: u64) -> Commit {
    Commit {
        offset: Offset(offset),
        closed_through: EpochMs(closed_through),
        position: Offset(position),
        carried,
    }
}

const COUNTED: Applied = Applied::Placed(Placed::Counted);
const LATE: Applied = Applied::Placed(Placed::Late);

#[test]
fn a_window_closes_by_the_log_when_a_record_is_younger_than_its_end_by_lateness() {
    let mut fold = fresh();
    assert_eq!(read(&mut fold, 0, 10_100, 1), COUNTED);
    assert_eq!(read(&mut fold, 1, 11_199, 2), COUNTED);
    // What came before is closed without a partial.
    let (closing, _) = fold.close().unwrap();
    assert_eq!((rows(&closing), closing.closed_through), (vec![], Seq(9)));

    assert_eq!(read(&mut fold, 2, 11_200, 4), COUNTED);
    let (closing, committed) = fold.close().unwrap();
    assert_eq!(rows(&closing), [(10, 1, 0)]);
    assert_eq!((closing.closed_through, closing.idle), (Seq(10), false));
    assert_eq!(committed, commit(1, 11_000, 3, 0));
    assert_eq!(fold.open_total(), 6);
    assert_eq!(fold.close(), None);
}

#[test]
fn a_last_reaction_closes_by_the_clock_but_only_on_proof_that_nothing_more_is_there() {
    let mut fold = fresh();
    read(&mut fold, 0, 10_250, 1);
    fold.close();
    assert!(!fold.wants_proof(EpochMs(11_499)));
    assert!(fold.wants_proof(EpochMs(11_500)));
    assert_eq!(fold.close(), None);

    fold.read_through(Offset(1), EpochMs(11_499));
    assert_eq!(fold.close(), None);
    fold.read_through(Offset(1), EpochMs(11_500));
    let (closing, committed) = fold.close().unwrap();
    assert_eq!(rows(&closing), [(10, 1, 0)]);
    assert_eq!(committed, commit(1, 11_000, 1, 0));
}

#[test]
fn an_idle_partition_says_so_once_and_writes_nothing_until_a_record_comes() {
    let mut fold = fresh();
    read(&mut fold, 0, 10_100, 1);
    fold.read_through(Offset(1), EpochMs(12_099));
    assert!(
        !fold.close().unwrap().0.idle,
        "it was heard less than `idle_after` ago"
    );
    fold.read_through(Offset(1), EpochMs(12_500));
    assert!(fold.close().unwrap().0.idle);

    assert!(!fold.wants_proof(EpochMs(60_000)));
    fold.read_through(Offset(1), EpochMs(60_000));
    assert_eq!(fold.close(), None);

    read(&mut fold, 1, 70_000, 2);
    fold.read_through(Offset(2), EpochMs(71_500));
    let (closing, _) = fold.close().unwrap();
    assert_eq!((rows(&closing), closing.idle), (vec![(70, 2, 0)], false));
}

#[test]
fn a_partition_that_was_never_written_to_says_that_it_is_idle() {
    let mut fold = fresh();
    fold.read_through(Offset(0), EpochMs(10_000));
    assert!(!fold.close().unwrap().0.idle);
    fold.read_through(Offset(0), EpochMs(12_000));
    let (closing, committed) = fold.close().unwrap();
    assert_eq!((rows(&closing), closing.idle), (vec![], true));
    assert_eq!(committed, commit(0, 11_000, 0, 0));
}

#[test]
fn the_commit_holds_back_to_the_oldest_record_of_any_open_window() {
    let mut fold = fresh();
    // Out of order: the record of the younger window comes first.
    read(&mut fold, 5, 12_050, 1);
    read(&mut fold, 6, 11_990, 1);
    read(&mut fold, 7, 12_100, 1);
    read(&mut fold, 9, 13_100, 1);
    read(&mut fold, 10, 12_900, 1);
    let (closing, committed) = fold.close_through(EpochMs(12_000)).unwrap();
    assert_eq!(rows(&closing), [(11, 1, 0)]);
    assert_eq!(committed, commit(5, 12_000, 11, 0));
    let (_, committed) = fold.close_through(EpochMs(13_000)).unwrap();
    assert_eq!(committed, commit(9, 13_000, 11, 0));
    let (_, committed) = fold.close_through(EpochMs(14_000)).unwrap();
    assert_eq!(committed, commit(11, 14_000, 11, 0));
}

#[test]
fn a_restored_fold_passes_by_what_was_decided_and_carries_what_is_late() {
    let mut fold = PartitionFold::restore(timing(), &commit(5, 11_000, 8, 3));
    assert_eq!(fold.position(), Offset(5));
    assert_eq!(read(&mut fold, 5, 11_100, 1), COUNTED);
    assert_eq!(read(&mut fold, 6, 10_999, 2), Applied::AlreadyDecided);
    assert_eq!(
        read(&mut fold, 7, 11_000, 4),
        COUNTED,
        "windows are half-open"
    );
    assert_eq!(read(&mut fold, 8, 10_999, 8), LATE);
    let (closing, committed) = fold.close_through(EpochMs(12_000)).unwrap();
    assert_eq!(rows(&closing), [(11, 13, 8)]);
    assert_eq!(committed, commit(9, 12_000, 9, 11));
}

#[test]
fn nothing_closes_before_all_that_was_read_is_read_again() {
    let mut fold = PartitionFold::restore(timing(), &commit(5, 11_000, 8, 0));
    assert!(fold.wants_proof(EpochMs(0)));
    read(&mut fold, 5, 11_100, 1);
    read(&mut fold, 6, 19_000, 1);
    assert_eq!(fold.close(), None);
    read(&mut fold, 7, 11_200, 1);
    assert_eq!(rows(&fold.close().unwrap().0), [(11, 2, 0)]);
}

#[test]
fn a_position_behind_the_last_record_is_reached_by_proof() {
    let mut fold = PartitionFold::restore(timing(), &commit(5, 11_000, 8, 0));
    read(&mut fold, 5, 11_100, 1);
    fold.read_through(Offset(8), EpochMs(12_500));
    assert_eq!(fold.position(), Offset(8));
    assert_eq!(rows(&fold.close().unwrap().0), [(11, 1, 0)]);
}

#[test]
fn a_record_that_is_handed_over_twice_counts_once() {
    let mut fold = fresh();
    read(&mut fold, 0, 10_100, 1);
    assert_eq!(read(&mut fold, 0, 10_100, 1), Applied::AlreadyDecided);
    assert_eq!(fold.open_total(), 1);
}

#[test]
fn a_record_that_cannot_be_read_is_passed_by() {
    let mut fold = fresh();
    fold.skip(Offset(0));
    read(&mut fold, 1, 10_100, 1);
    fold.skip(Offset(2));
    let (closing, committed) = fold.close_through(EpochMs(11_000)).unwrap();
    assert_eq!(rows(&closing), [(10, 1, 0)]);
    assert_eq!(committed, commit(3, 11_000, 3, 0));
}

#[test]
fn event_ids_of_open_windows_are_known_again_after_a_restore() {
    let id = EventId::parse("a").unwrap();
    let mut fold = fresh();
    read_event(&mut fold, 0, 11_100, 1, Some(&id));
    read(&mut fold, 1, 10_900, 1);
    let (_, committed) = fold.close_through(EpochMs(11_000)).unwrap();

    let mut fold = PartitionFold::restore(timing(), &committed);
    assert_eq!(fold.position(), Offset(0));
    read_event(&mut fold, 0, 11_100, 1, Some(&id));
    read(&mut fold, 1, 10_900, 1);
    let again = read_event(&mut fold, 2, 11_200, 1, Some(&id));
    assert_eq!(again, Applied::Placed(Placed::Duplicate));
    let (closing, _) = fold.close_through(EpochMs(12_000)).unwrap();
    assert_eq!(closing.partials[0].deduplicated, 1);
    assert_eq!(rows(&closing), [(11, 1, 0)]);
}

#[test]
fn a_window_that_the_last_close_cuts_in_two_counts_what_came_after_it() {
    // Closed through 11 s in windows of one second; now they are of two.
    let mut fold = PartitionFold::restore(timing_of(2_000), &commit(4, 11_000, 7, 0));
    assert_eq!(read(&mut fold, 4, 11_100, 1), COUNTED);
    assert_eq!(read(&mut fold, 5, 10_500, 2), Applied::AlreadyDecided);
    assert_eq!(read(&mut fold, 6, 11_200, 4), COUNTED);
    assert_eq!(
        read(&mut fold, 7, 10_600, 8),
        COUNTED,
        "its window of two seconds is open"
    );
    assert_eq!(fold.close_through(EpochMs(11_999)), None);
    let (closing, committed) = fold.close_through(EpochMs(12_000)).unwrap();
    assert_eq!(rows(&closing), [(5, 13, 0)]);
    assert_eq!(committed, commit(8, 12_000, 8, 0));
}

#[test]
fn smaller_windows_begin_where_the_larger_ones_ended() {
    let mut fold = PartitionFold::restore(timing_of(500), &commit(4, 11_000, 6, 0));
    assert_eq!(read(&mut fold, 4, 11_100, 1), COUNTED);
    assert_eq!(read(&mut fold, 5, 10_999, 2), Applied::AlreadyDecided);
    assert_eq!(read(&mut fold, 6, 10_999, 4), LATE);
    let (closing, _) = fold.close_through(EpochMs(11_500)).unwrap();
    assert_eq!(rows(&closing), [(22, 5, 4)]);
}
