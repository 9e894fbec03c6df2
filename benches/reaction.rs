//! What a reaction costs at the edges: its JSON read and checked field by field, as records of Kafka and bodies of requests
//! both are, and written as a record.

#![allow(
    clippy::unwrap_used,
    reason = "as in tests: what is made here is valid"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use emostream::domain::{Emoji, EpochMs};
use emostream::kafka::record::reaction;

/// As the prototype's API writes it.
const ESCAPED: &str = r#"{"user_id": "6f1c2a9d-1111-4222-8333-444455556666", "emoji_type": "\ud83d\udd25", "timestamp": "2026-06-11T20:00:00.123456"}"#;

/// As browsers write it, with every field.
const FULL: &str = r#"{"user_id":"6f1c2a9d-1111-4222-8333-444455556666","emoji_type":"🔥","timestamp":"2026-06-11T20:00:00.123Z","stream":"main","count":3,"event_id":"e-4711"}"#;

const NOW: EpochMs = EpochMs(1_781_208_000_000);

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    read(&mut criterion);
    write(&mut criterion);
    emoji(&mut criterion);
    criterion.final_summary();
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for (name, text) in [("escaped", ESCAPED), ("full", FULL)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        // The whole reaction, as whoever hands it on needs it.
        group.bench_function(format!("{name}, to keep"), |bencher| {
            bencher.iter(|| reaction::decode(black_box(text.as_bytes())).unwrap());
        });
        // What an aggregator on Kafka takes of it.
        group.bench_function(format!("{name}, to count"), |bencher| {
            bencher.iter(|| {
                let counted = reaction::counted(black_box(text.as_bytes())).unwrap();
                (counted.emoji, counted.count)
            });
        });
    }
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let reaction = reaction::decode(FULL.as_bytes()).unwrap();
    criterion.bench_function("write", |bencher| {
        bencher.iter(|| reaction::encode(black_box(&reaction), NOW));
    });
}

/// A form with and one without its variation selector, one with a skin tone, and none at all.
fn emoji(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("emoji");
    for (name, text) in [
        ("fire", "🔥"),
        ("heart, unqualified", "❤"),
        ("couple with tones", "👩🏽‍❤️‍💋‍👨🏿"),
        ("a word", "fire"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Emoji::parse(black_box(text)));
        });
    }
    group.finish();
}
