//! Tests against a real Apache Kafka broker, which the tests start themselves.

#[path = "../support/mod.rs"]
mod black_box;
mod support;

mod broker;
mod topics;
mod ground;
mod ingest;
mod bench;
