//! A deterministic simulation of the log: the folds and the state machine of `emostream::domain` as they run on Kafka,
//! through crashes, aborts, unclear ends, rebalances, disorder and instances that do not know that they are dead.
//!
//! `EMOSTREAM_SIM_SEEDS` sets how many seeds are run, `EMOSTREAM_SIM_FIRST` the first of them: a failure names the seed
//! that shows it.

mod record;
mod broker;
mod group;
mod roles;
mod world;
mod host;
mod run;
mod oracle;

use std::thread;

use group::Stage;
use run::{Planted, Run};
use world::Fault;

const NUM_SEEDS: u64 = 10_000;
const NUM_THREADS: u64 = 2;
/// How many seeds a planted fault has to be found in.
const NUM_PLANTED_SEEDS: u64 = 50;

/// How often each kind of trouble has happened in all runs.
#[derive(Debug, Default)]
struct Sums {
    crashes: u64,
    aborted: u64,
    unclear: u64,
    fenced: u64,
    revoked: u64,
    unstable: u64,
    proofs: u64,
    windows: u64,
    empty_windows: u64,
    late: u64,
    deduplicated: u64,
    grown: u64,
}

impl Sums {
    fn enter(&mut self, run: &Run) {
        self.crashes += run.num_crashes;
        self.aborted += run.trouble.aborted;
        self.unclear += run.trouble.unclear;
        self.fenced += run.trouble.fenced;
        self.revoked += run.trouble.revoked;
        self.unstable += run.trouble.unstable;
        self.proofs += run.trouble.proofs;
        self.grown += u64::from(run.settings.num_inputs > 2);
        for window in oracle::windows(run).values().flatten() {
            self.windows += 1;
            self.empty_windows += u64::from(window.tally.is_empty());
            self.late += window.late;
            self.deduplicated += window.deduplicated;
        }
    }

    fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.aborted += other.aborted;
        self.unclear += other.unclear;
        self.fenced += other.fenced;
        self.revoked += other.revoked;
        self.unstable += other.unstable;
        self.proofs += other.proofs;
        self.windows += other.windows;
        self.empty_windows += other.empty_windows;
        self.late += other.late;
        self.deduplicated += other.deduplicated;
        self.grown += other.grown;
    }

    /// Every kind of trouble that never came about.
    fn missing(&self) -> Vec<&'static str> {
        let kinds = [
            ("crash", self.crashes),
            ("abort", self.aborted),
            ("unclear end", self.unclear),
            ("fenced instance", self.fenced),
            ("rebalance", self.revoked),
            ("commit that is not stable", self.unstable),
            ("proof of the end", self.proofs),
            ("window", self.windows),
            ("empty window", self.empty_windows),
            ("late reaction", self.late),
            ("duplicate", self.deduplicated),
            ("new partition", self.grown),
        ];
        let missing = kinds.into_iter().filter(|&(_, times)| times == 0);
        missing.map(|(kind, _)| kind).collect()
    }
}

fn setting(name: &str, default: u64) -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a setting of this test, not of the program"
    )]
    let value = std::env::var(name);
    value.map_or(default, |text| text.parse().expect("it is a number"))
}

fn carried_out(seed: u64, planted: Option<Planted>) -> (Run, Vec<String>) {
    let mut run = Run::new(seed, planted);
    run.carry_out();
    let violations = oracle::violations(&run);
    (run, violations)
}

#[test]
fn every_history_counts_each_reaction_once_and_publishes_each_window_once() {
    let first = setting("EMOSTREAM_SIM_FIRST", 0);
    let last = first + setting("EMOSTREAM_SIM_SEEDS", NUM_SEEDS);
    let run_share = |share: u64| {
        let mut sums = Sums::default();
        for seed in (first + share..last).step_by(NUM_THREADS as usize) {
            let (run, violations) = carried_out(seed, None);
            let list = violations.join("\n  ");
            assert!(violations.is_empty(), "seed {seed}:\n  {list}");
            sums.enter(&run);
        }
        sums
    };
    let mut sums = Sums::default();
    thread::scope(|scope| {
        let run_share = &run_share;
        let threads: Vec<_> = (0..NUM_THREADS)
            .map(|share| scope.spawn(move || run_share(share)))
            .collect();
        for thread in threads {
            sums.add(&thread.join().expect("a seed has failed, see above"));
        }
    });
    // A single seed that is looked at again need not see everything.
    if last - first >= 1_000 {
        assert!(
            sums.missing().is_empty(),
            "never happened: {:?}",
            sums.missing()
        );
    }
}

#[test]
fn where_nothing_goes_wrong_no_reaction_misses_its_window() {
    for seed in 0..100 {
        let mut run = Run::calm(seed);
        run.carry_out();
        assert_eq!(
            oracle::violations(&run),
            Vec::<String>::new(),
            "seed {seed}"
        );
        if oracle::is_late_impossible(&run) {
            let windows = oracle::windows(&run);
            let late: u64 = windows.values().flatten().map(|window| window.late).sum();
            assert_eq!(late, 0, "seed {seed}");
        }
    }
}

/// Whether the fault is found, and by the promise that it breaks.
fn is_found(stage: Stage, fault: Fault, broken_promise: &str) -> bool {
    let planted = Some(Planted { stage, fault });
    (0..NUM_PLANTED_SEEDS).any(|seed| {
        let violations = carried_out(seed, planted).1;
        violations
            .iter()
            .any(|violation| violation.contains(broken_promise))
    })
}

#[test]
fn an_aggregator_that_commits_no_metadata_counts_twice_and_is_found_out() {
    let (stage, fault) = (Stage::Aggregator, Fault::NoMetadata);
    assert!(is_found(stage, fault, "a partial was written twice"));
    assert!(
        is_found(stage, fault, "deduplicated"),
        "the sums must be wrong as well"
    );
}

#[test]
fn a_merger_that_commits_no_metadata_publishes_twice_and_is_found_out() {
    assert!(is_found(
        Stage::Merger,
        Fault::NoMetadata,
        "published again"
    ));
}

#[test]
fn an_aggregator_that_flushes_when_it_is_revoked_is_found_out() {
    assert!(is_found(Stage::Aggregator, Fault::FlushOnRevoke, "in time"));
}

#[test]
fn an_aggregator_that_takes_silence_for_the_end_of_the_log_is_found_out() {
    assert!(is_found(
        Stage::Aggregator,
        Fault::CloseOnSilence,
        "in time"
    ));
}
