//! What counting a reaction costs, from one stream and from many, and what closing a window does.

#![allow(
    clippy::unwrap_used,
    reason = "as in tests: what is made here is valid"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use emostream::domain::{
    Countable, Emoji, EpochMs, EventId, StreamName, TumblingWindows, WindowSize,
};

const NUM_EMOJIS: usize = 20;

/// Reactions of a batch, as `ingest.max_batch` has it.
const BATCH: usize = 20_000;

const NOW: EpochMs = EpochMs(1_781_208_000_000);

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    fold(&mut criterion);
    close(&mut criterion);
    criterion.final_summary();
}

fn size() -> WindowSize {
    WindowSize::try_new(Duration::from_secs(2)).unwrap()
}

fn windows() -> TumblingWindows {
    TumblingWindows::new(size(), size().seq_at(NOW).prev())
}

/// A batch in no order that a processor could foresee.
fn batch(num_streams: usize, has_ids: bool) -> Vec<Countable> {
    let mut random = fastrand::Rng::with_seed(2026);
    let emojis: Vec<Emoji> = Emoji::all().step_by(97).take(NUM_EMOJIS).collect();
    let streams: Vec<StreamName> = (0..num_streams)
        .map(|number| StreamName::parse(&format!("stream-{number}")).unwrap())
        .collect();
    let reactions = (0..BATCH).map(|number| Countable {
        stream: streams[random.usize(..num_streams)].clone(),
        emoji: emojis[random.usize(..NUM_EMOJIS)],
        count: 1,
        event_id: has_ids.then(|| EventId::parse(&format!("event-{number}")).unwrap()),
    });
    reactions.collect()
}

fn count(windows: &mut TumblingWindows, batch: &[Countable]) {
    for reaction in batch {
        windows.add(
            NOW,
            &reaction.stream,
            reaction.emoji,
            reaction.count,
            reaction.event_id.as_ref(),
        );
    }
}

fn fold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, num_streams) in [("1 stream", 1), ("100 streams", 100)] {
        let batch = batch(num_streams, false);
        let mut windows = windows();
        group.bench_function(name, |bencher| {
            bencher.iter(|| count(&mut windows, black_box(&batch)));
        });
    }
    let batch = batch(1, true);
    group.bench_function("1 stream, with event ids", |bencher| {
        bencher.iter_batched_ref(
            windows,
            |windows| count(windows, black_box(&batch)),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn close(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("close");
    let end = size().end(size().seq_at(NOW));
    for (name, num_streams) in [("1 stream", 1), ("100 streams", 100)] {
        let batch = batch(num_streams, false);
        group.bench_function(name, |bencher| {
            let filled = || {
                let mut windows = windows();
                count(&mut windows, &batch);
                windows
            };
            bencher.iter_batched_ref(
                filled,
                |windows| windows.close_through(end),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}
