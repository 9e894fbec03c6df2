//! What may be asked of `emostream bench fanout`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::commands::bench::args::parse_duration;

/// How to measure fan-out.
#[derive(Debug, Args)]
pub struct FanoutArgs {
    /// WebSocket sessions
    #[arg(long, value_name = "COUNT", default_value = "10000", value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub sessions: u32,
    /// How often each scenario is repeated, in turn with its limit; the median counts
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=101))]
    pub runs: u32,
    /// Scenarios to run, in this order [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub scenario: Vec<ScenarioName>,
    /// How long idle sessions are watched, 1s to 1h
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub idle: Duration,
    /// Somebody else's WebSocket server that broadcasts: only it is measured, by what can be known of any server
    #[arg(long, value_name = "ws://HOST:PORT/PATH", conflicts_with = "scenario")]
    pub peer: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What the crowd does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScenarioName {
    /// Watches small windows: deliveries per second of the server's CPU
    Deliveries,
    /// Watches while reactions come in: from the end of a window to the last session
    Latency,
    /// Sits still: memory and CPU of a session
    Idle,
    /// Comes in as fast as it is let in
    Handshakes,
    /// Has members that do not read
    Stalled,
    /// Drops out all at once, and comes back for what it missed
    Return,
    /// Comes and goes, ten times over
    Churn,
}
