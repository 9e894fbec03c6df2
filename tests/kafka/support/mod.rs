//! What the tests against Kafka share: a real broker, clients of it, and a proxy that loses what it should carry.

#![allow(dead_code, reason = "each test binary takes the part it needs")]

pub(crate) mod broker;
pub(crate) mod clients;
pub(crate) mod control_node;
pub(crate) mod proxy;
pub(crate) mod door;
pub(crate) mod windows;
pub(crate) mod topics;
pub(crate) mod node;
pub(crate) mod account;
pub(crate) mod handed_on;
