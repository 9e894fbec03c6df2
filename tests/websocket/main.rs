//! What a session promises: CONTRACT section 2, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod hello;
mod messages;
mod resume;
mod slow;
mod guard;
mod refusal;
