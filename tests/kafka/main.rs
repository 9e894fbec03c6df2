//! Tests against a real Apache Kafka broker, which the tests start themselves.

mod support;

mod broker;
mod topics;
mod control;
mod ground;
