//! A session with probes for neighbours.

use std::rc::Rc;
use std::time::Duration;

use super::{Desk, Ground};
use crate::actors::cursor::CursorHandle;
use crate::actors::door::{Door, Entrance};
use crate::actors::messages::Submit;
use crate::actors::queue::Queue;
use crate::actors::session::{Limited, ReactGate, Session};
use crate::domain::UserId;

/// A door before which nobody waits.
pub(crate) fn door(ground: &Ground, ingest: &Desk<Submit>) -> Door {
    let queue = Queue::new(Duration::from_secs(1), ground.metrics.clone());
    let entrance = Entrance {
        asked: ingest.link(),
        deposits_opt: None,
    };
    Door::new(entrance, Rc::new(queue), ground.streams.clone())
}

/// A session of `user`.
pub(crate) fn session(
    ground: &Ground,
    cursor: CursorHandle,
    ingest: &Desk<Submit>,
    gate: Rc<dyn ReactGate>,
) -> Session {
    Session::new(
        cursor,
        UserId::parse("user").unwrap(),
        Rc::new(door(ground, ingest)),
        gate,
        ground.streams.clone(),
    )
}

/// A gate that decides by the user and the number of reactions.
pub(crate) fn gate(
    admit: impl Fn(&str, u32) -> Result<(), Limited> + 'static,
) -> Rc<dyn ReactGate> {
    Rc::new(Gate(admit))
}

struct Gate<Admit>(Admit);

impl<Admit: Fn(&str, u32) -> Result<(), Limited>> ReactGate for Gate<Admit> {
    fn admit(&self, user: &str, count: u32) -> Result<(), Limited> {
        (self.0)(user, count)
    }
}
