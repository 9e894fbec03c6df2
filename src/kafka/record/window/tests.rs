#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::kafka::record::tests::{any_history, any_policy, seconds, two_fires, window};

fn lines(values: Vec<Vec<u8>>) -> Vec<String> {
    let text = |value| String::from_utf8(value).unwrap();
    values.into_iter().map(text).collect()
}

fn cluster(number: u64) -> ClusterId {
    ClusterId::try_new(number).unwrap()
}

fn read_text(value: &str) -> Result<WindowRecord, Poison> {
    decode(value.as_bytes(), seconds(2))
}

const WINDOW: &str =
    r#""window":{"start":"2025-12-02T16:00:00.000Z","end":"2025-12-02T16:00:02.000Z"}"#;

#[test]
fn a_window_is_one_record_per_emoji_the_highest_count_first() {
    let window = window(two_fires(3_785, 5), two_fires(4_000, 100));
    let golden = [
        format!(
            r#"{{{WINDOW},"emoji_type":"🔥","count":3785,"final_count":3,"stream":"main","seq":882345600,"index":0,"of":2,"running":4000,"running_total":4100,"ordinal":9,"late_carried":1,"deduplicated":4,"totals":{{"🔥":4000,"😀":100}}}}"#
        ),
        format!(
            r#"{{{WINDOW},"emoji_type":"😀","count":5,"final_count":1,"stream":"main","seq":882345600,"index":1,"of":2,"running":100,"running_total":4100,"ordinal":9}}"#
        ),
    ];
    assert_eq!(lines(encode(&window, seconds(2), Scale::Brief)), golden);
}

#[test]
fn an_empty_window_is_one_record_that_draws_nothing() {
    let window = window(Tally::new(), two_fires(7, 100));
    let golden = format!(
        r#"{{{WINDOW},"emoji_type":"😀","count":0,"final_count":0,"stream":"main","seq":882345600,"index":0,"of":1,"running":100,"running_total":107,"ordinal":9,"late_carried":1,"deduplicated":4,"totals":{{"😀":100,"🔥":7}}}}"#
    );
    assert_eq!(lines(encode(&window, seconds(2), Scale::Brief)), [golden]);
}

#[test]
fn a_window_of_a_stream_without_any_count_can_be_written_and_read() {
    let window = window(Tally::new(), Tally::new());
    let values = lines(encode(&window, seconds(2), Scale::Brief));
    assert_eq!(values.len(), 1);
    assert_eq!(read_text(&values[0]).unwrap().count, 0);
}

#[test]
fn a_policy_cuts_what_is_listed_and_the_uncut_counts_stand_beside() {
    let window = window(two_fires(3_785, 5), two_fires(4_000, 100));
    let policy = Policy {
        scale: Scale::Legacy,
        top_n: NonZeroU32::new(1),
        min_count: 0,
    };
    let golden = format!(
        r#"{{{WINDOW},"emoji_type":"🔥","count":3785,"final_count":37,"stream":"main","cluster":2,"seq":882345600,"index":0,"of":1,"running":4000,"running_total":4100,"ordinal":9,"total":3790,"late_carried":1,"deduplicated":4,"policy":{{"top_n":1,"min_count":0,"scale":"legacy"}},"counts":{{"🔥":3785,"😀":5}},"totals":{{"🔥":4000,"😀":100}}}}"#
    );
    let values = lines(encode_shaped(&window, seconds(2), cluster(2), &policy));
    assert_eq!(values, [golden]);
}

