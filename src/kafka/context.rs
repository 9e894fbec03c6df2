//! What librdkafka tells a client besides records: its log, its errors, its figures, and changes of assignment.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::{Partition, Statistics};
use rdkafka::types::RDKafkaRespErr;

use super::health::Health;

/// How long a consumer that hands on may take to leave.
pub const CLOSING: Duration = Duration::from_secs(3);

/// A partition of a topic.
pub type TopicPartition = (String, i32);

/// What a group has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These are ours from now on.
    Assigned(Vec<TopicPartition>),
    /// These are not ours any more.
    Revoked(Vec<TopicPartition>),
}

/// Who moves the consumer to its partitions when the group has given it some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigning {
    /// The consumer itself, to where the group has committed.
    ByCommit,
    /// The stage, once it knows where to read on; until then nothing is fetched.
    ByStage,
}

/// The context of one client of a stage.
#[derive(Debug)]
pub struct StageContext {
    health: Arc<Health>,
    assigning: Assigning,
    changes: Mutex<Vec<Change>>,
    /// Responses that the client had received by its last figures.
    heard: AtomicI64,
    /// Whether the brokers were silent then.
    was_silent: AtomicBool,
}

impl StageContext {
    /// For a client of the stage.
    pub fn new(health: Arc<Health>, assigning: Assigning) -> Self {
        Self {
            health,
            assigning,
            changes: Mutex::default(),
            heard: AtomicI64::new(0),
            was_silent: AtomicBool::new(true),
        }
    }

    /// The stage's health.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// The changes of assignment since the last call, in order. They come about inside `poll`, on its thread.
    pub fn take_changes(&self) -> Vec<Change> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut changes)
    }

    fn note(&self, change: Change) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push(change);
    }

    /// Shows a queue or a lag.
    pub(super) fn show(&self, figures: &Statistics) {
        let kafka = &self.health.metrics().kafka;
        let stage = [self.health.stage()];
        if figures.client_type == "producer" {
            let queue = kafka.producer_queue.with_label_values(&stage);
            queue.set(i64::try_from(figures.msg_cnt).unwrap_or(i64::MAX));
            return;
        }
        let partitions = figures
            .topics
            .values()
            .flat_map(|topic| topic.partitions.values());
        let lag = partitions.map(lag).sum();
        kafka.lag.with_label_values(&stage).set(lag);
    }
}

/// How far a partition is behind. librdkafka knows it where it commits itself; for offsets that are committed in
/// transactions, what was handed over is what was read.
fn lag(partition: &Partition) -> i64 {
    let is_known = partition.app_offset >= 0 && partition.hi_offset >= 0;
    match partition.consumer_lag {
        lag if lag >= 0 => lag,
        _ if is_known => (partition.hi_offset - partition.app_offset).max(0),
        _ => 0,
    }
}

impl ClientContext for StageContext {
    /// What matters comes as an error as well; the rest is for whoever looks for a fault.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        let stage = self.health.stage();
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(stage, facility, text, "librdkafka");
            }
            _ => tracing::debug!(stage, facility, text, "librdkafka"),
        }
    }

    /// A connection that is up proves nothing: that of a broker that hangs stays up. A response does, unless it may have
    /// come just before the brokers fell silent.
    fn stats(&self, figures: Statistics) {
        let has_heard = figures.rx > self.heard.swap(figures.rx, Ordering::AcqRel);
        if has_heard && self.was_silent.load(Ordering::Acquire) {
            self.health.answered();
        }
        let is_silent = !self.health.is_answered();
        self.was_silent.store(is_silent, Ordering::Release);
        self.show(&figures);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let stage = self.health.stage();
        match error.rdkafka_error_code() {
            // The end of a partition: no error, and told to whoever polls.
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(RDKafkaErrorCode::AllBrokersDown) => self.health.silent(reason),
            // One of several connections: librdkafka mends it.
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut,
            ) => tracing::debug!(stage, %error, reason, "connection to kafka failed"),
            _ => tracing::warn!(stage, %error, reason, "kafka client error"),
        }
    }
}

impl ConsumerContext for StageContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let named = partitions.elements();
        let named = named.iter();
        let named = named.map(|partition| (partition.topic().to_owned(), partition.partition()));
        let named = named.collect();
        let is_given = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let done = match (is_given, self.assigning) {
            (true, Assigning::ByCommit) => consumer.assign(partitions),
            // Without any call librdkafka would hold up the next rebalance until there is one.
            (true, Assigning::ByStage) => consumer.assign(&TopicPartitionList::new()),
            (false, _) => consumer.unassign(),
        };
        if let Err(error) = done {
            tracing::warn!(stage = self.health.stage(), %error, "assignment failed");
        }
        self.note(if is_given {
            Change::Assigned(named)
        } else {
            Change::Revoked(named)
        });
    }
}

/// Ends clients of librdkafka on a thread of their own. A consumer says good-bye to its group, which may take for ever while
/// the brokers are away; nobody waits for that longer than `patience`.
pub fn close(stage: &'static str, clients: impl Send + 'static, patience: Duration) {
    let (closed, closing) = sync_channel::<()>(1);
    let thread = std::thread::Builder::new().name("close".to_owned());
    let begun = thread.spawn(move || {
        drop(clients);
        drop(closed);
    });
    let is_left = begun.is_ok() && closing.recv_timeout(patience) == Err(RecvTimeoutError::Timeout);
    if is_left {
        tracing::warn!(stage, "kafka clients are left behind, they do not close");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rdkafka::statistics::Broker;

    use super::*;
    use crate::telemetry::Metrics;

    /// Figures of a client that is connected and has had so many responses.
    fn figures(responses: i64) -> Statistics {
        let broker = Broker {
            state: "UP".to_owned(),
            ..Broker::default()
        };
        Statistics {
            rx: responses,
            brokers: [("broker".to_owned(), broker)].into(),
            ..Statistics::default()
        }
    }

    #[test]
    fn a_broker_that_is_connected_and_says_nothing_does_not_answer() {
        let health = Arc::new(Health::new("stage", Arc::new(Metrics::new().unwrap())));
        let context = StageContext::new(health.clone(), Assigning::ByStage);
        context.stats(figures(2));
        assert!(health.is_answered());
        health.silent("a request had no answer");
        context.stats(figures(3));
        assert!(!health.is_answered(), "the third may have come before");
        context.stats(figures(3));
        assert!(!health.is_answered(), "nothing has come since");
        context.stats(figures(4));
        assert!(health.is_answered());
    }

    #[test]
    fn lag_is_counted_from_the_commit_or_from_what_was_handed_over() {
        let partition = |consumer_lag, app_offset, hi_offset| Partition {
            consumer_lag,
            app_offset,
            hi_offset,
            ..Partition::default()
        };
        assert_eq!(lag(&partition(7, 100, 110)), 7);
        assert_eq!(lag(&partition(-1, 100, 110)), 10);
        assert_eq!(lag(&partition(-1, 110, 100)), 0, "the end is an older one");
        assert_eq!(lag(&partition(-1, -1001, 110)), 0, "nothing is known yet");
        assert_eq!(lag(&partition(-1, 100, -1001)), 0, "nothing is known yet");
    }
}
