#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    ClusterId, Emoji, EpochMs, Policy, Scale, Seq, StreamName, Tally, Window, WindowSize,
};
use crate::testkit as fixtures;

/// The window that starts on 2 December 2025, 16:00 UTC, if windows are of two seconds.
pub(crate) const SEQ: Seq = Seq(882_345_600);

pub(crate) fn seconds(seconds: u64) -> WindowSize {
    WindowSize::try_new(Duration::from_secs(seconds)).unwrap()
}

pub(crate) fn two_fires(fire: u64, grin: u64) -> Tally {
    let emojis = ["🔥", "😀"].map(|text| Emoji::parse(text).unwrap());
    emojis.into_iter().zip([fire, grin]).collect()
}

/// The ninth window of `main`.
pub(crate) fn window(tally: Tally, running: Tally) -> Window {
    Window {
        stream: StreamName::main(),
        seq: SEQ,
        tally,
        late: 1,
        deduplicated: 4,
        running: Arc::new(running),
        ordinal: 9,
    }
}

pub(crate) fn any_emoji() -> impl Strategy<Value = Emoji> {
    prop::sample::select(Emoji::all().collect::<Vec<_>>())
}

pub(crate) fn any_tally() -> impl Strategy<Value = Tally> {
    let few: Vec<Emoji> = Emoji::all().step_by(500).collect();
    prop::collection::vec((prop::sample::select(few), 0..5_000_u64), 0..6)
        .prop_map(|counts| counts.into_iter().collect())
}

pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    let scale = prop_oneof![
        Just(Scale::Brief),
        Just(Scale::Legacy),
        (1..9_000_u64).prop_map(|divisor| Scale::Divisor(NonZeroU64::new(divisor).unwrap())),
    ];
    (scale, 0..5_u32, 0..5_000_u64).prop_map(|(scale, top_n, min_count)| Policy {
        scale,
        top_n: NonZeroU32::new(top_n),
        min_count,
    })
}

/// Windows of up to three streams as a merger publishes them: numbers rise per stream, totals add up.
pub(crate) fn any_history() -> impl Strategy<Value = Vec<Window>> {
    prop::collection::vec((0..3_usize, any_tally(), 0..3_u64), 0..20).prop_map(|steps| {
        let mut newest: HashMap<usize, Window> = HashMap::new();
        let mut windows = Vec::new();
        for (number, tally, skipped) in steps {
            let earlier = newest.get(&number);
            let mut running = earlier.map_or_else(Tally::new, |window| (*window.running).clone());
            running.merge(&tally);
            // A stream comes to be with its first reaction.
            if running.is_empty() {
                continue;
            }
            let window = Window {
                stream: fixtures::stream(["main", "final", "a.b-c"][number]),
                seq: Seq(earlier.map_or(SEQ.0, |window| window.seq.0) + 1 + skipped),
                late: tally.total().min(skipped),
                deduplicated: skipped,
                tally,
                running: Arc::new(running),
                ordinal: earlier.map_or(0, |window| window.ordinal) + 1,
            };
            newest.insert(number, window.clone());
            windows.push(window);
        }
        windows
    })
}

/// Every reader of a value, and what it says.
fn read_by_all(value: &[u8]) -> [Result<(), Poison>; 6] {
    let size = seconds(2);
    [
        reaction::decode(value).map(drop),
        partial::PartialRecord::decode(value).map(drop),
        window::decode(value, size).map(drop),
        totals::TotalRecord::decode(value, size).map(drop),
        control::ControlRecord::decode(b"cluster:9", Some(value)).map(drop),
        control::ControlRecord::decode(value, None).map(drop),
    ]
}

fn valid_values() -> Vec<Vec<u8>> {
    let whole = window(two_fires(5, 2), two_fires(15, 2));
    let cluster = ClusterId::try_new(9).unwrap();
    let mut values = window::encode_shaped(&whole, seconds(2), cluster, &Policy::default());
    values.push(reaction::encode(&fixtures::event("e"), EpochMs(0)));
    values
        .push(br#"{"partition":1,"of":3,"closed_through":5,"window_ms":2000,"idle":true}"#.into());
    values
}

#[test]
fn one_emoji_is_read_however_it_is_escaped() {
    for text in ["😀", r"\ud83d\ude00", r"\uD83D\uDE00"] {
        let value =
            format!(r#"{{"user_id":"u","emoji_type":"{text}","timestamp":"2024-11-19T23:06:51"}}"#);
        assert_eq!(
            reaction::decode(value.as_bytes()).unwrap().emoji.as_str(),
            "😀"
        );
    }
}

proptest! {
    #[test]
    fn garbage_is_poison_to_every_reader(value in prop::collection::vec(any::<u8>(), 0..200)) {
        for answer in read_by_all(&value) {
            prop_assert!(answer.is_err());
        }
    }

    /// A valid value that was damaged may still be valid; what may not happen is a panic.
    #[test]
    fn damaged_values_are_read_or_refused(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8, cut: bool,
    ) {
        let values = valid_values();
        let mut value = values[which.index(values.len())].clone();
        let at = at.index(value.len());
        value[at] = byte;
        if cut {
            value.truncate(at);
            prop_assert!(read_by_all(&value).iter().all(Result::is_err), "half a value is none");
        } else {
            let refusals = read_by_all(&value).into_iter().filter_map(Result::err);
            prop_assert!(refusals.into_iter().all(|poison| !poison.as_str().is_empty()));
        }
    }
}

mod documents;
