//! The other edge: the topic layout of Kafka, and what is on the topics.

// What is on the topics.
pub mod topics;
pub mod record;
pub mod gather;

// How a stage meets Kafka.
pub mod client;
pub mod admin;
pub mod context;
pub mod health;
pub mod thread;
pub mod survey;
pub mod table;

// The stages, in flow order.
pub mod sink;
pub mod transaction;
pub mod aggregate;
pub mod merge;
pub mod standings;
pub mod forward;
pub mod source;
pub mod control;
