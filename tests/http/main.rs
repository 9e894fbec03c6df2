//! What the HTTP routes promise: CONTRACT section 1, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod reactions;
mod batches;
mod emojis_accepted;
mod counting;
mod shaping;
mod registration;
mod admin;
mod operations;
mod openapi;
mod errors;
mod slow_bodies;
