//! A subscriber that trusts nobody: it adds up what it is sent and checks each frame against the last.

use std::collections::BTreeMap;

use serde_json::Value;

/// Reactions per emoji.
pub(crate) type Totals = BTreeMap<String, u64>;

/// What one session has been told so far: `hello`, and every window after it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) stream: String,
    pub(crate) cluster: u64,
    /// The last window that is in `total`.
    pub(crate) seq: u64,
    pub(crate) total: u64,
    pub(crate) totals: Totals,
    /// How many frames summed more than one window.
    pub(crate) merged: usize,
    window_ms: u64,
}

impl Account {
    /// Opens the account with what `hello` says was counted before.
    pub(crate) fn open(hello: &Value) -> Self {
        assert_eq!(hello["type"], "hello", "{hello}");
        let totals: Totals = serde_json::from_value(hello["totals"].clone()).expect("hello.totals");
        let total = number(hello, "total");
        assert_eq!(
            totals.values().sum::<u64>(),
            total,
            "hello disagrees with itself"
        );
        Self {
            stream: text(hello, "stream"),
            cluster: number(hello, "cluster"),
            seq: number(hello, "seq"),
            total,
            totals,
            merged: 0,
            window_ms: number(hello, "window_ms"),
        }
    }

    /// Adds a window frame, after checking that it follows on the last one without a gap.
    pub(crate) fn add(&mut self, frame: &Value) {
        assert_eq!(frame["stream"], self.stream.as_str(), "{frame}");
        assert_eq!(
            frame["cluster"], self.cluster,
            "from another cluster: {frame}"
        );
        let (seq, span) = (number(frame, "seq"), number(frame, "span"));
        let before = self.seq;
        assert!(seq > before, "seq does not rise after {before}: {frame}");
        assert_eq!(
            seq.checked_sub(span),
            Some(before),
            "a span with a gap after {before}: {frame}"
        );
        assert_eq!(
            number(frame, "start_ms"),
            (before + 1) * self.window_ms,
            "{frame}"
        );
        assert_eq!(
            number(frame, "end_ms"),
            (seq + 1) * self.window_ms,
            "{frame}"
        );

        let mut listed = 0;
        for entry in frame["counts"].as_array().expect("counts") {
            let count = number(entry, "count");
            assert!(count > 0, "an emoji that nobody sent: {frame}");
            listed += count;
            *self.totals.entry(text(entry, "emoji_type")).or_default() += count;
        }
        let total = number(frame, "total");
        assert_eq!(listed, total, "an uncut list sums to its total: {frame}");
        self.total += total;
        self.seq = seq;
        self.merged += usize::from(span > 1);
    }
}

/// A number that must be in `value`.
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    let found = value[key].as_u64();
    found.unwrap_or_else(|| panic!("{key} is not a number in {value}"))
}

/// A text that must be in `value`.
pub(crate) fn text(value: &Value, key: &str) -> String {
    let found = value[key].as_str();
    found
        .unwrap_or_else(|| panic!("{key} is not a text in {value}"))
        .to_owned()
}
