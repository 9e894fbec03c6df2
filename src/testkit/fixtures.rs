//! Values that many tests need.

use std::sync::Arc;

use crate::actors::messages::ClusterSeats;
use crate::domain::{ClusterId, Emoji, EventId, Reaction, Seq, StreamName, UserId, Window};

/// Seats of a cluster with nobody in them.
pub(crate) fn seats(cluster: u64) -> ClusterSeats {
    ClusterSeats {
        cluster: ClusterId::try_new(cluster).unwrap(),
        taken: Arc::default(),
    }
}

/// A stream name.
pub(crate) fn stream(name: &str) -> StreamName {
    StreamName::parse(name).unwrap()
}

/// A fire from one person on the stream `main`.
pub(crate) fn reaction() -> Reaction {
    Reaction {
        stream: StreamName::main(),
        user_id: UserId::parse("user").unwrap(),
        emoji: Emoji::parse("🔥").unwrap(),
        count: 1,
        timestamp: None,
        event_id: None,
    }
}

/// A fire that is known again by its id.
pub(crate) fn event(event_id: &str) -> Reaction {
    Reaction {
        event_id: Some(EventId::parse(event_id).unwrap()),
        ..reaction()
    }
}

/// Many fires.
pub(crate) fn reactions(number: usize) -> Vec<Reaction> {
    vec![reaction(); number]
}

/// Window `seq` of a stream whose every window from 1 on has one fire.
pub(crate) fn window_of(name: &str, seq: u64) -> Arc<Window> {
    let fire = Emoji::parse("🔥").unwrap();
    Arc::new(Window {
        stream: stream(name),
        seq: Seq(seq),
        tally: [(fire, 1)].into_iter().collect(),
        late: 0,
        deduplicated: 0,
        running: Arc::new([(fire, seq)].into_iter().collect()),
        ordinal: seq,
    })
}
