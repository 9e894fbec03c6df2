//! Reactions on their way between two actors, counted by ownership.
//!
//! A mailbox dies with its actor and drops what waits in it without a word. Whatever carries reactions therefore travels
//! inside an [`InFlight`]: taken out, it has arrived; dropped, it enters the ledger as lost.

use std::sync::Arc;

use crate::actors::streams::Streams;
use crate::domain::{Partial, Reaction, StreamName};

/// A payload whose weight in reactions is known per stream.
pub trait Weighed {
    /// Calls `each` with a stream and a number of reactions, as often as is convenient.
    fn weigh(&self, each: &mut dyn FnMut(&StreamName, u64));
}

impl Weighed for Vec<Reaction> {
    fn weigh(&self, each: &mut dyn FnMut(&StreamName, u64)) {
        for reaction in self {
            each(&reaction.stream, u64::from(reaction.count));
        }
    }
}

impl Weighed for Vec<Partial> {
    fn weigh(&self, each: &mut dyn FnMut(&StreamName, u64)) {
        for partial in self {
            each(
                &partial.stream,
                partial.tally.total() + partial.deduplicated,
            );
        }
    }
}

/// A payload that must arrive or be accounted for.
#[derive(Debug)]
pub struct InFlight<T: Weighed> {
    payload: Option<T>,
    streams: Arc<Streams>,
}

impl<T: Weighed> InFlight<T> {
    /// Sends a payload on its way.
    pub fn new(payload: T, streams: &Arc<Streams>) -> Self {
        Self {
            payload: Some(payload),
            streams: streams.clone(),
        }
    }

    /// The payload has reached the next stage, which now answers for it.
    pub fn arrive(mut self) -> Option<T> {
        self.payload.take()
    }
}

impl<T: Weighed> Drop for InFlight<T> {
    fn drop(&mut self) {
        if let Some(payload) = self.payload.take() {
            payload.weigh(&mut |stream, reactions| self.streams.lost(stream, reactions));
        }
    }
}
