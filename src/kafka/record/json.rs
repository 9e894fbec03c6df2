//! Pieces of JSON that several records share.

use std::borrow::Cow;
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Poison;
use crate::domain::{Emoji, EpochMs, Policy, Scale, Seq, StreamName, Tally, WindowSize};

/// Bytes of an object. A struct of texts, numbers and maps with text keys always is JSON.
pub(super) fn write(shape: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(shape).unwrap_or_default()
}

/// The emoji of an `emoji_type`.
pub(super) fn emoji(text: &str) -> Result<Emoji, Poison> {
    Emoji::parse(text).map_err(|_| Poison::InvalidEmoji)
}

/// The stream of a `stream`; who names none means `main`.
pub(super) fn stream(name_opt: Option<&str>) -> Result<StreamName, Poison> {
    name_opt.map_or_else(
        || Ok(StreamName::main()),
        |name| StreamName::parse(name).map_err(|_| Poison::InvalidStream),
    )
}

// === time ===

/// Start and end of a window, ISO-8601 with zone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bounds<'a> {
    #[serde(borrow)]
    start: Cow<'a, str>,
    #[serde(borrow)]
    end: Cow<'a, str>,
}

impl Bounds<'_> {
    pub(super) fn of(seq: Seq, size: WindowSize) -> Self {
        Self {
            start: moment(size.start(seq)).into(),
            end: moment(size.end(seq)).into(),
        }
    }

    /// First moment of the window, and the first after it.
    fn read(&self) -> Result<(EpochMs, EpochMs), Poison> {
        let start = read_moment(&self.start).ok_or(Poison::InvalidWindow)?;
        let end = read_moment(&self.end).ok_or(Poison::InvalidWindow)?;
        if start < end {
            Ok((start, end))
        } else {
            Err(Poison::InvalidWindow)
        }
    }

    /// The window that this is on the grid of its own size.
    pub(super) fn own_grid(&self) -> Result<(Seq, WindowSize), Poison> {
        let (start, end) = self.read()?;
        let size = WindowSize::try_new(Duration::from_millis(end.0 - start.0));
        let size = size.map_err(|_| Poison::OffGrid)?;
        Ok((self.on_grid(size)?, size))
    }

    /// The window of the grid that this is.
    pub(super) fn on_grid(&self, size: WindowSize) -> Result<Seq, Poison> {
        let bounds = self.read()?;
        let seq = size.seq_at(bounds.0);
        if bounds == (size.start(seq), size.end(seq)) {
            Ok(seq)
        } else {
            Err(Poison::OffGrid)
        }
    }
}

/// As Spark writes it, and any tool reads it: milliseconds and a zone.
pub(super) fn moment(at: EpochMs) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    format!("{at:.3}")
}

pub(super) fn read_moment(text: &str) -> Option<EpochMs> {
    let at: Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(EpochMs)
}

// === counts ===

/// Counts per emoji as an object, the highest first.
#[derive(Debug)]
pub(super) struct Counts<'a>(pub(super) Cow<'a, Tally>);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ranked = self.0.ranked();
        let mut map = serializer.serialize_map(Some(ranked.len()))?;
        for (emoji, count) in ranked {
            map.serialize_entry(emoji.as_str(), &count)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Counts<'_> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source
            .deserialize_map(CountsVisitor)
            .map(|tally| Self(Cow::Owned(tally)))
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Tally;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of emojis and counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tally, A::Error> {
        let mut tally = Tally::new();
        while let Some((text, count)) = map.next_entry::<Cow<'_, str>, u64>()? {
            let emoji = Emoji::parse(&text).map_err(de::Error::custom)?;
            tally.add(emoji, count);
        }
        Ok(tally)
    }
}

// === policies ===

/// A policy. What is not there is the default.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PolicyJson {
    #[serde(default)]
    top_n: Option<NonZeroU32>,
    #[serde(default)]
    min_count: u64,
    #[serde(default)]
    scale: ScaleJson,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScaleJson {
    #[default]
    Brief,
    Legacy,
    Divisor(NonZeroU64),
}

impl From<Policy> for PolicyJson {
    fn from(policy: Policy) -> Self {
        Self {
            top_n: policy.top_n,
            min_count: policy.min_count,
            scale: match policy.scale {
                Scale::Brief => ScaleJson::Brief,
                Scale::Legacy => ScaleJson::Legacy,
                Scale::Divisor(divisor) => ScaleJson::Divisor(divisor),
            },
        }
    }
}

impl From<PolicyJson> for Policy {
    fn from(policy: PolicyJson) -> Self {
        Self {
            top_n: policy.top_n,
            min_count: policy.min_count,
            scale: match policy.scale {
                ScaleJson::Brief => Scale::Brief,
                ScaleJson::Legacy => Scale::Legacy,
                ScaleJson::Divisor(divisor) => Scale::Divisor(divisor),
            },
        }
    }
}
