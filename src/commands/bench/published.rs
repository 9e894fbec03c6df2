//! What was published: windows as any `read_committed` reader finds them, summed up emoji by emoji.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Message as _;
use serde::Deserialize;
use tokio::time::Instant;

use super::failure::Failure;
use crate::domain::{Emoji, Tally};

/// One record, read without the code under test.
#[derive(Debug, Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    window: Span<'a>,
    #[serde(borrow)]
    emoji_type: Cow<'a, str>,
    count: u64,
}

#[derive(Debug, Deserialize)]
struct Span<'a> {
    #[serde(borrow)]
    start: Cow<'a, str>,
}

/// How a writer says the same window and emoji twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// Never: a second record counts as well, and so does not add up.
    Count,
    /// The newest one stands, as in Spark's update mode.
    Replace,
}

/// The sum of windows so far.
#[derive(Debug)]
pub(super) struct Published {
    repeats: Repeats,
    counts: BTreeMap<(String, Emoji), u64>,
    total: u64,
    unreadable: u64,
}

impl Published {
    pub(super) fn new(repeats: Repeats) -> Self {
        Self {
            repeats,
            counts: BTreeMap::new(),
            total: 0,
            unreadable: 0,
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// How many windows there are.
    pub(super) fn num_windows(&self) -> usize {
        let mut starts: Vec<&str> = self
            .counts
            .keys()
            .map(|(start, _)| start.as_str())
            .collect();
        starts.dedup();
        starts.len()
    }

    /// Counts per emoji over all windows.
    pub(super) fn tally(&self) -> Tally {
        let counts = self.counts.iter();
        counts.map(|(&(_, emoji), &count)| (emoji, count)).collect()
    }

    /// Whether these are exactly the reactions that were written.
    pub(super) fn is_exactly(&self, written: &Tally) -> bool {
        self.unreadable == 0 && self.tally() == *written
    }

    fn take(&mut self, value: &[u8]) {
        let record: Option<Record<'_>> = serde_json::from_slice(value).ok();
        let read = record.and_then(|record| {
            let emoji = Emoji::parse(&record.emoji_type).ok()?;
            Some((record.window.start.into_owned(), emoji, record.count))
        });
        let Some((start, emoji, count)) = read else {
            self.unreadable += 1;
            return;
        };
        let entry = self.counts.entry((start, emoji)).or_default();
        if self.repeats == Repeats::Replace {
            self.total -= std::mem::take(entry);
        }
        *entry += count;
        self.total += count;
    }

    /// Reads on until as many reactions are in the windows as were written, and says when that was. None if nothing more
    /// comes for `patience`, or `check` fails.
    pub(super) fn read_until(
        &mut self,
        consumer: &BaseConsumer,
        written: u64,
        patience: Duration,
        mut check: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Option<Instant>, Failure> {
        const STEP: Duration = Duration::from_millis(100);
        let mut deadline = Instant::now() + patience;
        while self.total < written {
            match consumer.poll(STEP) {
                Some(Ok(message)) => {
                    self.take(message.payload().unwrap_or_default());
                    deadline = Instant::now() + patience;
                }
                Some(Err(error)) => return Err(error.into()),
                None => check()?,
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
        Ok(Some(Instant::now()))
    }

    /// Reads what else is there: nothing is, if nothing was counted twice.
    pub(super) fn read_rest(&mut self, consumer: &BaseConsumer) -> Result<(), Failure> {
        const SILENCE: Duration = Duration::from_millis(1_000);
        while let Some(message) = consumer.poll(SILENCE) {
            self.take(message?.payload().unwrap_or_default());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn record(start: &str, emoji: &str, count: u64) -> Vec<u8> {
        let end = "2026-06-11T20:00:02.000Z";
        let window = serde_json::json!({"start": start, "end": end});
        serde_json::json!({"window": window, "emoji_type": emoji, "count": count, "final_count": 1})
            .to_string()
            .into_bytes()
    }

    fn published(repeats: Repeats) -> Published {
        let mut published = Published::new(repeats);
        for value in [
            record("20:00", "🔥", 3),
            record("20:00", "😂", 1),
            record("20:02", "🔥", 2),
            record("20:00", "🔥", 4),
        ] {
            published.take(&value);
        }
        published
    }

    #[test]
    fn a_window_that_is_published_twice_counts_twice_unless_it_replaces() {
        assert_eq!(published(Repeats::Count).total(), 10);
        assert_eq!(published(Repeats::Replace).total(), 7);
        assert_eq!(published(Repeats::Replace).num_windows(), 2);
    }

    #[test]
    fn sums_have_to_agree_emoji_by_emoji() {
        let fire = Emoji::parse("🔥").unwrap();
        let joy = Emoji::parse("😂").unwrap();
        let published = published(Repeats::Replace);
        assert!(published.is_exactly(&[(fire, 6), (joy, 1)].into_iter().collect()));
        assert!(!published.is_exactly(&[(fire, 5), (joy, 2)].into_iter().collect()));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_no_agreement() {
        let mut published = published(Repeats::Count);
        let tally = published.tally();
        assert!(published.is_exactly(&tally));
        published.take(b"{}");
        assert!(!published.is_exactly(&tally));
    }
}
