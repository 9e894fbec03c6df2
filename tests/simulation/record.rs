//! What is on the topics.

use emostream::domain::{
    Commit, Emoji, EpochMs, EventId, Partial, Punctuation, Standing, StreamName, Window,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    Input,
    Partials,
    Aggregated,
    Totals,
}

/// One partition of a topic.
pub(crate) type Place = (Topic, usize);

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: EpochMs,
    pub(crate) stream: StreamName,
    pub(crate) emoji: Emoji,
    pub(crate) count: u32,
    pub(crate) event_id: Option<EventId>,
}

#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Reaction(Sent),
    Poison,
    Partial {
        input: usize,
        partial: Partial,
    },
    Word(Punctuation),
    Window(Window),
    Standing(Standing),
    /// The commit that the totals before it belong to.
    Stamp(Commit),
    /// The end of a transaction.
    Marker,
}
