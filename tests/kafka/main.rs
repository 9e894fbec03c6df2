//! Tests against a real Apache Kafka broker, which the tests start themselves.

#[path = "../support/mod.rs"]
mod black_box;
mod support;

mod broker;
mod topics;
mod control;
mod ground;
mod ingest;
mod bench;
mod moving;
mod windows;
mod tools;
mod forward;
mod foreign;
mod source;
mod door;
mod view;