#[test]
fn a_policy_that_lists_nothing_leaves_one_record_that_draws_nothing() {
    let window = window(two_fires(3, 5), two_fires(3, 5));
    let policy = Policy {
        min_count: 6,
        ..Policy::default()
    };
    let values = encode_shaped(&window, seconds(2), cluster(2), &policy);
    let [value] = values.as_slice() else {
        panic!("one record: {}", values.len());
    };
    let record = decode(value, seconds(2)).unwrap();
    let head = record.part.unwrap().head.unwrap();
    assert_eq!((record.count, head.tally), (0, Some(two_fires(3, 5))));
    assert!(String::from_utf8_lossy(value).contains(r#""total":8"#));
}

#[test]
fn what_spark_writes_is_read() {
    let value = r#"{"window":{"start":"2025-12-02T21:30:00.000+05:30","end":"2025-12-02T21:30:02.000+05:30"},"emoji_type":"😀","count":12,"final_count":12}"#;
    let record = read_text(value).unwrap();
    assert_eq!(record.stream, StreamName::main());
    assert_eq!((record.seq.0, record.emoji.as_str()), (882_345_600, "😀"));
    assert_eq!((record.count, record.part), (12, None));

    let final_count_is_another_kind_of_number =
        value.replace("final_count\":12", "final_count\":3.785");
    assert!(read_text(&final_count_is_another_kind_of_number).is_ok());
}

#[test]
fn a_window_that_is_none_of_the_grid_is_refused() {
    let value = |start: &str, end: &str| {
        format!(r#"{{"window":{{"start":"{start}","end":"{end}"}},"emoji_type":"😀","count":1}}"#)
    };
    for (start, end, reason) in [
        (
            "2025-12-02T16:00:00Z",
            "2025-12-02T16:00:04Z",
            Poison::OffGrid,
        ),
        (
            "2025-12-02T16:00:01Z",
            "2025-12-02T16:00:03Z",
            Poison::OffGrid,
        ),
        (
            "2025-12-02T16:00:02Z",
            "2025-12-02T16:00:00Z",
            Poison::InvalidWindow,
        ),
        (
            "2025-12-02T16:00:00",
            "2025-12-02T16:00:02",
            Poison::InvalidWindow,
        ),
        (
            "1925-12-02T16:00:00Z",
            "1925-12-02T16:00:02Z",
            Poison::InvalidWindow,
        ),
        ("now", "then", Poison::InvalidWindow),
    ] {
        assert_eq!(read_text(&value(start, end)), Err(reason), "{start} {end}");
    }
    assert!(read_text(&value("2025-12-02T16:00:00Z", "2025-12-02T16:00:02Z")).is_ok());
}

#[test]
fn each_refusal_names_its_reason() {
    let whole = window(two_fires(3_785, 5), two_fires(4_000, 100));
    let policy = Policy::default();
    let valid = lines(encode_shaped(&whole, seconds(2), cluster(2), &policy)).remove(0);
    assert!(read_text(&valid).is_ok());
    for (from, to, reason) in [
        (
            r#""emoji_type":"🔥""#,
            r#""emoji_type":"""#,
            Poison::InvalidEmoji,
        ),
        (r#""main""#, r#""m n""#, Poison::InvalidStream),
        (r#""index":0"#, r#""index":2"#, Poison::InvalidIndex),
        (r#""of":2"#, r#""of":0"#, Poison::InvalidIndex),
        (
            r#""running":4000"#,
            r#""running":4001"#,
            Poison::InvalidTotals,
        ),
        ("4100", "4101", Poison::InvalidTotals),
        (r#""totals""#, r#""t""#, Poison::InvalidTotals),
        (r#""cluster":2"#, r#""cluster":0"#, Poison::InvalidCluster),
        (
            r#""scale":"brief""#,
            r#""scale":{"divisor":0}"#,
            Poison::InvalidShape,
        ),
        (r#""count":3785"#, r#""count":-1"#, Poison::InvalidShape),
    ] {
        assert_eq!(
            read_text(&valid.replace(from, to)),
            Err(reason),
            "{from} {to}"
        );
    }
}

proptest! {
    #[test]
    fn every_record_reads_as_what_was_counted(windows in any_history(), policy in any_policy()) {
        for window in &windows {
            let values = encode_shaped(window, seconds(2), cluster(3), &policy);
            let listed = policy.shape(&window.tally);
            prop_assert_eq!(values.len(), listed.len().max(1));
            for (index, value) in values.iter().enumerate() {
                let record = decode(value, seconds(2)).unwrap();
                let part = record.part.unwrap();
                let count = listed.get(index).map_or(0, |shaped| shaped.count);
                prop_assert_eq!((&record.stream, record.seq, record.count), (&window.stream, window.seq, count));
                prop_assert_eq!((part.index as usize, part.of as usize), (index, values.len()));
                prop_assert_eq!(part.running, window.running.get(record.emoji));
                prop_assert_eq!((part.running_total, part.ordinal), (window.running.total(), window.ordinal));
                let shaped = part.head.as_ref().and_then(|head| head.shaped);
                prop_assert_eq!(shaped, (index == 0).then_some((cluster(3), policy)));
            }
        }
    }
}
