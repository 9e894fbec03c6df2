//! What tests of actors share: probes in place of neighbours, and fixtures.

mod fixtures;
mod probe;

pub(crate) use fixtures::{reaction, reactions, seats, stream, window_of};
pub(crate) use probe::Probe;
