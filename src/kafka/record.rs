//! What is on the topics: bytes to domain values and back. `docs/topics.md` shows every shape.
//!
//! Anybody may write to a topic, so whatever is read is checked as at the HTTP door. What does not pass is [`Poison`],
//! which a reader counts and passes by.

mod json;

pub mod reaction;
pub mod partial;
pub mod window;
pub mod totals;
pub mod control;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A record that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum Poison {
    /// There is nothing in it: a tombstone where none belongs.
    NoValue,
    /// No JSON, or no UTF-8.
    InvalidJson,
    /// JSON, and not the object that belongs here: a field is missing, twice there, or of another type.
    InvalidShape,
    /// No user id.
    InvalidUserId,
    /// No emoji, or more than one.
    InvalidEmoji,
    /// No date and time.
    InvalidTimestamp,
    /// No name of a stream.
    InvalidStream,
    /// A count out of range.
    InvalidCount,
    /// No event id.
    InvalidEventId,
    /// A window without start and end in ISO-8601 with zone.
    InvalidWindow,
    /// A window that is none of the grid: another size, or another start.
    OffGrid,
    /// A partition or an index that is not below the number of all.
    InvalidIndex,
    /// Totals that are missing or contradict each other.
    InvalidTotals,
    /// No cluster can have this number.
    InvalidCluster,
    /// A state that no cluster has.
    InvalidState,
    /// A key that is not the one of this value.
    InvalidKey,
}

impl Poison {
    /// The reason as a stable word, for logs and metrics; where HTTP refuses the same, it is the same word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoValue => "no_value",
            Self::InvalidJson => "bad_json",
            Self::InvalidShape => "invalid_shape",
            Self::InvalidUserId => "invalid_user_id",
            Self::InvalidEmoji => "invalid_emoji",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::InvalidStream => "invalid_stream",
            Self::InvalidCount => "invalid_count",
            Self::InvalidEventId => "invalid_event_id",
            Self::InvalidWindow => "invalid_window",
            Self::OffGrid => "off_grid",
            Self::InvalidIndex => "invalid_index",
            Self::InvalidTotals => "invalid_totals",
            Self::InvalidCluster => "invalid_cluster",
            Self::InvalidState => "invalid_state",
            Self::InvalidKey => "invalid_key",
        }
    }
}

/// Reads a value that has to be an object. Serde would take an array for a struct as well.
fn read<'a, Shape: Deserialize<'a>>(value: &'a [u8]) -> Result<Shape, Poison> {
    match value.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err(Poison::NoValue),
        Some(b'{') => serde_json::from_slice(value).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Poison::InvalidShape,
            _ => Poison::InvalidJson,
        }),
        Some(_) => Err(match serde_json::from_slice::<IgnoredAny>(value) {
            Ok(_) => Poison::InvalidShape,
            Err(_) => Poison::InvalidJson,
        }),
    }
}

#[cfg(test)]
pub(super) mod tests;
