//! What tests of actors share: probes in place of neighbours, a supervised stage, time under control, and fixtures.

mod desk;
mod fixtures;
mod ground;
mod listener;
mod probe;
mod session;
mod stage;

pub(crate) use desk::Desk;
pub(crate) use fixtures::{event, reaction, reactions, seats, stream, window_of};
pub(crate) use ground::{Ground, settle};
pub(crate) use listener::{Listener, add_up, arrival, board, deliver, kinds, shown};
pub(crate) use probe::Probe;
pub(crate) use session::{door, door_on_credit, gate, session, session_before};
pub(crate) use stage::{Die, Stage, mortal};
