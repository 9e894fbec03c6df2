//! What adding up costs: two tallies, the partials of all partitions, and what a session has missed.

#![allow(
    clippy::unwrap_used,
    reason = "as in tests: what is made here is valid"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use emostream::domain::{Emoji, History, Partial, PartialMerge, Seq, StreamName, Tally, Window};

/// Partitions of the input, as Kafka has them by default.
const NUM_PARTITIONS: usize = 3;

/// Windows that a session may have missed: 10 minutes of 2 s.
const RETENTION: usize = 300;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tallies(&mut criterion);
    partials(&mut criterion);
    history(&mut criterion);
    criterion.final_summary();
}

/// Counts of so many emojis, `step` apart in the table.
fn tally(num_emojis: usize, step: usize) -> Tally {
    let emojis = Emoji::all().step_by(step).take(num_emojis);
    emojis.zip(1..).collect()
}

fn tallies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tally");
    for (name, ours, theirs) in [
        ("20 into 20", tally(20, 97), tally(20, 101)),
        ("20 into 3,000", tally(3_000, 1), tally(20, 101)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || ours.clone(),
                |ours| ours.merge(black_box(&theirs)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn partials(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("partials");
    let seq = Seq(1);
    for num_streams in [1, 100] {
        let of_each: Vec<Partial> = (0..num_streams)
            .map(|number| Partial {
                stream: StreamName::parse(&format!("stream-{number}")).unwrap(),
                seq,
                tally: tally(20, 97),
                late: 0,
                deduplicated: 0,
            })
            .collect();
        let fresh = || {
            let merge = PartialMerge::new(NUM_PARTITIONS, seq.prev(), 5);
            (merge, vec![of_each.clone(); NUM_PARTITIONS])
        };
        group.bench_function(format!("{num_streams} streams"), |bencher| {
            bencher.iter_batched(
                fresh,
                |(mut merge, reports)| {
                    for (partition, partials) in reports.into_iter().enumerate() {
                        merge.report(partition, seq, partials);
                    }
                    (merge.take_complete(), merge)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn history(criterion: &mut Criterion) {
    let mut history = History::new(Seq(0), RETENTION);
    let mut running = Tally::new();
    let newest = RETENTION as u64;
    for number in 1..=newest {
        let counts = tally(20, 97);
        running.merge(&counts);
        history.push(Arc::new(Window {
            stream: StreamName::main(),
            seq: Seq(number),
            tally: counts,
            late: 0,
            deduplicated: 0,
            running: Arc::new(running.clone()),
            ordinal: number,
        }));
    }
    let mut group = criterion.benchmark_group("span");
    for missed in [1, newest - 1] {
        let seen = Seq(newest - missed);
        group.bench_function(format!("{missed} windows"), |bencher| {
            bencher.iter(|| history.span(black_box(seen), Seq(newest)));
        });
    }
    group.finish();
}
