//! The topics of one test, under names of its own, and what has to be true of the windows on them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::clients::{Found, read_all};
use crate::black_box::wait::wait_for;

/// Names of topics, of groups and of transactions that begin alike, on one broker.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    address: String,
    prefix: String,
}

impl Topics {
    pub(crate) fn new(address: &str, prefix: &str) -> Self {
        Self {
            address: address.to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    /// The broker.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// One of them, by the end of its setting's name, or a cluster's: `aggregated`, `subscriber_2`.
    pub(crate) fn name(&self, topic: &str) -> String {
        format!("{}.{topic}", self.prefix)
    }

    /// What a node is told, as `KEY=VALUE`.
    pub(crate) fn settings(&self) -> impl Iterator<Item = String> {
        let names = [
            ("reactions", "reactions"),
            ("partials", "partials"),
            ("totals", "totals"),
            ("aggregated", "aggregated"),
            ("cluster", "cluster_"),
            ("subscriber", "subscriber_"),
            ("control", "control"),
        ];
        let topics = names.map(|(key, topic)| format!("kafka.topic_{key}={}", self.name(topic)));
        let group = format!("kafka.group={}", self.prefix);
        topics.into_iter().chain([group])
    }

    /// All windows that a `read_committed` reader sees now. Panics if they are not what they have to be.
    pub(crate) fn windows(&self) -> Published {
        let found = read_all(&self.address, &self.name("aggregated"));
        Published::of(&found).unwrap_or_else(|fault| panic!("{}: {fault}", self.prefix))
    }

    /// Waits until the windows of a stream add up to `total` at least, and gives all windows then.
    pub(crate) async fn until_total(
        &self,
        stream: &str,
        total: u64,
        within: Duration,
    ) -> Published {
        let what = format!("windows of {stream} with {total} reactions");
        let windows = async || {
            let topics = self.clone();
            let windows = tokio::task::spawn_blocking(move || topics.windows()).await;
            windows.expect("windows as they have to be")
        };
        wait_for(&what, within, windows, |found| found.total(stream) >= total).await
    }
}

/// One window, as its records have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PublishedWindow {
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) total: u64,
    /// The stream's total, this window included.
    pub(crate) running_total: u64,
    /// How many records it has to have.
    of: u64,
    /// How many came.
    parts: u64,
}

/// Windows by stream and `seq`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Published(BTreeMap<String, BTreeMap<u64, PublishedWindow>>);

impl Published {
    /// Puts records together: each part of each window is there once, a stream's windows come one after the other with a
    /// rising `seq`, and running totals are what has been counted.
    ///
    /// # Errors
    ///
    /// The first record, or the first window, that is not so.
    pub(crate) fn of(found: &[Found]) -> Result<Self, String> {
        let mut published = Self::default();
        for record in found {
            published
                .add(&record.value)
                .map_err(|fault| format!("{fault}: {}", record.value))?;
        }
        for (stream, windows) in &published.0 {
            add_up(windows).map_err(|fault| format!("stream {stream}, {fault}"))?;
        }
        Ok(published)
    }

    fn add(&mut self, value: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(value).map_err(|error| error.to_string())?;
        let number = |name: &str| value[name].as_u64().ok_or(format!("no {name}"));
        let stream = value["stream"].as_str().unwrap_or("main").to_owned();
        let emoji = value["emoji_type"].as_str().ok_or("no emoji_type")?;
        let (seq, index, of, count) = (
            number("seq")?,
            number("index")?,
            number("of")?,
            number("count")?,
        );
        let windows = self.0.entry(stream).or_default();
        let newest = windows
            .last_key_value()
            .map(|(newest, window)| (*newest, window.is_whole()));
        match newest {
            Some((newest, _)) if seq < newest => {
                return Err(format!("comes after window {newest}"));
            }
            Some((newest, false)) if seq > newest => {
                return Err(format!("window {newest} is not whole"));
            }
            _ => {}
        }
        let window = windows.entry(seq).or_default();
        if index != window.parts || index >= of {
            return Err(format!("is not part {}, which comes next", window.parts));
        }
        window.parts += 1;
        window.of = of;
        window.total += count;
        window.running_total = number("running_total")?;
        *window.counts.entry(emoji.to_owned()).or_default() += count;
        Ok(())
    }

    /// The windows of a stream.
    pub(crate) fn stream(&self, stream: &str) -> BTreeMap<u64, PublishedWindow> {
        self.0.get(stream).cloned().unwrap_or_default()
    }

    /// All that was counted of a stream.
    pub(crate) fn total(&self, stream: &str) -> u64 {
        self.stream(stream)
            .values()
            .map(|window| window.total)
            .sum()
    }

    /// The same by emoji.
    pub(crate) fn counts(&self, stream: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for window in self.stream(stream).values() {
            for (emoji, count) in window.counts.iter().filter(|(_, count)| **count > 0) {
                *counts.entry(emoji.clone()).or_default() += count;
            }
        }
        counts
    }

    /// The first window that a stream lacks between its first and its last, if any. A stream that was idle may lack some.
    pub(crate) fn hole(&self, stream: &str) -> Option<u64> {
        let windows = self.stream(stream);
        let mut seqs = windows.keys().zip(windows.keys().skip(1));
        let gap = seqs.find(|(seq, next)| **next != **seq + 1);
        gap.map(|(seq, _)| seq + 1)
    }
}

impl PublishedWindow {
    fn is_whole(&self) -> bool {
        self.parts == self.of
    }
}

fn add_up(windows: &BTreeMap<u64, PublishedWindow>) -> Result<(), String> {
    let mut running = 0;
    for (seq, window) in windows {
        running += window.total;
        if !window.is_whole() {
            return Err(format!(
                "window {seq} has {} of {} parts",
                window.parts, window.of
            ));
        }
        if window.running_total != running {
            return Err(format!(
                "window {seq} has a running total of {} for {running}",
                window.running_total
            ));
        }
    }
    Ok(())
}
