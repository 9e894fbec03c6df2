//! Records of `emoji_topic_partials`: what one input partition has counted, and how far it has closed.
//!
//! A window and a point in time are written in milliseconds besides their numbers: numbers belong to a window size,
//! and a node that was started with another size has to place what is there already.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::json::{Bounds, Counts};
use super::{Poison, json, read};
use crate::domain::{EpochMs, Partial, Seq, WindowSize};

/// What a record of the topic says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartialRecord {
    /// One input partition's counts for one window of one stream.
    Partial {
        /// The input partition, and how many there are.
        input: Input,
        /// The counts.
        partial: Partial,
    },
    /// The partition has said all it has to say about the windows so far. Written to every partition of the topic, behind
    /// the partials it is about.
    Closed {
        /// The input partition, and how many there are.
        input: Input,
        /// Everything through this window has been written.
        closed_through: Seq,
        /// Nobody has to wait for this partition until it speaks again.
        idle: bool,
    },
}

/// One of the input's partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Its number, below `of`.
    pub partition: u32,
    /// How many there are.
    pub of: u32,
}

#[derive(Serialize)]
struct PartialOut<'a> {
    stream: &'a str,
    partition: u32,
    of: u32,
    window: Bounds<'a>,
    seq: u64,
    total: u64,
    counts: Counts<'a>,
    late_carried: u64,
    deduplicated: u64,
}

#[derive(Serialize)]
struct ClosedOut {
    partition: u32,
    of: u32,
    closed_through: u64,
    closed_through_ms: u64,
    idle: bool,
}

#[derive(Deserialize)]
struct RecordIn<'a> {
    partition: u32,
    of: u32,
    // A partial has these,
    #[serde(default, borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    window: Option<Bounds<'a>>,
    #[serde(default)]
    counts: Option<Counts<'static>>,
    #[serde(default)]
    late_carried: u64,
    #[serde(default)]
    deduplicated: u64,
    // and a closing those.
    #[serde(default)]
    closed_through_ms: Option<u64>,
    #[serde(default)]
    idle: bool,
}

/// The value; the key of a partial is its stream, a closing goes to each partition by number.
pub fn encode(record: &PartialRecord, size: WindowSize) -> Vec<u8> {
    match record {
        PartialRecord::Partial { input, partial } => json::write(&PartialOut {
            stream: partial.stream.as_str(),
            partition: input.partition,
            of: input.of,
            window: Bounds::of(partial.seq, size),
            seq: partial.seq.0,
            total: partial.tally.total(),
            counts: Counts(Cow::Borrowed(&partial.tally)),
            late_carried: partial.late,
            deduplicated: partial.deduplicated,
        }),
        PartialRecord::Closed {
            input,
            closed_through,
            idle,
        } => json::write(&ClosedOut {
            partition: input.partition,
            of: input.of,
            closed_through: closed_through.0,
            closed_through_ms: size.end(*closed_through).0,
            idle: *idle,
        }),
    }
}

