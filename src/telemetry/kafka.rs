//! What stages on Kafka show: their metrics, and events that are a log line as well.
//!
//! `stage` is the name of a stage as in `/ready`, without a number; `topic` is the role of a topic, not its name: clusters
//! come and go.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Error, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};

use super::Metrics;

/// Buckets for a transaction, in seconds.
const TRANSACTION_BUCKETS: [f64; 10] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 2.0, 10.0];

/// Metrics of stages on Kafka.
#[derive(Debug)]
pub struct KafkaMetrics {
    /// 1 while the stage's brokers answer.
    pub reachable: IntGaugeVec,
    /// Records that are written and not yet read, summed over the stage's partitions.
    pub lag: IntGaugeVec,
    /// Records that wait in the stage's producer for an acknowledgement.
    pub producer_queue: IntGaugeVec,
    /// Records read or written, by direction.
    pub records: IntCounterVec,
    /// Records that could not be used and were passed by, by role of the topic and reason.
    pub poison: IntCounterVec,
    /// Records that the brokers would not take.
    pub refused: IntCounterVec,
    /// Transactions by outcome.
    pub transactions: IntCounterVec,
    /// From the beginning of a transaction to its end.
    pub transaction_time: HistogramVec,
    /// Partitions that a stage's group has given it or taken back.
    pub rebalances: IntCounterVec,
}

impl KafkaMetrics {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            reachable: gauges("reachable", "1 while the brokers answer")?,
            lag: gauges("lag", "Records written and not yet read")?,
            producer_queue: gauges("producer_queue", "Records that wait for an acknowledgement")?,
            records: counters(
                "records_total",
                "Records by direction",
                &["stage", "direction"],
            )?,
            poison: counters(
                "poison_total",
                "Records that could not be used and were passed by",
                &["topic", "reason"],
            )?,
            refused: counters(
                "refused_total",
                "Records that the brokers would not take",
                &["stage"],
            )?,
            transactions: counters(
                "transactions_total",
                "Transactions by outcome",
                &["stage", "outcome"],
            )?,
            transaction_time: HistogramVec::new(
                HistogramOpts::new(
                    "emostream_kafka_transaction_seconds",
                    "From the beginning of a transaction to its end",
                )
                .buckets(TRANSACTION_BUCKETS.to_vec()),
                &["stage"],
            )?,
            rebalances: counters("rebalances_total", "Changes of assignment", &["stage"])?,
        })
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 9] {
        [
            Box::new(self.reachable.clone()),
            Box::new(self.lag.clone()),
            Box::new(self.producer_queue.clone()),
            Box::new(self.records.clone()),
            Box::new(self.poison.clone()),
            Box::new(self.refused.clone()),
            Box::new(self.transactions.clone()),
            Box::new(self.transaction_time.clone()),
            Box::new(self.rebalances.clone()),
        ]
    }
}

fn gauges(name: &str, help: &str) -> Result<IntGaugeVec, Error> {
    IntGaugeVec::new(
        Opts::new(format!("emostream_kafka_{name}"), help),
        &["stage"],
    )
}

fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
    IntCounterVec::new(Opts::new(format!("emostream_kafka_{name}"), help), labels)
}

/// A record was passed by.
#[derive(Debug)]
pub struct PoisonPassed<'a> {
    /// The role of its topic.
    pub role: &'static str,
    /// The topic's name.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Why.
    pub reason: &'static str,
}

impl PoisonPassed<'_> {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        let poison = &metrics.kafka.poison;
        poison.with_label_values(&[self.role, self.reason]).inc();
        tracing::warn!(
            topic = self.topic,
            partition = self.partition,
            offset = self.offset,
            reason = self.reason,
            "record passed by"
        );
    }
}

/// The brokers would not take a record.
#[derive(Debug)]
pub struct RecordRefused<'a> {
    /// The stage.
    pub stage: &'static str,
    /// What they say.
    pub cause: &'a str,
    /// Whether the log has it already, of a record before.
    pub is_told: bool,
}

impl RecordRefused<'_> {
    /// Logs, unless it is told, and counts.
    pub fn emit(&self, metrics: &Metrics) {
        let refused = &metrics.kafka.refused;
        refused.with_label_values(&[self.stage]).inc();
        if !self.is_told {
            tracing::error!(
                stage = self.stage,
                cause = self.cause,
                "kafka refuses records"
            );
        }
    }
}

/// A transaction has ended, or nobody knows how.
#[derive(Debug)]
pub struct TransactionEnded<'a> {
    /// The stage.
    pub stage: &'static str,
    /// `committed`, `aborted`, `unclear` or `fenced`.
    pub outcome: &'static str,
    /// From its beginning.
    pub took: Duration,
    /// What the client said, if it did not commit.
    pub cause_opt: Option<&'a str>,
}

impl TransactionEnded<'_> {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        let kafka = &metrics.kafka;
        let labels = [self.stage, self.outcome];
        kafka.transactions.with_label_values(&labels).inc();
        let time = kafka.transaction_time.with_label_values(&[self.stage]);
        time.observe(self.took.as_secs_f64());
        let took_ms = self.took.as_millis() as u64;
        match self.cause_opt {
            None => tracing::debug!(stage = self.stage, took_ms, "transaction committed"),
            Some(cause) => tracing::warn!(
                stage = self.stage,
                outcome = self.outcome,
                took_ms,
                cause,
                "transaction did not commit, its records are read again"
            ),
        }
    }
}

/// A stage's brokers have ceased to answer.
#[derive(Debug)]
pub struct BrokersAway<'a> {
    /// The stage.
    pub stage: &'static str,
    /// What the client says.
    pub cause: &'a str,
}

impl BrokersAway<'_> {
    /// Logs and shows.
    pub fn emit(&self, metrics: &Metrics) {
        let reachable = &metrics.kafka.reachable;
        reachable.with_label_values(&[self.stage]).set(0);
        tracing::warn!(
            stage = self.stage,
            cause = self.cause,
            "kafka does not answer"
        );
    }
}

/// A stage's brokers answer, for the first time or again.
#[derive(Debug)]
pub struct BrokersBack {
    /// The stage.
    pub stage: &'static str,
}

impl BrokersBack {
    /// Logs and shows.
    pub fn emit(&self, metrics: &Metrics) {
        let reachable = &metrics.kafka.reachable;
        reachable.with_label_values(&[self.stage]).set(1);
        tracing::info!(stage = self.stage, "kafka answers");
    }
}

/// A group has given a stage partitions, or taken them back.
#[derive(Debug)]
pub struct AssignmentChanged<'a> {
    /// The stage.
    pub stage: &'static str,
    /// What it has now, as `topic/partition`.
    pub partitions: &'a [String],
}

impl AssignmentChanged<'_> {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        let rebalances = &metrics.kafka.rebalances;
        rebalances.with_label_values(&[self.stage]).inc();
        tracing::info!(stage = self.stage, partitions = ?self.partitions, "assignment changed");
    }
}
