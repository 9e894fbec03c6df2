#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::domain::Scale;
use crate::kafka::record::tests::{SEQ, any_history, any_policy, any_tally, seconds, two_fires};
use crate::kafka::record::window::{decode, encode, encode_shaped};
use crate::testkit as fixtures;

/// Records as a reader takes them from partition 0.
struct Reader {
    gather: Gather,
    out: Vec<Gathered>,
}

impl Reader {
    fn new() -> Self {
        let gather = Gather::new(seconds(2), Patience::default(), 10);
        let out = Vec::new();
        Self { gather, out }
    }

    fn take(&mut self, offset: usize, value: &[u8], now: EpochMs) -> Taken {
        let record = decode(value, seconds(2)).unwrap();
        let place = Place {
            partition: 0,
            offset: Offset(offset as u64),
        };
        self.gather.take(place, record, now)
    }

    fn poll(&mut self, now: EpochMs) {
        self.out.extend(self.gather.take_whole(now));
    }

    fn windows(&self) -> Vec<Window> {
        self.out
            .iter()
            .map(|gathered| gathered.window.clone())
            .collect()
    }
}

/// Well after every window of the tests.
fn late_enough() -> EpochMs {
    seconds(2).end(Seq(SEQ.0 + 1_000))
}

fn window(seq: u64, ordinal: u64, tally: Tally, running: Tally) -> Window {
    Window {
        seq: Seq(SEQ.0 + seq),
        ordinal,
        ..crate::kafka::record::tests::window(tally, running)
    }
}

fn values(window: &Window) -> Vec<Vec<u8>> {
    encode(window, seconds(2), Scale::Brief)
}

#[test]
fn a_window_in_pieces_is_held_back_until_it_is_whole() {
    let window = window(0, 1, two_fires(5, 2), two_fires(5, 2));
    let values = values(&window);
    let mut reader = Reader::new();
    assert_eq!(reader.take(7, &values[1], late_enough()), Taken::Kept);
    reader.poll(late_enough());
    assert_eq!(
        (reader.windows(), reader.gather.hold_back(0)),
        (vec![], Some(Offset(7)))
    );

    assert_eq!(reader.take(8, &values[1], late_enough()), Taken::Known);
    assert_eq!(reader.take(9, &values[0], late_enough()), Taken::Kept);
    reader.poll(late_enough());
    assert_eq!(
        (reader.windows(), reader.gather.hold_back(0)),
        (vec![window], None)
    );
    assert_eq!(reader.take(10, &values[0], late_enough()), Taken::Known);
}

#[test]
fn a_window_that_stays_in_pieces_is_given_up_and_the_totals_are_right_all_the_same() {
    let torn = window(0, 1, two_fires(5, 2), two_fires(5, 2));
    let next = window(1, 2, two_fires(1, 0), two_fires(6, 2));
    let mut reader = Reader::new();
    reader.take(0, &values(&torn)[1], late_enough());
    reader.take(1, &values(&next)[0], late_enough());
    reader.poll(late_enough());
    assert_eq!(reader.windows(), [next]);
    assert_eq!(
        (reader.gather.given_up(), reader.gather.hold_back(0)),
        (1, None)
    );
}

#[test]
fn two_writers_for_a_moment_do_no_harm() {
    let first = window(0, 1, two_fires(5, 2), two_fires(5, 2));
    let second = window(1, 2, two_fires(1, 1), two_fires(6, 3));
    let (one, two) = (values(&first), values(&second));
    let mut reader = Reader::new();
    for (offset, value) in [&one[0], &two[0], &one[0], &one[1], &two[0], &two[1]]
        .iter()
        .enumerate()
    {
        reader.take(offset, value, late_enough());
    }
    reader.poll(late_enough());
    assert_eq!(reader.windows(), [first, second]);
}

#[test]
fn a_window_written_again_under_another_policy_is_the_newer_one() {
    let window = window(0, 1, two_fires(5, 2), two_fires(5, 2));
    let cluster = ClusterId::try_new(1).unwrap();
    let cut = Policy {
        top_n: NonZeroU32::new(1),
        ..Policy::default()
    };
    let before = encode_shaped(&window, seconds(2), cluster, &Policy::default());
    let after = encode_shaped(&window, seconds(2), cluster, &cut);
    let mut reader = Reader::new();
    reader.take(0, &before[0], late_enough());
    reader.take(1, &after[0], late_enough());
    reader.poll(late_enough());
    let shaped = Some((cluster, cut));
    assert_eq!(reader.out, [Gathered { window, shaped }]);
}

