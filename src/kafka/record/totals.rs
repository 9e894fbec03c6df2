//! Records of `emoji_topic_totals`: the running total of one emoji of one stream. The topic is compacted, so that all of
//! them together are where a merger goes on.
//!
//! They are written in the transaction that publishes windows, to the partition with the number of that of the partials:
//! so all of a transaction become visible at once, and `position` says which transaction it was. An empty
//! window rewrites the total of the stream's favourite, so where a stream stands is always known.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::json::Bounds;
use super::{Poison, json, read};
use crate::domain::{Emoji, Offset, Seq, Standing, StreamName, Tally, Window, WindowSize};

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
    /// The stream's newest window at that moment.
    pub seq: Seq,
    /// How many windows of this stream were published through that one.
    pub ordinal: u64,
    /// How many of them were empty in a row, up to that one.
    pub empty_in_a_row: u64,
    /// Where in the partials the merger stood: the position of the commit in the same transaction.
    pub position: Offset,
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
    empty_in_a_row: u64,
    position: u64,
}

impl TotalRecord {
    /// The records to write where a stream stands now: one per emoji that `windows` have counted, and one at least.
    pub fn of(standing: &Standing, windows: &[Window], position: Offset) -> Vec<Self> {
        let own = windows
            .iter()
            .filter(|window| window.stream == standing.stream);
        let counted = own.flat_map(|window| window.tally.iter().map(|(emoji, _)| emoji));
        let mut emojis: BTreeSet<Emoji> = counted.collect();
        if emojis.is_empty() {
            emojis.extend(standing.running.ranked().first().map(|&(emoji, _)| emoji));
        }
        let record = |emoji| Self {
            stream: standing.stream.clone(),
            emoji,
            running: standing.running.get(emoji),
            running_total: standing.running.total(),
            seq: standing.seq,
            ordinal: standing.ordinal,
            empty_in_a_row: standing.empty_in_a_row,
            position,
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
            empty_in_a_row: self.empty_in_a_row,
            position: self.position.0,
        })
    }

    /// Reads and checks a value. A window of another size counts as the last one of `size` that had ended with it.
    ///
    /// # Errors
    ///
    /// Anything but a total.
    pub fn decode(value: &[u8], size: WindowSize) -> Result<Self, Poison> {
        let given: TotalJson<'_> = read(value)?;
        if given.running > given.running_total {
            return Err(Poison::InvalidTotals);
        }
        let (seq, grid) = given.window.own_grid()?;
        Ok(Self {
            stream: json::stream(Some(&given.stream))?,
            emoji: json::emoji(&given.emoji_type)?,
            running: given.running,
            running_total: given.running_total,
            seq: size.last_ended(grid.end(seq)),
            ordinal: given.ordinal,
            empty_in_a_row: given.empty_in_a_row,
            position: Offset(given.position),
        })
    }
}

/// Where all streams of one partition stand, put together from the partition's records in their order.
#[derive(Debug, Default)]
pub struct Standings {
    streams: BTreeMap<StreamName, Newest>,
    position: Offset,
}

#[derive(Debug, Default)]
struct Newest {
    running: BTreeMap<Emoji, u64>,
    ordinal: u64,
    running_total: u64,
    seq: Seq,
    empty_in_a_row: u64,
}

impl Standings {
    /// Takes the next record; of one key the later counts.
    pub fn apply(&mut self, record: TotalRecord) {
        self.position = record.position.max(self.position);
        let newest = self.streams.entry(record.stream).or_default();
        newest.running.insert(record.emoji, record.running);
        if record.ordinal >= newest.ordinal {
            newest.ordinal = record.ordinal;
            newest.running_total = record.running_total;
            newest.seq = record.seq;
            newest.empty_in_a_row = record.empty_in_a_row;
        }
    }

    /// Where in the partials the merger stood when it last wrote. Short of a commit's position, more is to be read;
    /// unless that commit published nothing.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// The streams whose emojis do not add up to their total: a part of the topic is missing.
    pub fn incomplete(&self) -> Vec<&StreamName> {
        let streams = self.streams.iter();
        let short = streams.filter(|(_, newest)| newest.tally().total() != newest.running_total);
        short.map(|(stream, _)| stream).collect()
    }

