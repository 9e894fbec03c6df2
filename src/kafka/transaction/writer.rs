//! The transactional producer of a stage that counts, and what each of its errors means. docs/adr/0006 has the table.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::statistics::Statistics;
use tokio::time::Instant;

use super::{Member, Output, PAUSE};
use crate::domain::Outcome;
use crate::kafka::client::{ClientsConfig, Use};
use crate::kafka::context::{Assigning, StageContext};
use crate::kafka::health::Health;
use crate::kafka::thread::Failure;

/// How long one try to initialise takes.
const INIT: Duration = Duration::from_secs(2);

/// How long the broker lets a transaction be open: `transaction.timeout.ms`.
const OPEN: Duration = Duration::from_secs(10);

/// How long a transaction may take. Beyond `OPEN` the broker has aborted it, or will.
const PATIENCE: Duration = Duration::from_secs(12);

/// Between two looks whether records are acknowledged.
const STEP: Duration = Duration::from_micros(500);

/// How long an abort may take.
const ABORT: Duration = Duration::from_secs(3);

/// A producer that can be made anew.
pub(super) struct Writer {
    producer: Option<BaseProducer<WriterContext>>,
    clients: ClientsConfig,
    transactional_id: String,
    health: Arc<Health>,
}

/// Why a transaction did not commit, or may not have.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) outcome: Outcome,
    pub(super) cause: String,
}

impl Trouble {
    pub(super) fn unclear(error: KafkaError) -> Self {
        Self {
            outcome: Outcome::Unclear,
            cause: error.to_string(),
        }
    }

    /// Nothing was begun.
    pub(super) fn lost() -> Self {
        Self {
            outcome: Outcome::Aborted,
            cause: "the group has gone on without this member".to_owned(),
        }
    }
}

/// The failure of an instance whose identity another one has taken.
pub(super) fn fenced(transactional_id: &str) -> Failure {
    Failure::Final(format!(
        "another instance runs as {transactional_id}: give each instance of this role its own `kafka.instance`"
    ))
}

impl Writer {
    pub(super) fn new(member: &Member) -> Self {
        Self {
            producer: None,
            clients: member.clients.clone(),
            transactional_id: member.transactional_id.clone(),
            health: member.health.clone(),
        }
    }

    /// Takes what the producer has to say between two transactions: it would be kept for ever.
    pub(super) fn serve(&self) {
        if let Some(producer) = &self.producer {
            producer.poll(Duration::ZERO);
        }
    }

    /// Ends the producer without asking what became of its transaction.
    pub(super) fn destroy(&mut self) {
        self.producer = None;
    }

    /// Makes a producer if there is none, and takes its identity over from whoever had it. False if the brokers have not
    /// answered yet: a call goes on where the last one ended.
    pub(super) fn try_init(&mut self) -> Result<bool, Failure> {
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => self.make().map_err(Failure::passing)?,
        };
        match producer.init_transactions(INIT) {
            Ok(()) => {
                self.health.answered();
                self.producer = Some(producer);
                Ok(true)
            }
            Err(error) => {
                let stage = self.health.stage();
                tracing::debug!(stage, %error, "producer not initialised yet");
                // Also serves what the client has to say.
                producer.poll(PAUSE);
                let may_go_on =
                    matches!(&error, KafkaError::Transaction(error) if error.is_retriable());
                self.producer = may_go_on.then_some(producer);
                Ok(false)
            }
        }
    }

    fn make(&self) -> KafkaResult<BaseProducer<WriterContext>> {
        let id = &self.transactional_id;
        let settings = self.clients.client(Use::Transactions { id });
        let context = StageContext::new(self.health.clone(), Assigning::ByStage);
        settings.create_with_context(WriterContext(context))
    }

    /// Whether another producer has this identity, as the transaction's coordinator says: it is asked for a transaction
    /// that is aborted. Fenced is said for sure; unclear leaves the producer to be made anew.
    pub(super) fn ask_whose(
        &self,
        offsets: &TopicPartitionList,
        membership: &ConsumerGroupMetadata,
    ) -> Outcome {
        let began = Instant::now();
        let Some(producer) = &self.producer else {
            return Outcome::Unclear;
        };
        let asked = producer
            .begin_transaction()
            .and_then(|()| producer.send_offsets_to_transaction(offsets, membership, ABORT))
            .and_then(|()| producer.abort_transaction(ABORT));
        asked.map_or_else(
            |error| settle(producer, &error, began),
            |()| Outcome::Aborted,
        )
    }

    /// One transaction from its beginning to its end.
    pub(super) fn transact(
        &self,
        outputs: &[Output],
        offsets: &TopicPartitionList,
        membership: &ConsumerGroupMetadata,
    ) -> Result<(), Trouble> {
        let began = Instant::now();
        let Some(producer) = &self.producer else {
            return Err(Trouble::unclear(KafkaError::Canceled));
        };
        let deadline = began + PATIENCE;
        let attempt = attempt(producer, outputs, offsets, membership, deadline);
        attempt.map_err(|error| Trouble {
            outcome: settle(producer, &error, began),
            cause: error.to_string(),
        })
    }
}

