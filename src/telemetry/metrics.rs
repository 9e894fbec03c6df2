//! Every metric, by name, once.
//!
//! Labels take their values from enums, routes and cluster numbers only, so the number of series is bounded whatever the
//! crowd sends. A registry belongs to a node: two nodes in one process do not share counters.

use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use super::kafka::KafkaMetrics;

/// Buckets for what should take milliseconds, in seconds.
const DELAY_BUCKETS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
];

/// The metrics of one node.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Reactions by outcome: the ledger's columns.
    pub reactions: IntCounterVec,
    /// Accepted reactions that are in no published window yet.
    pub reactions_in_flight: IntGauge,
    /// Streams that exist.
    pub streams: IntGauge,
    /// Windows published, all streams.
    pub windows: IntCounter,
    /// From a window's end to its publication.
    pub window_delay: Histogram,
    /// How long what comes in waits for its worker, by probes.
    pub queue_delay: Histogram,
    /// Windows that a sender could not hand on in time and left to the running totals of the next, by edge.
    pub windows_absorbed: IntCounterVec,
    /// Sends that met a full mailbox, by edge.
    pub mailbox_full: IntCounterVec,
    /// Partitions that the merge deadline did not wait for.
    pub partitions_late: IntCounter,
    /// Open sessions, by cluster.
    pub sessions: IntGaugeVec,
    /// Of the open sessions: those that have not taken the newest window, as they read slowly.
    pub sessions_slow: IntGauge,
    /// Sessions the server ended, by close reason.
    pub sessions_closed: IntCounterVec,
    /// Frames handed to sockets, by kind: `single` (one window) or `merged` (several).
    pub frames: IntCounterVec,
    /// Deaths of actors, by actor.
    pub actor_deaths: IntCounterVec,
    /// HTTP answers, by route pattern and status.
    pub http_responses: IntCounterVec,
    /// Stages on Kafka.
    pub kafka: KafkaMetrics,
}

impl Metrics {
    /// A fresh registry with every metric in it.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            reactions: counters("reactions_total", "Reactions by outcome", &["outcome"])?,
            reactions_in_flight: gauge("reactions_in_flight", "Accepted, in no window yet")?,
            streams: gauge("streams", "Streams that exist")?,
            windows: IntCounter::new("emostream_windows_total", "Windows published")?,
            window_delay: delays(
                "window_delay",
                "From the end of a window to its publication",
            )?,
            queue_delay: delays("queue_delay", "Until a worker has time for what comes in")?,
            windows_absorbed: counters(
                "windows_absorbed_total",
                "Windows left to the running totals of the next one",
                &["edge"],
            )?,
            mailbox_full: counters("mailbox_full_total", "Sends to a full mailbox", &["edge"])?,
            partitions_late: IntCounter::new(
                "emostream_partitions_late_total",
                "Partitions that the merge deadline did not wait for",
            )?,
            sessions: IntGaugeVec::new(
                Opts::new("emostream_sessions", "Open sessions"),
                &["cluster"],
            )?,
            sessions_slow: gauge("sessions_slow", "Open sessions that read slowly")?,
            sessions_closed: counters(
                "sessions_closed_total",
                "Sessions the server ended",
                &["reason"],
            )?,
            frames: counters("frames_total", "Window frames handed to sockets", &["kind"])?,
            actor_deaths: counters("actor_deaths_total", "Actors that died", &["actor"])?,
            http_responses: counters(
                "http_responses_total",
                "HTTP answers by route and status",
                &["route", "status"],
            )?,
            kafka: KafkaMetrics::new()?,
            registry,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let build_info = IntGauge::with_opts(
            Opts::new("emostream_build_info", "The running version")
                .const_label("version", env!("CARGO_PKG_VERSION")),
        )?;
        build_info.set(1);
        let all: [Box<dyn Collector>; 17] = [
            Box::new(build_info),
            Box::new(self.reactions.clone()),
            Box::new(self.reactions_in_flight.clone()),
            Box::new(self.streams.clone()),
            Box::new(self.windows.clone()),
            Box::new(self.window_delay.clone()),
            Box::new(self.queue_delay.clone()),
            Box::new(self.windows_absorbed.clone()),
            Box::new(self.mailbox_full.clone()),
            Box::new(self.partitions_late.clone()),
            Box::new(self.sessions.clone()),
            Box::new(self.sessions_slow.clone()),
            Box::new(self.sessions_closed.clone()),
            Box::new(self.frames.clone()),
            Box::new(self.actor_deaths.clone()),
            Box::new(self.http_responses.clone()),
            Box::new(process_start()?),
        ];
        for collector in all.into_iter().chain(self.kafka.collectors()) {
            self.registry.register(collector)?;
        }
        Ok(())
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Raises a counter to a total that is kept elsewhere.
pub fn raise_to(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(format!("emostream_{name}"), help), labels)
}

fn delays(name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let options = HistogramOpts::new(format!("emostream_{name}_seconds"), help);
    Histogram::with_opts(options.buckets(DELAY_BUCKETS.to_vec()))
}

fn gauge(name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    IntGauge::new(format!("emostream_{name}"), help)
}

/// Start of this process's metrics, from which a scraper tells a restart.
#[expect(
    clippy::disallowed_methods,
    reason = "wall time for people, not for windows"
)]
fn process_start() -> Result<IntGauge, prometheus::Error> {
    let start = gauge("start_time_seconds", "When this node began, Unix time")?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    start.set(since.map_or(0, |since| since.as_secs() as i64));
    Ok(start)
}
