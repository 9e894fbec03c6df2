//! How the process starts, what it lets through, and how it leaves: CONTRACT section 4, over real sockets and signals.

#[path = "../support/mod.rs"]
mod support;

mod start;
mod descriptors;
mod limits;
mod drain;
mod restart;
mod view;
mod crowd;
