//! Records of `emoji_topic_totals`: the running total of one emoji of one stream. The topic is compacted, so that all of
//! them together are where a merger goes on.
//!
//! One is written for every record of a window, in the same transaction. An empty window rewrites the total of the
//! stream's favourite, and so the newest window of a stream is always known.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::json::Bounds;
use super::{Poison, json, read};
use crate::domain::{Emoji, Seq, StreamName, Tally, Window, WindowSize};

/// The running total of one emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalRecord {
    /// The stream counted.
    pub stream: StreamName,
    /// The emoji.
    pub emoji: Emoji,
    /// Its total in the stream.
    pub running: u64,
    /// The total of all emojis at that moment.
    pub running_total: u64,
    /// The window that changed it.
    pub seq: Seq,
    /// How many windows of this stream were published through this one.
    pub ordinal: u64,
}

#[derive(Serialize, Deserialize)]
struct TotalJson<'a> {
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    emoji_type: Cow<'a, str>,
    running: u64,
    running_total: u64,
    seq: u64,
    #[serde(borrow)]
    window: Bounds<'a>,
    ordinal: u64,
}

impl TotalRecord {
    /// The records to write with a window: one per emoji it lists, and one at least.
    pub fn of(window: &Window) -> Vec<Self> {
        let favourite = || window.running.ranked().first().map(|&(emoji, _)| emoji);
        let mut emojis: Vec<Emoji> = window.tally.iter().map(|(emoji, _)| emoji).collect();
        if emojis.is_empty() {
            emojis.extend(favourite());
        }
        let record = |emoji| Self {
            stream: window.stream.clone(),
            emoji,
            running: window.running.get(emoji),
            running_total: window.running.total(),
            seq: window.seq,
            ordinal: window.ordinal,
        };
        emojis.into_iter().map(record).collect()
    }

    /// The key, by which the topic is compacted. No stream's name has a colon.
    pub fn key(&self) -> String {
        format!("{}:{}", self.stream, self.emoji)
    }

    /// The value.
    pub fn encode(&self, size: WindowSize) -> Vec<u8> {
        json::write(&TotalJson {
            stream: self.stream.as_str().into(),
            emoji_type: self.emoji.as_str().into(),
            running: self.running,
            running_total: self.running_total,
            seq: self.seq.0,
            window: Bounds::of(self.seq, size),
            ordinal: self.ordinal,
        })
    }

    /// Reads and checks a value. A window of another size counts as the last one that had ended with it.
    ///
    /// # Errors
    ///
    /// Anything but a total.
    pub fn decode(value: &[u8], size: WindowSize) -> Result<Self, Poison> {
        let given: TotalJson<'_> = read(value)?;
        if given.running > given.running_total {
            return Err(Poison::InvalidTotals);
        }
        Ok(Self {
            stream: json::stream(Some(&given.stream))?,
            emoji: json::emoji(&given.emoji_type)?,
            running: given.running,
            running_total: given.running_total,
            seq: size.last_ended(given.window.read()?.1),
            ordinal: given.ordinal,
        })
    }
}

/// The totals of all streams, put together from a whole topic read in order of each partition.
#[derive(Debug, Default)]
pub struct Standings {
    streams: BTreeMap<StreamName, Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    running: BTreeMap<Emoji, u64>,
    /// As of the newest window: its number, its ordinal, and the total of all emojis.
    newest: (Seq, u64, u64),
}

impl Standings {
    /// Takes the next record; of one key the later counts.
    pub fn apply(&mut self, record: TotalRecord) {
        let standing = self.streams.entry(record.stream).or_default();
        standing.running.insert(record.emoji, record.running);
        let at = (record.seq, record.ordinal, record.running_total);
        standing.newest = standing.newest.max(at);
    }

    /// The streams whose emojis do not add up to their total: a part of the topic is missing.
    pub fn incomplete(&self) -> Vec<&StreamName> {
        let streams = self.streams.iter();
        let short = streams.filter(|(_, standing)| standing.tally().total() != standing.newest.2);
        short.map(|(stream, _)| stream).collect()
    }