#[test]
fn records_that_contradict_each_other_make_no_window() {
    let one = values(&window(0, 1, two_fires(5, 2), two_fires(5, 2)));
    for (which, from, to) in [
        (1, "\"running\":2", "\"running\":1"),
        (1, "😀", "🔥"),
        (0, "\"count\":5", "\"count\":6"),
    ] {
        let mut forged = one.clone();
        forged[which] = String::from_utf8(forged[which].clone())
            .unwrap()
            .replacen(from, to, 1)
            .into();
        let mut reader = Reader::new();
        reader.take(0, &forged[0], late_enough());
        let taken = reader.take(1, &forged[1], late_enough());
        assert_eq!(taken, Taken::Refused(Refusal::Contradiction), "{from} {to}");
        reader.poll(late_enough());
        assert!(reader.windows().is_empty());
    }
}

#[test]
fn a_window_from_the_future_is_refused() {
    let value = &values(&window(0, 1, two_fires(5, 0), two_fires(5, 0)))[0];
    let start = seconds(2).start(SEQ);
    let mut reader = Reader::new();
    let too_early = EpochMs(start.0 - 60_001);
    assert_eq!(
        reader.take(0, value, too_early),
        Taken::Refused(Refusal::Ahead)
    );
    assert_eq!(
        reader.take(0, value, EpochMs(start.0 - 60_000)),
        Taken::Kept
    );
}

#[test]
fn streams_are_bounded() {
    let mut reader = Reader::new();
    let mut taken = (0..11).map(|number| {
        let window = Window {
            stream: fixtures::stream(&format!("s{number}")),
            ..window(0, 1, two_fires(5, 0), two_fires(5, 0))
        };
        reader.take(number, &values(&window)[0], late_enough())
    });
    assert!(taken.by_ref().take(10).all(|taken| taken == Taken::Kept));
    assert_eq!(taken.next(), Some(Taken::Refused(Refusal::TooManyStreams)));
}

#[test]
fn pieces_are_bounded() {
    let mut reader = Reader::new();
    for seq in 0..1_000 {
        let window = window(seq, seq, two_fires(5, 2), two_fires(5, 2));
        reader.take(0, &values(&window)[0], late_enough());
    }
    assert_eq!(reader.gather.given_up(), 1_000 - 16);
}

#[test]
fn a_resumed_gatherer_knows_the_windows_it_goes_on_from() {
    let newest = window(0, 1, two_fires(5, 0), two_fires(5, 0));
    let mut reader = Reader::new();
    reader.gather.resume([newest.clone()]);
    assert_eq!(
        reader.take(0, &values(&newest)[0], late_enough()),
        Taken::Known
    );
}

proptest! {
    /// A reader may at any time be set back to any earlier record, and polls in pieces of any size.
    #[test]
    fn every_window_comes_back_once_however_often_its_records_come(
        windows in any_history(),
        policy in any_policy(),
        shaped: bool,
        replays in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
        polls in prop::collection::vec(any::<bool>(), 1..40),
    ) {
        let cluster = ClusterId::try_new(1).unwrap();
        let log: Vec<Vec<u8>> = windows.iter().flat_map(|window| {
            if shaped { encode_shaped(window, seconds(2), cluster, &policy) } else { values(window) }
        }).collect();
        let mut order = Vec::new();
        for (end, back) in replays.iter().filter(|_| !log.is_empty()) {
            let from = order.last().map_or(0, |last| last + 1);
            order.extend(from..=end.index(log.len()));
            let reached = order.last().map_or(0, |last| last + 1);
            order.extend(back.index(reached + 1)..reached);
        }
        let from = order.last().map_or(0, |last| last + 1);
        order.extend(from..log.len());

        let mut reader = Reader::new();
        for (&offset, &poll) in order.iter().zip(polls.iter().cycle()) {
            prop_assert!(!matches!(reader.take(offset, &log[offset], late_enough()), Taken::Refused(_)));
            if poll {
                reader.poll(late_enough());
            }
        }
        reader.poll(late_enough());
        prop_assert_eq!(reader.windows(), windows);
        let expected = shaped.then_some((cluster, policy));
        prop_assert!(reader.out.iter().all(|gathered| gathered.shaped == expected));
        prop_assert_eq!((reader.gather.given_up(), reader.gather.hold_back(0)), (0, None));
    }

    /// A reader that starts over where the last one has held back misses no window.
    #[test]
    fn a_restart_at_the_held_back_record_misses_nothing(
        windows in any_history(), crash in any::<prop::sample::Index>(),
    ) {
        let log: Vec<Vec<u8>> = windows.iter().flat_map(values).collect();
        let crash = crash.index(log.len() + 1);
        let mut first = Reader::new();
        for (offset, value) in log.iter().enumerate().take(crash) {
            first.take(offset, value, late_enough());
        }
        first.poll(late_enough());
        let held_back = first.gather.hold_back(0).map_or(crash, |offset| usize::try_from(offset.0).unwrap());
        let mut second = Reader::new();
        for (offset, value) in log.iter().enumerate().skip(held_back) {
            second.take(offset, value, late_enough());
        }
        second.poll(late_enough());
        let mut both = first.windows();
        both.extend(second.windows().into_iter().filter(|window| !first.windows().contains(window)));
        prop_assert_eq!(both, windows);
    }
}

mod foreign;