fn attempt(
    producer: &BaseProducer<WriterContext>,
    outputs: &[Output],
    offsets: &TopicPartitionList,
    membership: &ConsumerGroupMetadata,
    deadline: Instant,
) -> KafkaResult<()> {
    let left = || deadline.saturating_duration_since(Instant::now());
    producer.begin_transaction()?;
    for output in outputs {
        send(producer, output, deadline)?;
    }
    producer.send_offsets_to_transaction(offsets, membership, left())?;
    // A commit flushes as well, but looks for the end of it ten times a second.
    await_reports(producer, deadline);
    producer.commit_transaction(left())
}

/// Waits until all records are acknowledged. What is missing at the deadline is for the commit to find. The wait is not the
/// poll's: below a millisecond that one asks without end.
fn await_reports(producer: &BaseProducer<WriterContext>, deadline: Instant) {
    while producer.in_flight_count() > 0 && Instant::now() < deadline {
        producer.poll(Duration::ZERO);
        std::thread::park_timeout(STEP);
    }
}

/// Waits for room in the queue.
fn send(
    producer: &BaseProducer<WriterContext>,
    output: &Output,
    deadline: Instant,
) -> KafkaResult<()> {
    let mut record = BaseRecord::<str, [u8]>::to(&output.topic).payload(&output.value);
    record.partition = output.partition;
    record.key = output.key.as_deref();
    loop {
        record = match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record))
                if Instant::now() < deadline =>
            {
                record
            }
            Err((error, _)) => return Err(error),
        };
        producer.poll(Duration::ZERO);
        std::thread::park_timeout(STEP);
    }
}

/// Does what the error asks for, and says how the transaction has ended.
fn settle(producer: &BaseProducer<WriterContext>, error: &KafkaError, began: Instant) -> Outcome {
    match class(error) {
        Class::Abort => {
            // An abort that has delivery reports to wait for times out.
            let aborted = producer
                .flush(ABORT)
                .and_then(|()| producer.abort_transaction(ABORT));
            match aborted {
                Ok(()) => Outcome::Aborted,
                Err(error) if class(&error) == Class::Fenced => fenced_or_expired(began),
                Err(_) => Outcome::Unclear,
            }
        }
        Class::Fenced => fenced_or_expired(began),
        Class::Unclear => Outcome::Unclear,
    }
}

/// A broker that aborts a transaction for its age fences the producer just as a successor does.
fn fenced_or_expired(began: Instant) -> Outcome {
    if began.elapsed() < OPEN {
        Outcome::Fenced
    } else {
        Outcome::Unclear
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Abort,
    Fenced,
    Unclear,
}

fn class(error: &KafkaError) -> Class {
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => match error.code() {
            RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::InvalidProducerEpoch => Class::Fenced,
            _ => Class::Unclear,
        },
        KafkaError::Transaction(error) if error.txn_requires_abort() => Class::Abort,
        // A record was not even taken, so nobody has asked for a commit.
        KafkaError::MessageProduction(_) => Class::Abort,
        _ => Class::Unclear,
    }
}

/// The context of the producer. How each record fared is not asked: the commit fails if one did.
struct WriterContext(StageContext);

impl ClientContext for WriterContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.log(level, facility, text);
    }

    fn stats(&self, figures: Statistics) {
        self.0.stats(figures);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for WriterContext {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
