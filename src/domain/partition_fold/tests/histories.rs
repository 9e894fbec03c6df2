//! Any history of crashes and restarts, over a log that is out of order: each record counts once.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const FIRST_MS: u64 = 100_000;

#[derive(Debug, Clone)]
struct Record {
    at: u64,
    count: u32,
    is_poison: bool,
}

/// What happens after a record was read.
#[derive(Debug, Clone, Copy)]
enum Then {
    ReadOn,
    /// What is due closes, and is committed.
    Close,
    /// What is due closes, and the transaction is aborted.
    Abort,
    /// The instance ends, and another one goes on with windows of this size.
    Crash(u64),
}

fn any_log(disorder_ms: u64) -> impl Strategy<Value = Vec<Record>> {
    let record = (
        0..300_u64,
        0..=disorder_ms,
        1..=5_u32,
        prop::bool::weighted(0.1),
    );
    prop::collection::vec(record, 1..60).prop_map(|steps| {
        let mut now = FIRST_MS;
        let mut log = Vec::new();
        for (gap, back, count, is_poison) in steps {
            now += gap;
            let at = now - back;
            log.push(Record {
                at,
                count,
                is_poison,
            });
        }
        log
    })
}

fn any_steps(sizes: &'static [u64]) -> impl Strategy<Value = Vec<Then>> {
    let then = prop_oneof![
        6 => Just(Then::ReadOn),
        3 => Just(Then::Close),
        1 => Just(Then::Abort),
        2 => prop::sample::select(sizes).prop_map(Then::Crash),
    ];
    prop::collection::vec(then, 1..200)
}

/// The one input partition with its log, what was committed and what was written.
struct Instance<'a> {
    log: &'a [Record],
    timing: PartitionTiming,
    fold: PartitionFold,
    committed: Option<Commit>,
    written: Vec<Partial>,
}

impl<'a> Instance<'a> {
    fn new(log: &'a [Record]) -> Self {
        Self {
            log,
            timing: timing(),
            fold: fresh(),
            committed: None,
            written: Vec::new(),
        }
    }

    fn restart(&mut self) {
        self.fold = match &self.committed {
            None => PartitionFold::start(self.timing, Seq(0)),
            Some(commit) => {
                let written = commit.metadata();
                PartitionFold::restore(self.timing, &Commit::read(commit.offset, &written).unwrap())
            }
        };
    }

    fn read_one(&mut self) {
        let offset = self.fold.position();
        match self.log.get(offset.0 as usize) {
            Some(record) if record.is_poison => self.fold.skip(offset),
            Some(record) => {
                read(&mut self.fold, offset.0, record.at, record.count);
            }
            None => {}
        }
    }

    fn take(&mut self, then: Then) -> Result<(), TestCaseError> {
        match then {
            Then::ReadOn => {}
            Then::Close => {
                let closed = self.fold.close();
                self.commit(closed)?;
            }
            Then::Abort => {
                self.fold.close();
                self.restart();
            }
            Then::Crash(size_ms) => {
                self.timing = timing_of(size_ms);
                self.restart();
            }
        }
        Ok(())
    }

    fn commit(&mut self, closed: Option<(Closing, Commit)>) -> Result<(), TestCaseError> {
        let Some((closing, commit)) = closed else {
            return Ok(());
        };
        if let Some(earlier) = self.committed {
            prop_assert!(earlier.offset <= commit.offset && earlier.position <= commit.position);
            prop_assert!(earlier.closed_through < commit.closed_through);
            prop_assert!(earlier.carried <= commit.carried);
        }
        self.written.extend(closing.partials);
        self.committed = Some(commit);
        Ok(())
    }

    /// Reads to the end and closes all.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..self.log.len() {
            self.read_one();
        }
        let end = Offset(self.log.len() as u64);
        self.fold.read_through(end, EpochMs(FIRST_MS + 1_000_000));
        let closed = self.fold.close();
        self.commit(closed)
    }
}

fn total(log: &[Record]) -> u64 {
    log.iter()
        .filter(|record| !record.is_poison)
        .map(|record| u64::from(record.count))
        .sum()
}

fn run<'a>(log: &'a [Record], steps: &[Then]) -> Result<Instance<'a>, TestCaseError> {
    let mut instance = Instance::new(log);
    for &then in steps {
        instance.read_one();
        instance.take(then)?;
    }
    instance.finish()?;
    Ok(instance)
}

proptest! {
    /// With as much lateness as disorder the windows do not depend on the history at all.
    #[test]
    fn any_history_of_crashes_gives_the_same_windows(log in any_log(200), steps in any_steps(&[SIZE_MS])) {
        let instance = run(&log, &steps)?;
        let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
        for record in log.iter().filter(|record| !record.is_poison) {
            *expected.entry(record.at / SIZE_MS).or_default() += u64::from(record.count);
        }
        let written = instance.written.iter().map(|partial| (partial.seq.0, partial.tally.total()));
        prop_assert!(written.eq(expected), "{:?}", instance.written);
        prop_assert!(instance.written.iter().all(|partial| partial.late == 0));
    }

    /// With more disorder some are late, and each counts once all the same.
    #[test]
    fn reading_again_never_counts_twice_however_late_records_are(
        log in any_log(3_000), steps in any_steps(&[SIZE_MS]),
    ) {
        let instance = run(&log, &steps)?;
        let written: u64 = instance.written.iter().map(|partial| partial.tally.total()).sum();
        prop_assert_eq!(written, total(&log));
        prop_assert!(instance.written.is_sorted_by(|one, next| one.seq < next.seq));
        let late: u64 = instance.written.iter().map(|partial| partial.late).sum();
        prop_assert_eq!(instance.committed.map_or(0, |commit| commit.carried), late);
    }

    /// Restarts may change the size of the windows as well.
    #[test]
    fn a_change_of_the_window_size_loses_nothing_and_counts_nothing_twice(
        log in any_log(1_000), steps in any_steps(&[300, 700, 1_000, 2_000]),
    ) {
        let instance = run(&log, &steps)?;
        let written: u64 = instance.written.iter().map(|partial| partial.tally.total()).sum();
        prop_assert_eq!(written, total(&log));
    }
}