    /// What a merge goes on from.
    pub fn into_standings(self) -> impl Iterator<Item = Standing> {
        self.streams.into_iter().map(|(stream, newest)| Standing {
            stream,
            seq: newest.seq,
            running: Arc::new(newest.tally()),
            ordinal: newest.ordinal,
            empty_in_a_row: newest.empty_in_a_row,
        })
    }
}

impl Newest {
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

    const GOLDEN: &str = r#"{"stream":"main","emoji_type":"🔥","running":15,"running_total":17,"seq":882345600,"window":{"start":"2025-12-02T16:00:00.000Z","end":"2025-12-02T16:00:02.000Z"},"ordinal":9,"empty_in_a_row":0,"position":4711}"#;

    fn standing(window: &Window, empty_in_a_row: u64) -> Standing {
        Standing {
            stream: window.stream.clone(),
            seq: window.seq,
            running: Arc::clone(&window.running),
            ordinal: window.ordinal,
            empty_in_a_row,
        }
    }

    fn records(tally: Tally) -> Vec<TotalRecord> {
        let window = window(tally, two_fires(15, 2));
        TotalRecord::of(&standing(&window, 0), &[window], Offset(4_711))
    }

    #[test]
    fn a_total_looks_like_this() {
        let records = records(two_fires(5, 0));
        assert_eq!(records.len(), 1, "one per emoji of the window");
        let written = records[0].encode(seconds(2));
        assert_eq!(String::from_utf8(written).unwrap(), GOLDEN);
        assert_eq!(records[0].key(), "main:🔥");
        let read = TotalRecord::decode(GOLDEN.as_bytes(), seconds(2));
        assert_eq!(read.as_ref(), Ok(&records[0]));
    }

    #[test]
    fn an_empty_window_is_written_with_the_total_of_the_favourite() {
        let records = records(Tally::new());
        let written: Vec<_> = records
            .iter()
            .map(|record| (record.key(), record.running))
            .collect();
        assert_eq!(written, [("main:🔥".to_owned(), 15)]);
    }

    #[test]
    fn a_missing_part_of_the_topic_is_noticed() {
        let records = records(two_fires(5, 2));
        let mut standings = Standings::default();
        standings.apply(records[0].clone());
        assert_eq!(standings.incomplete(), [&StreamName::main()]);
        standings.apply(records[1].clone());
        assert!(standings.incomplete().is_empty());
        assert_eq!(standings.position(), Offset(4_711));
    }

    #[test]
    fn a_window_of_another_size_counts_as_the_last_that_had_ended_with_it() {
        let record = TotalRecord::decode(GOLDEN.as_bytes(), seconds(60)).unwrap();
        assert_eq!(record.seq, Seq(882_345_600 / 30 - 1));
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
            let read = TotalRecord::decode(value.as_bytes(), seconds(2));
            assert_eq!(read, Err(reason), "{value}");
        }
    }

    proptest! {
        /// Compaction may keep any number of older records of a key, and several windows may be published at once.
        #[test]
        fn where_streams_stand_comes_back_from_the_topic(
            windows in any_history(), at_once in 1..4_usize, compacted: bool,
        ) {
            let mut log: Vec<TotalRecord> = Vec::new();
            let mut newest: BTreeMap<StreamName, Standing> = BTreeMap::new();
            for (windows, position) in windows.chunks(at_once).zip((7..).map(Offset)) {
                let mut changed = BTreeMap::new();
                for window in windows {
                    changed.insert(window.stream.clone(), standing(window, position.0));
                }
                for record in changed.values().flat_map(|standing| TotalRecord::of(standing, windows, position)) {
                    if compacted {
                        log.retain(|earlier| earlier.key() != record.key());
                    }
                    log.push(record);
                }
                newest.extend(changed);
            }
            let mut standings = Standings::default();
            for record in log {
                let value = record.encode(seconds(2));
                standings.apply(TotalRecord::decode(&value, seconds(2)).unwrap());
            }
            prop_assert!(standings.incomplete().is_empty());
            let restored: Vec<Standing> = standings.into_standings().collect();
            prop_assert_eq!(restored, newest.into_values().collect::<Vec<_>>());
        }
    }
}