/// Reads and checks a value. A window of another size is placed where it starts, so that its counts are not lost.
///
/// # Errors
///
/// Anything but a partial or a closing.
pub fn decode(value: &[u8], size: WindowSize) -> Result<PartialRecord, Poison> {
    let given: RecordIn<'_> = read(value)?;
    let input = Input {
        partition: given.partition,
        of: given.of,
    };
    if input.partition >= input.of {
        return Err(Poison::InvalidIndex);
    }
    if let Some(ms) = given.closed_through_ms {
        return Ok(PartialRecord::Closed {
            input,
            closed_through: size.last_ended(EpochMs(ms)),
            idle: given.idle,
        });
    }
    let (Some(stream), Some(window), Some(counts)) = (given.stream, given.window, given.counts)
    else {
        return Err(Poison::InvalidShape);
    };
    let partial = Partial {
        stream: json::stream(Some(&stream))?,
        seq: size.seq_at(window.read()?.0),
        tally: counts.0.into_owned(),
        late: given.late_carried,
        deduplicated: given.deduplicated,
    };
    Ok(PartialRecord::Partial { input, partial })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::kafka::record::tests::{any_tally, seconds, two_fires};
    use crate::testkit as fixtures;

    const INPUT: Input = Input {
        partition: 1,
        of: 3,
    };
    const PARTIAL: &str = r#"{"stream":"main","partition":1,"of":3,"window":{"start":"2025-12-02T16:00:00.000Z","end":"2025-12-02T16:00:02.000Z"},"seq":882345600,"total":7,"counts":{"🔥":5,"😀":2},"late_carried":1,"deduplicated":4}"#;
    const CLOSED: &str = r#"{"partition":1,"of":3,"closed_through":882345600,"closed_through_ms":1764691202000,"idle":true}"#;

    fn partial() -> PartialRecord {
        PartialRecord::Partial {
            input: INPUT,
            partial: Partial {
                stream: fixtures::stream("main"),
                seq: Seq(882_345_600),
                tally: two_fires(5, 2),
                late: 1,
                deduplicated: 4,
            },
        }
    }

    fn closed() -> PartialRecord {
        PartialRecord::Closed {
            input: INPUT,
            closed_through: Seq(882_345_600),
            idle: true,
        }
    }

    #[test]
    fn a_partial_and_a_closing_look_like_this() {
        for (record, golden) in [(partial(), PARTIAL), (closed(), CLOSED)] {
            let written = encode(&record, seconds(2));
            assert_eq!(String::from_utf8(written).unwrap(), golden);
            assert_eq!(decode(golden.as_bytes(), seconds(2)), Ok(record));
        }
    }

    #[test]
    fn a_node_with_another_window_size_loses_no_count() {
        let PartialRecord::Partial { partial, .. } =
            decode(PARTIAL.as_bytes(), seconds(3)).unwrap()
        else {
            panic!("a partial");
        };
        assert_eq!(partial.seq, seconds(3).seq_at(EpochMs(1_764_691_200_000)));
        assert_eq!(partial.tally.total(), 7);
    }

    #[test]
    fn a_window_of_another_size_is_closed_only_when_all_of_it_is() {
        let size = WindowSize::try_new(Duration::from_secs(60)).unwrap();
        let record = decode(CLOSED.as_bytes(), size).unwrap();
        let PartialRecord::Closed { closed_through, .. } = record else {
            panic!("a closing");
        };
        assert!(size.end(closed_through) <= EpochMs(1_764_691_202_000));
        assert!(size.end(closed_through.next()) > EpochMs(1_764_691_202_000));
    }

    #[test]
    fn each_refusal_names_its_reason() {
        for (golden, from, to, reason) in [
            (
                PARTIAL,
                r#""partition":1"#,
                r#""partition":3"#,
                Poison::InvalidIndex,
            ),
            (PARTIAL, r#""of":3"#, r#""of":0"#, Poison::InvalidIndex),
            (PARTIAL, r#""main""#, r#""""#, Poison::InvalidStream),
            (PARTIAL, "🔥", "x", Poison::InvalidShape),
            (PARTIAL, "02.000Z", "02.000", Poison::InvalidWindow),
            (PARTIAL, "02.000Z", "00.000Z", Poison::InvalidWindow),
            (PARTIAL, r#""counts""#, r#""c""#, Poison::InvalidShape),
            (
                CLOSED,
                r#""closed_through_ms""#,
                r#""ms""#,
                Poison::InvalidShape,
            ),
            (CLOSED, "true", "1", Poison::InvalidShape),
        ] {
            let value = golden.replace(from, to);
            assert_eq!(decode(value.as_bytes(), seconds(2)), Err(reason), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same(
            tally in any_tally(), seq in 0..u64::from(u32::MAX), of in 1..100_u32, late in 0..9_u64, idle: bool, closing: bool,
        ) {
            let input = Input { partition: of / 2, of };
            let partial = Partial { stream: fixtures::stream("s"), seq: Seq(seq), tally, late, deduplicated: late };
            let record = if closing {
                PartialRecord::Closed { input, closed_through: Seq(seq), idle }
            } else {
                PartialRecord::Partial { input, partial }
            };
            prop_assert_eq!(decode(&encode(&record, seconds(2)), seconds(2)).unwrap(), record);
        }
    }
}
