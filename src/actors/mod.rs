//! The pipeline, as actors. Read from the top: what they say to each other, what carries it, then the stages in flow order.

pub mod messages;

pub mod clock;
pub mod close;
pub mod frames;
pub mod in_flight;
pub mod link;
pub mod queue;
pub mod credit;
pub mod door;
pub mod outbox;
pub mod streams;
pub mod supervisor;

pub mod ingest;
pub mod window_aggregator;
pub mod window_merger;
pub mod main_publisher;
pub mod cluster_publisher;
pub mod subscriber;
pub mod board;
pub mod cursor;
pub mod session_hub;
pub mod session;

pub mod clusters;
pub mod registry;
