//! Records of `emoji_topic_partials`: what one input partition has counted, and how far it has closed.
//!
//! Each brings the size of its windows along: numbers belong to a size, and a node that was started with another one has
//! to place what is there already.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::json::{Bounds, Counts};
use super::{Poison, json, read};
use crate::domain::{Partial, Punctuation, Seq, WindowSize};

/// A record of the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialRecord {
    /// Size of the windows it speaks of.
    pub grid: WindowSize,
    /// What it says.
    pub word: Word,
}

/// What an input partition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Its counts for one window of one stream. The key is the stream.
    Counted {
        /// The input partition.
        partition: usize,
        /// How many input partitions there are.
        of: usize,
        /// The counts.
        partial: Partial,
    },
    /// It has said all it has to say about the windows so far. Written to every partition of the topic by number, without
    /// a key, behind the partials it is about.
    Closed(Punctuation),
}

#[derive(Serialize)]
struct PartialOut<'a> {
    stream: &'a str,
    partition: usize,
    of: usize,
    window: Bounds<'a>,
    seq: u64,
    total: u64,
    counts: Counts<'a>,
    late_carried: u64,
    deduplicated: u64,
}

#[derive(Serialize)]
struct ClosedOut {
    partition: usize,
    of: usize,
    closed_through: u64,
    window_ms: u64,
    idle: bool,
}

#[derive(Deserialize)]
struct RecordIn<'a> {
    partition: usize,
    of: usize,
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
    closed_through: Option<u64>,
    #[serde(default)]
    window_ms: Option<u64>,
    #[serde(default)]
    idle: Option<bool>,
}

impl PartialRecord {
    /// The value.
    pub fn encode(&self) -> Vec<u8> {
        match &self.word {
            Word::Counted {
                partition,
                of,
                partial,
            } => json::write(&PartialOut {
                stream: partial.stream.as_str(),
                partition: *partition,
                of: *of,
                window: Bounds::of(partial.seq, self.grid),
                seq: partial.seq.0,
                total: partial.tally.total(),
                counts: Counts(Cow::Borrowed(&partial.tally)),
                late_carried: partial.late,
                deduplicated: partial.deduplicated,
            }),
            Word::Closed(closed) => json::write(&ClosedOut {
                partition: closed.partition,
                of: closed.of,
                closed_through: closed.closed_through.0,
                window_ms: self.grid.as_ms(),
                idle: closed.idle,
            }),
        }
    }

    /// Reads and checks a value.
    ///
    /// # Errors
    ///
    /// Anything but counts or a closing.
    pub fn decode(value: &[u8]) -> Result<Self, Poison> {
        let given: RecordIn<'_> = read(value)?;
        let (partition, of) = (given.partition, given.of);
        if partition >= of {
            return Err(Poison::InvalidIndex);
        }
        if let Some(seq) = given.closed_through {
            let (Some(window_ms), Some(idle)) = (given.window_ms, given.idle) else {
                return Err(Poison::InvalidShape);
            };
            let size = WindowSize::try_new(Duration::from_millis(window_ms));
            return Ok(Self {
                grid: size.map_err(|_| Poison::OffGrid)?,
                word: Word::Closed(Punctuation {
                    partition,
                    of,
                    closed_through: Seq(seq),
                    idle,
                }),
            });
        }
        let (Some(stream), Some(window), Some(counts)) = (given.stream, given.window, given.counts)
        else {
            return Err(Poison::InvalidShape);
        };
        let (seq, grid) = window.own_grid()?;
        let partial = Partial {
            stream: json::stream(Some(&stream))?,
            seq,
            tally: counts.0.into_owned(),
            late: given.late_carried,
            deduplicated: given.deduplicated,
        };
        let word = Word::Counted {
            partition,
            of,
            partial,
        };
        Ok(Self { grid, word })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::kafka::record::tests::{SEQ, any_tally, seconds, two_fires};
    use crate::testkit as fixtures;

    const PARTIAL: &str = r#"{"stream":"main","partition":1,"of":3,"window":{"start":"2025-12-02T16:00:00.000Z","end":"2025-12-02T16:00:02.000Z"},"seq":882345600,"total":7,"counts":{"🔥":5,"😀":2},"late_carried":1,"deduplicated":4}"#;
    const CLOSED: &str =
        r#"{"partition":1,"of":3,"closed_through":882345600,"window_ms":2000,"idle":true}"#;

    fn record(word: Word) -> PartialRecord {
        let grid = seconds(2);
        PartialRecord { grid, word }
    }

    #[test]
    fn a_partial_and_a_closing_look_like_this() {
        let partial = Partial {
            stream: fixtures::stream("main"),
            seq: SEQ,
            tally: two_fires(5, 2),
            late: 1,
            deduplicated: 4,
        };
        let (partition, of) = (1, 3);
        let closed = Punctuation {
            partition,
            of,
            closed_through: SEQ,
            idle: true,
        };
        let counted = Word::Counted {
            partition,
            of,
            partial,
        };
        for (word, golden) in [(counted, PARTIAL), (Word::Closed(closed), CLOSED)] {
            let record = record(word);
            assert_eq!(String::from_utf8(record.encode()).unwrap(), golden);
            assert_eq!(PartialRecord::decode(golden.as_bytes()), Ok(record));
        }
    }

    #[test]
    fn windows_of_another_size_say_so() {
        let other = PARTIAL.replace("02.000Z", "05.000Z");
        let record = PartialRecord::decode(other.as_bytes()).unwrap();
        assert_eq!(record.grid, seconds(5));
        let Word::Counted { partial, .. } = record.word else {
            panic!("counts");
        };
        assert_eq!(partial.seq, Seq(SEQ.0 * 2 / 5));
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
            (PARTIAL, "02.000Z", "00.050Z", Poison::OffGrid),
            (PARTIAL, "02.000Z", "07.000Z", Poison::OffGrid),
            (PARTIAL, r#""counts""#, r#""c""#, Poison::InvalidShape),
            (
                CLOSED,
                r#""closed_through""#,
                r#""c""#,
                Poison::InvalidShape,
            ),
            (CLOSED, r#""window_ms""#, r#""ms""#, Poison::InvalidShape),
            (CLOSED, "2000", "0", Poison::OffGrid),
            (CLOSED, r#""idle""#, r#""i""#, Poison::InvalidShape),
            (CLOSED, "true", "1", Poison::InvalidShape),
        ] {
            let value = golden.replace(from, to);
            assert_eq!(
                PartialRecord::decode(value.as_bytes()),
                Err(reason),
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same(
            tally in any_tally(), seq in 0..u64::from(u32::MAX), of in 1..100_usize, late in 0..9_u64, idle: bool, closing: bool,
        ) {
            let partition = of / 2;
            let record = record(if closing {
                Word::Closed(Punctuation { partition, of, closed_through: Seq(seq), idle })
            } else {
                let partial = Partial { stream: fixtures::stream("s"), seq: Seq(seq), tally, late, deduplicated: late };
                Word::Counted { partition, of, partial }
            });
            prop_assert_eq!(PartialRecord::decode(&record.encode()).unwrap(), record);
        }
    }
}
