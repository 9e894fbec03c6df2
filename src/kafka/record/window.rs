//! Records of `emoji_topic_aggregated`, `cluster_topic_N` and `subscriber_topic_N`: one per window and emoji.
//!
//! What belongs to a window as a whole stands once, in the record with index 0: the totals of all emojis of the stream,
//! and for subscribers the policy and, where the policy cut something, the uncut counts. So a reader that starts
//! with any window stands on exact totals.
//!
//! A window without anything to list is one record as well: the stream's favourite emoji with a count of 0. Readers that
//! know no empty windows add nothing and draw nothing.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::json::{Bounds, Counts, PolicyJson};
use super::{Poison, json, read};
use crate::domain::{
    ClusterId, Emoji, Policy, Scale, Seq, Shaped, StreamName, Tally, Window, WindowSize,
};

/// One emoji of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRecord {
    /// The stream counted.
    pub stream: StreamName,
    /// The window counted.
    pub seq: Seq,
    /// The emoji.
    pub emoji: Emoji,
    /// Its exact count.
    pub count: u64,
    /// What Emostream writes beyond; somebody else's aggregator writes only the above.
    pub part: Option<Part>,
}

/// Which part of its window a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, below `of`.
    pub index: u32,
    /// How many records the window has.
    pub of: u32,
    /// How many windows of this stream were published through this one.
    pub ordinal: u64,
    /// The emoji's total in the stream, this window included.
    pub running: u64,
    /// The total of all emojis.
    pub running_total: u64,
    /// What belongs to the whole window: in the record with index 0.
    pub head: Option<Box<Head>>,
}

/// What belongs to a whole window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many of the counts were carried from a window already closed.
    pub late: u64,
    /// How many were left out as sent before.
    pub deduplicated: u64,
    /// Totals of the stream through this window.
    pub running: Tally,
    /// The uncut counts, where the records do not list all of them.
    pub tally: Option<Tally>,
    /// For subscribers: the cluster and its policy as of this window.
    pub shaped: Option<(ClusterId, Policy)>,
}

#[derive(Serialize)]
struct WindowOut<'a> {
    window: Bounds<'a>,
    emoji_type: &'a str,
    count: u64,
    final_count: u64,
    stream: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<u16>,
    seq: u64,
    index: u32,
    of: u32,
    running: u64,
    running_total: u64,
    ordinal: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_carried: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deduplicated: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<Counts<'a>>,
}

#[derive(Deserialize)]
struct WindowIn<'a> {
    #[serde(borrow)]
    window: Bounds<'a>,
    #[serde(borrow)]
    emoji_type: Cow<'a, str>,
    count: u64,
    /// Everybody has a rule of their own for it; ours is applied anew where it is needed.
    #[serde(default, rename = "final_count")]
    _final_count: Option<IgnoredAny>,
    #[serde(default, borrow)]
    stream: Option<Cow<'a, str>>,
    cluster: Option<u64>,
    index: Option<u32>,
    of: Option<u32>,
    running: Option<u64>,
    running_total: Option<u64>,
    ordinal: Option<u64>,
    #[serde(default)]
    late_carried: Option<u64>,
    #[serde(default)]
    deduplicated: Option<u64>,
    policy: Option<PolicyJson>,
    counts: Option<Counts<'static>>,
    totals: Option<Counts<'static>>,
}

/// The values of a window for `emoji_topic_aggregated` and `cluster_topic_N`, in order. The key of each is the stream.
pub fn encode(window: &Window, size: WindowSize, scale: Scale) -> Vec<Vec<u8>> {
    let uncut = Policy {
        scale,
        ..Policy::default()
    };
    values(window, size, &uncut, None)
}

/// The values of a window for `subscriber_topic_N`, in order. The key of each is the stream.
pub fn encode_shaped(
    window: &Window,
    size: WindowSize,
    cluster: ClusterId,
    policy: &Policy,
) -> Vec<Vec<u8>> {
    values(window, size, policy, Some(cluster))
}

