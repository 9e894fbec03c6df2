//! What the black-box tests share: the binary as a child process, an HTTP client, subscribers that add up.
//!
//! Nothing in here knows the inside of Emostream. Waiting is always for something that the server says (a frame, a
//! status, a ledger row), bounded by a deadline that no healthy run comes near.

#![allow(dead_code, reason = "each test binary takes the part it needs")]

pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod api;
pub(crate) mod ledger;
pub(crate) mod metrics;
pub(crate) mod frames;
pub(crate) mod subscriber;
pub(crate) mod viewer;
pub(crate) mod crowd;
pub(crate) mod raw_socket;
pub(crate) mod reactions;
pub(crate) mod wait;
