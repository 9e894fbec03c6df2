//! Writes records and counts what is not acknowledged yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::statistics::Statistics;
use tokio::time::Instant;

use crate::domain::StreamName;
use crate::kafka::client::{ClientsConfig, Use};
use crate::kafka::context::{Assigning, StageContext};
use crate::kafka::health::Health;
use crate::kafka::thread::Failure;

/// An acknowledgement that takes longer is worth a word.
const SILENCE: Duration = Duration::from_secs(5);

/// A producer and what waits for it.
pub(super) struct Sender {
    producer: BaseProducer<Reports>,
    /// What librdkafka has had no room for.
    waiting: VecDeque<Waiting>,
    /// When something was last acknowledged, or began to wait.
    heard: Instant,
    /// It was told that nothing is acknowledged.
    is_stuck: bool,
}

struct Waiting {
    topic: Arc<str>,
    key: StreamName,
    value: Vec<u8>,
}

impl Sender {
    pub(super) fn new(clients: &ClientsConfig, health: &Arc<Health>) -> Result<Self, Failure> {
        let reports = Reports {
            stage: StageContext::new(health.clone(), Assigning::ByStage),
            in_flight: AtomicUsize::new(0),
            failure: Mutex::default(),
        };
        let client = clients.client(Use::Windows);
        let producer = client
            .create_with_context(reports)
            .map_err(Failure::passing)?;
        Ok(Self {
            producer,
            waiting: VecDeque::new(),
            heard: Instant::now(),
            is_stuck: false,
        })
    }

    /// Queues the records of a window.
    pub(super) fn push(&mut self, topic: &Arc<str>, stream: &StreamName, values: Vec<Vec<u8>>) {
        if self.outstanding() == 0 {
            self.heard = Instant::now();
        }
        self.waiting.extend(values.into_iter().map(|value| Waiting {
            topic: topic.clone(),
            key: stream.clone(),
            value,
        }));
    }

    /// Records that are not acknowledged.
    pub(super) fn outstanding(&self) -> usize {
        self.waiting.len() + self.in_flight()
    }

    /// Sends what waits and hears what has come of the rest.
    ///
    /// # Errors
    ///
    /// A record was not written, for this reason; nothing is known of those behind it.
    pub(super) fn pump(&mut self) -> Result<(), String> {
        while let Some(next) = self.waiting.front() {
            let record: BaseRecord<'_, str, [u8], ()> = BaseRecord::to(&next.topic)
                .key(next.key.as_str())
                .payload(&next.value);
            match self.producer.send(record) {
                Ok(()) => {
                    self.reports().in_flight.fetch_add(1, Ordering::AcqRel);
                    self.waiting.pop_front();
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => break,
                Err((error, _)) => return Err(error.to_string()),
            }
        }
        let before = self.in_flight();
        self.producer.poll(Duration::ZERO);
        if let Some(cause) = self.reports().take_failure() {
            return Err(cause);
        }
        if let Some((_, cause)) = self.producer.client().fatal_error() {
            return Err(cause);
        }
        self.watch(before);
        Ok(())
    }

    fn watch(&mut self, in_flight_before: usize) {
        let health = self.reports().stage.health().clone();
        let acknowledged = in_flight_before - self.in_flight();
        if acknowledged > 0 {
            self.heard = Instant::now();
            health.answered();
            let records = &health.metrics().kafka.records;
            let written = records.with_label_values(&[health.stage(), "written"]);
            written.inc_by(acknowledged as u64);
            self.is_stuck = false;
        } else if !self.is_stuck && self.outstanding() > 0 && self.heard.elapsed() >= SILENCE {
            // Whether the brokers answer at all shows elsewhere: it may be one of them.
            self.is_stuck = true;
            let waiting = self.outstanding();
            tracing::warn!(
                stage = health.stage(),
                waiting,
                "no acknowledgement of windows"
            );
        }
    }

    fn in_flight(&self) -> usize {
        self.reports().in_flight.load(Ordering::Acquire)
    }

    fn reports(&self) -> &Reports {
        self.producer.context()
    }
}

/// What the producer tells, on the thread that polls it.
struct Reports {
    stage: StageContext,
    in_flight: AtomicUsize,
    failure: Mutex<Option<String>>,
}

impl Reports {
    fn take_failure(&self) -> Option<String> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.stage.log(level, facility, text);
    }

    fn stats(&self, figures: Statistics) {
        self.stage.stats(figures);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.stage.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        if let Err((error, _)) = delivered {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| error.to_string());
        }
    }
}
