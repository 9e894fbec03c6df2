//! What the frames of the WebSocket cost: a window and a hello to encode, what a client says to decode.

#![allow(
    clippy::unwrap_used,
    reason = "as in tests: what is made here is valid"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use emostream::actors::frames::{self, ClientFrame, Hello};
use emostream::domain::{ClusterId, Emoji, Policy, Seq, Span, StreamName, Tally, WindowSize};

const SEQ: Seq = Seq(882_346_000);

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    window(&mut criterion);
    hello(&mut criterion);
    decode(&mut criterion);
    criterion.final_summary();
}

fn size() -> WindowSize {
    WindowSize::try_new(Duration::from_secs(2)).unwrap()
}

fn cluster() -> ClusterId {
    ClusterId::try_new(1).unwrap()
}

/// Counts of so many emojis.
fn tally(num_emojis: usize) -> Tally {
    Emoji::all()
        .step_by(97)
        .take(num_emojis)
        .zip(1_000..)
        .collect()
}

/// Encoded once for all sessions of a worker that stand at the same place.
fn window(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("window");
    for num_emojis in [1, 20] {
        let span = Span {
            seq: SEQ,
            first: SEQ,
            windows: 1,
            tally: tally(num_emojis),
        };
        let (stream, policy) = (StreamName::main(), Policy::default());
        let encode = || {
            frames::window(
                &stream,
                cluster(),
                &policy,
                size(),
                black_box(&span),
                41_000,
            )
        };
        group.throughput(Throughput::Bytes(encode().len() as u64));
        group.bench_function(format!("{num_emojis} emojis"), |bencher| {
            bencher.iter(encode);
        });
    }
    group.finish();
}

/// Encoded for each session that comes.
fn hello(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hello");
    for num_emojis in [1, 20] {
        let (stream, totals) = (StreamName::main(), tally(num_emojis));
        let hello = Hello {
            viewers: 41_000,
            session: "01jz3v6k8w2m4n6p8q0r2s4t6v",
            client_id: "6f1c2a9d-0000-4000-8000-000000000000",
            cluster: cluster(),
            stream: &stream,
            window: size(),
            seq: SEQ,
            recovered: true,
            totals: &totals,
        };
        group.bench_function(format!("{num_emojis} emojis"), |bencher| {
            bencher.iter(|| black_box(&hello).encode());
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, text) in [
        ("react", r#"{"type":"react","emoji_type":"🔥"}"#),
        (
            "react with id",
            r#"{"type":"react","emoji_type":"🔥","count":3,"id":"42"}"#,
        ),
        ("subscribe", r#"{"type":"subscribe","stream":"main"}"#),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| ClientFrame::decode(black_box(text)).unwrap());
        });
    }
    group.finish();
}
