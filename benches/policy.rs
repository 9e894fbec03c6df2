//! What shaping a window for a cluster costs.

#![allow(
    clippy::unwrap_used,
    reason = "as in tests: what is made here is valid"
)]

use std::hint::black_box;
use std::num::NonZeroU32;

use criterion::Criterion;
use emostream::domain::{Emoji, Policy, Scale, Tally};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    shape(&mut criterion);
    criterion.final_summary();
}

/// Counts of so many emojis, in no order.
fn tally(num_emojis: usize) -> Tally {
    let mut random = fastrand::Rng::with_seed(2026);
    let emojis = Emoji::all().take(num_emojis);
    emojis.map(|emoji| (emoji, random.u64(1..5_000))).collect()
}

fn shape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shape");
    let top_10 = Policy {
        top_n: NonZeroU32::new(10),
        ..Policy::default()
    };
    let legacy = Policy {
        scale: Scale::Legacy,
        ..Policy::default()
    };
    for (name, policy, num_emojis) in [
        ("20 emojis", Policy::default(), 20),
        ("20 emojis, legacy", legacy, 20),
        ("10 of 3,000 emojis", top_10, 3_000),
    ] {
        let tally = tally(num_emojis);
        group.bench_function(name, |bencher| {
            bencher.iter(|| policy.shape(black_box(&tally)));
        });
    }
    group.finish();
}
