//! What the one on call reads: log lines, metrics, and events that are both.

pub mod events;
pub mod kafka;
pub mod metrics;
mod start_up;

pub use metrics::Metrics;
pub(crate) use start_up::panic_text;
pub use start_up::{InitError, LogConfig, LogFormat, init};
