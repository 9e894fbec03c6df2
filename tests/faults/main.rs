//! Faults of whole processes: every role a process of its own on a real broker, and whatever dies, hangs or comes back,
//! every acknowledged reaction is in exactly one window, and every session adds up to all of them.
//!
//! Each of these tests takes the whole machine, so they run one after the other.

#[path = "../support/mod.rs"]
mod black_box;
#[path = "../kafka/support/mod.rs"]
mod support;

mod alone;
mod fleet;
mod load;
mod watcher;
mod show;

mod conservation;
mod kills;
mod zombie;
mod broker_away;
mod rebalances;
mod twins;
mod poison;
mod clusters;
mod kcat;
