//! A session with probes for neighbours.

use std::rc::Rc;
use std::time::Duration;

use super::{Desk, Ground, Probe};
use crate::actors::credit::Credit;
use crate::actors::cursor::CursorHandle;
use crate::actors::door::{Deposits, Door, Entrance};
use crate::actors::messages::{Deposit, Submit};
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

/// The same with credit for `limit` reactions, and that credit.
pub(crate) fn door_on_credit(
    ground: &Ground,
    ingest: &Desk<Submit>,
    deposits: &Probe<Deposit>,
    limit: usize,
) -> (Door, Rc<Credit>) {
    let queue = Queue::new(Duration::from_secs(1), ground.metrics.clone());
    let credit = Rc::new(Credit::new(limit));
    let entrance = Entrance {
        asked: ingest.link(),
        deposits_opt: Some(Deposits {
            link: deposits.link(),
            credit: credit.clone(),
        }),
    };
    let door = Door::new(entrance, Rc::new(queue), ground.streams.clone());
    (door, credit)
}

/// A session of `user`.
pub(crate) fn session(
    ground: &Ground,
    cursor: CursorHandle,
    ingest: &Desk<Submit>,
    gate: Rc<dyn ReactGate>,
) -> Session {
    session_before(ground, cursor, door(ground, ingest), gate)
}

/// A session of `user` before a door.
pub(crate) fn session_before(
    ground: &Ground,
    cursor: CursorHandle,
    door: Door,
    gate: Rc<dyn ReactGate>,
) -> Session {
    Session::new(
        cursor,
        UserId::parse("user").unwrap(),
        Rc::new(door),
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