    /// The newest window of each stream, as far as a merge needs it to go on: its counts are not in the totals.
    pub fn into_newest(self) -> impl Iterator<Item = Window> {
        self.streams.into_iter().map(|(stream, standing)| Window {
            stream,
            seq: standing.newest.0,
            tally: Tally::new(),
            late: 0,
            deduplicated: 0,
            running: Arc::new(standing.tally()),
            ordinal: standing.newest.1,
        })
    }
}

impl Standing {
    fn tally(&self) -> Tally {
        self.running
            .iter()
            .map(|(&emoji, &running)| (emoji, running))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::kafka::record::tests::{any_history, seconds, two_fires, window};

    const GOLDEN: &str = r#"{"stream":"main","emoji_type":"🔥","running":15,"running_total":17,"seq":882345600,"window":{"start":"2025-12-02T16:00:00.000Z","end":"2025-12-02T16:00:02.000Z"},"ordinal":9}"#;

    #[test]
    fn a_total_looks_like_this() {
        let records = TotalRecord::of(&window(two_fires(5, 0), two_fires(15, 2)));
        assert_eq!(records.len(), 1, "one per emoji of the window");
        let written = records[0].encode(seconds(2));
        assert_eq!(String::from_utf8(written).unwrap(), GOLDEN);
        assert_eq!(records[0].key(), "main:🔥");
        let read = TotalRecord::decode(GOLDEN.as_bytes(), seconds(2));
        assert_eq!(read.as_ref(), Ok(&records[0]));
    }

    #[test]
    fn an_empty_window_is_written_with_the_total_of_the_favourite() {
        let records = TotalRecord::of(&window(Tally::new(), two_fires(15, 2)));
        assert_eq!(records.len(), 1);
        assert_eq!(
            (records[0].key(), records[0].running),
            ("main:🔥".to_owned(), 15)
        );
    }

    #[test]
    fn a_missing_part_of_the_topic_is_noticed() {
        let records = TotalRecord::of(&window(two_fires(5, 2), two_fires(15, 2)));
        let mut standings = Standings::default();
        standings.apply(records[0].clone());
        assert_eq!(standings.incomplete(), [&StreamName::main()]);
        standings.apply(records[1].clone());
        assert!(standings.incomplete().is_empty());
    }

    #[test]
    fn each_refusal_names_its_reason() {
        for (from, to, reason) in [
            (r#""running":15"#, r#""running":18"#, Poison::InvalidTotals),
            (r#""main""#, "null", Poison::InvalidShape),
            (r#""main""#, r#""/""#, Poison::InvalidStream),
            ("🔥", "", Poison::InvalidEmoji),
            ("00.000Z", "00", Poison::InvalidWindow),
        ] {
            let value = GOLDEN.replace(from, to);
            assert_eq!(
                TotalRecord::decode(value.as_bytes(), seconds(2)),
                Err(reason),
                "{value}"
            );
        }
    }

    proptest! {
        /// Compaction may keep any number of older records of a key, and partitions are read in any order.
        #[test]
        fn the_newest_windows_come_back_from_a_topic_of_any_partitions(
            windows in any_history(), partitions in 1..4_usize, compacted: bool,
        ) {
            let mut topic = vec![Vec::new(); partitions];
            for record in windows.iter().flat_map(TotalRecord::of) {
                let partition = record.key().bytes().map(usize::from).sum::<usize>() % partitions;
                let log: &mut Vec<TotalRecord> = &mut topic[partition];
                if compacted {
                    log.retain(|earlier| earlier.key() != record.key());
                }
                log.push(record);
            }
            let mut standings = Standings::default();
            for record in topic.into_iter().flatten() {
                let value = record.encode(seconds(2));
                standings.apply(TotalRecord::decode(&value, seconds(2)).unwrap());
            }
            prop_assert!(standings.incomplete().is_empty());
            let mut newest: BTreeMap<StreamName, &Window> = BTreeMap::new();
            for window in &windows {
                newest.insert(window.stream.clone(), window);
            }
            let restored: Vec<Window> = standings.into_newest().collect();
            prop_assert_eq!(restored.len(), newest.len());
            for (restored, window) in restored.iter().zip(newest.values()) {
                prop_assert_eq!(
                    (&restored.stream, restored.seq, &restored.running, restored.ordinal),
                    (&window.stream, window.seq, &window.running, window.ordinal)
                );
            }
        }
    }
}
