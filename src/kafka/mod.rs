//! The other edge: the topic layout of Kafka, and what is on the topics.

pub mod topics;
pub mod record;
pub mod gather;
pub mod client;
pub mod admin;
pub mod health;
pub mod context;
pub mod thread;
pub mod table;
pub mod survey;
pub mod forward;
pub mod source;