fn values(
    window: &Window,
    size: WindowSize,
    policy: &Policy,
    cluster_opt: Option<ClusterId>,
) -> Vec<Vec<u8>> {
    let mut listed = policy.shape(&window.tally);
    let is_cut = listed.len() < window.tally.len();
    if listed.is_empty() {
        listed.extend(nothing(window));
    }
    let of = u32::try_from(listed.len()).unwrap_or(u32::MAX);
    let record = |(index, shaped): (u32, &Shaped)| {
        let is_head = index == 0;
        json::write(&WindowOut {
            window: Bounds::of(window.seq, size),
            emoji_type: shaped.emoji.as_str(),
            count: shaped.count,
            final_count: shaped.final_count,
            stream: window.stream.as_str(),
            cluster: cluster_opt.map(ClusterId::get),
            seq: window.seq.0,
            index,
            of,
            running: window.running.get(shaped.emoji),
            running_total: window.running.total(),
            ordinal: window.ordinal,
            total: cluster_opt.map(|_| window.tally.total()),
            late_carried: is_head.then_some(window.late),
            deduplicated: is_head.then_some(window.deduplicated),
            policy: (is_head && cluster_opt.is_some()).then(|| PolicyJson::from(*policy)),
            counts: (is_head && is_cut).then_some(Counts(Cow::Borrowed(&window.tally))),
            totals: is_head.then_some(Counts(Cow::Borrowed(&window.running))),
        })
    };
    (0..).zip(&listed).map(record).collect()
}

/// The one line of a window that lists nothing. A stream is known by an emoji, so only one that has but duplicates has no
/// favourite; it gets the first of the table.
fn nothing(window: &Window) -> Option<Shaped> {
    let favourite = window.running.ranked().first().map(|&(emoji, _)| emoji);
    let emoji = favourite.or_else(|| Emoji::all().next())?;
    Some(Shaped {
        emoji,
        count: 0,
        final_count: 0,
    })
}

/// Reads and checks a value.
///
/// # Errors
///
/// A window that is none of the grid, no emoji, or what contradicts itself.
pub fn decode(value: &[u8], size: WindowSize) -> Result<WindowRecord, Poison> {
    let given: WindowIn<'_> = read(value)?;
    let emoji = json::emoji(&given.emoji_type)?;
    let record = WindowRecord {
        stream: json::stream(given.stream.as_deref())?,
        seq: given.window.on_grid(size)?,
        emoji,
        count: given.count,
        part: given.part(emoji)?,
    };
    Ok(record)
}

impl WindowIn<'_> {
    /// What Emostream writes beyond the four fields of any aggregator, if all of it is there.
    fn part(self, emoji: Emoji) -> Result<Option<Part>, Poison> {
        let (Some(index), Some(of), Some(running), Some(running_total), Some(ordinal)) = (
            self.index,
            self.of,
            self.running,
            self.running_total,
            self.ordinal,
        ) else {
            return Ok(None);
        };
        if index >= of {
            return Err(Poison::InvalidIndex);
        }
        let part = Part {
            index,
            of,
            ordinal,
            running,
            running_total,
            head: None,
        };
        if index > 0 {
            return Ok(Some(part));
        }
        let totals = self.totals.ok_or(Poison::InvalidTotals)?.0.into_owned();
        if totals.total() != running_total || totals.get(emoji) != running {
            return Err(Poison::InvalidTotals);
        }
        let cluster_opt = match self.cluster {
            Some(number) => Some(ClusterId::try_new(number).map_err(|_| Poison::InvalidCluster)?),
            None => None,
        };
        let policy = self.policy.map(Policy::from).unwrap_or_default();
        let head = Head {
            late: self.late_carried.unwrap_or_default(),
            deduplicated: self.deduplicated.unwrap_or_default(),
            running: totals,
            tally: self.counts.map(|counts| counts.0.into_owned()),
            shaped: cluster_opt.map(|cluster| (cluster, policy)),
        };
        Ok(Some(Part {
            head: Some(Box::new(head)),
            ..part
        }))
    }
}

#[cfg(test)]
mod tests;
