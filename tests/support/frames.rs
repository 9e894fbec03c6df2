//! What the server says on a WebSocket, and what has to hold within each message.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// A text message of the server.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Message {
    Hello(Hello),
    Window(Frame),
    Status { delivery: String },
    Moved { cluster: u64 },
    Ack { id: String },
    Error { code: String, id: Option<String> },
}

/// Where the session stands.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Hello {
    pub(crate) session: String,
    pub(crate) client_id: String,
    pub(crate) cluster: u64,
    pub(crate) stream: String,
    pub(crate) window_ms: u64,
    pub(crate) seq: u64,
    pub(crate) recovered: bool,
    pub(crate) viewers: u64,
    pub(crate) total: u64,
    pub(crate) totals: BTreeMap<String, u64>,
}

/// One window, or several merged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Frame {
    pub(crate) stream: String,
    pub(crate) cluster: u64,
    pub(crate) seq: u64,
    pub(crate) span: u64,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) total: u64,
    pub(crate) counts: Vec<Count>,
}

/// One emoji of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Count {
    pub(crate) emoji_type: String,
    pub(crate) count: u64,
    pub(crate) final_count: u64,
}

/// How the server ended a session.
#[derive(Debug, Clone)]
pub(crate) struct Closed {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Hello {
    /// Panics unless the totals add up.
    pub(crate) fn assert_sound(&self) {
        assert!(
            !self.session.is_empty() && !self.client_id.is_empty(),
            "{self:?}"
        );
        assert_eq!(self.totals.values().sum::<u64>(), self.total, "{self:?}");
    }
}

impl Frame {
    /// Panics unless the frame lies on the grid of windows, begins after `seen`, and lists no more than it counts.
    pub(crate) fn assert_sound(&self, seen: u64, window_ms: u64) {
        assert!(self.seq > seen, "seq {} after {seen}", self.seq);
        assert_eq!(self.end_ms, (self.seq + 1) * window_ms, "{self:?}");
        assert_eq!(self.start_ms % window_ms, 0, "{self:?}");
        let first = self.start_ms / window_ms;
        assert!(
            first > seen,
            "the frame repeats what was sent through {seen}: {self:?}"
        );
        assert!(
            self.span >= 1 && self.span <= self.seq + 1 - first,
            "{self:?}"
        );
        let emojis: BTreeSet<_> = self.counts.iter().map(|count| &count.emoji_type).collect();
        assert_eq!(
            emojis.len(),
            self.counts.len(),
            "an emoji is listed twice: {self:?}"
        );
        assert!(self.counts.iter().all(|count| count.count > 0), "{self:?}");
        assert!(self.listed() <= self.total, "{self:?}");
    }

    /// Sum of the emojis listed: less than `total` where a policy cuts the list.
    pub(crate) fn listed(&self) -> u64 {
        self.counts.iter().map(|count| count.count).sum()
    }

    /// The entry of `emoji`.
    pub(crate) fn count(&self, emoji: &str) -> Option<&Count> {
        self.counts.iter().find(|count| count.emoji_type == emoji)
    }

    /// `final_count` of every listed emoji, by its count.
    pub(crate) fn final_counts(&self) -> BTreeMap<u64, u64> {
        self.counts
            .iter()
            .map(|count| (count.count, count.final_count))
            .collect()
    }
}

impl Closed {
    /// Milliseconds after which to come back, from the reason.
    pub(crate) fn retry_after_ms(&self) -> u64 {
        let reason: Value = serde_json::from_str(&self.reason)
            .unwrap_or_else(|error| panic!("the reason is not JSON ({error}): {:?}", self.reason));
        reason["retry_after_ms"]
            .as_u64()
            .unwrap_or_else(|| panic!("no retry_after_ms in {reason}"))
    }
}
