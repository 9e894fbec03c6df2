//! What the client tells about records that it was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::IntCounter;
use rdkafka::Statistics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use super::ticket::{Fate, Ticket};
use crate::kafka::context::{Assigning, StageContext};
use crate::kafka::health::Health;
use crate::telemetry::kafka::RecordRefused;

/// The context of the producer of reactions.
#[derive(Debug)]
pub(super) struct Deliveries {
    stage: StageContext,
    written: IntCounter,
    /// A refusal has been told of, and nothing was written since.
    is_refused: AtomicBool,
    /// A record was refused, and nobody has asked the brokers about the topic since.
    is_doubted: AtomicBool,
    /// The client takes nothing any more.
    is_broken: AtomicBool,
}

impl Deliveries {
    pub(super) fn new(health: &Arc<Health>) -> Self {
        let records = &health.metrics().kafka.records;
        Self {
            written: records.with_label_values(&[health.stage(), "written"]),
            stage: StageContext::new(health.clone(), Assigning::ByStage),
            is_refused: AtomicBool::new(false),
            is_doubted: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Whether the client has met an error that it does not come back from.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// Whether the brokers are to be asked about the topic. A client that was not allowed to write refuses by itself from
    /// then on, until it learns of the topic anew: in five minutes, if nobody asks.
    pub(super) fn take_doubt(&self) -> bool {
        self.is_doubted.swap(false, Ordering::AcqRel)
    }

    /// What an error means for its record.
    pub(super) fn fate(&self, error: &KafkaError) -> Fate {
        let health = self.stage.health();
        let fate = fate(error);
        match fate {
            Fate::Refused => self.tell_refusal(error),
            Fate::NotTaken => self.is_broken.store(true, Ordering::Release),
            Fate::Unknown => health.silent(&error.to_string()),
            Fate::Written | Fate::NoRoom => {}
        }
        fate
    }

    fn tell_refusal(&self, error: &KafkaError) {
        let health = self.stage.health();
        self.is_doubted.store(true, Ordering::Release);
        let is_told = self.is_refused.swap(true, Ordering::AcqRel);
        RecordRefused {
            stage: health.stage(),
            cause: &error.to_string(),
            is_told,
        }
        .emit(health.metrics());
    }

    fn acknowledged(&self) {
        self.written.inc();
        // Looked at first: writing at every record would take the value from those who look at every request.
        if !self.stage.health().is_answered() {
            self.stage.health().answered();
        }
        if self.is_refused.load(Ordering::Acquire) {
            self.is_refused.store(false, Ordering::Release);
        }
    }
}

/// Whoever has not heard from the brokers does not know; the client keeps to itself whether it had sent the record.
fn fate(error: &KafkaError) -> Fate {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::QueueFull) => Fate::NoRoom,
        Some(Code::Fatal) => Fate::NotTaken,
        Some(
            Code::MessageSizeTooLarge
            | Code::InvalidRecord
            | Code::InvalidTopic
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::PolicyViolation,
        ) => Fate::Refused,
        _ => Fate::Unknown,
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.stage.log(level, facility, text);
    }

    /// Figures tell of any answer, and here one about the topic is wanted.
    fn stats(&self, figures: Statistics) {
        self.stage.show(&figures);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.is_broken.store(true, Ordering::Release);
        }
        self.stage.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Ticket>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, ticket: Arc<Ticket>) {
        let fate = match delivered {
            Ok(_) => {
                self.acknowledged();
                Fate::Written
            }
            // What the client had taken may have been sent before it broke.
            Err((error, _)) => match self.fate(error) {
                Fate::NotTaken => Fate::Unknown,
                fate => fate,
            },
        };
        ticket.settle(1, fate);
    }
}
