//! The one producer of a node through which all its workers write reactions, and what watches over it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaRespErr;
use tokio::time::Instant;

use super::deliveries::Deliveries;
use super::ticket::{Answer, Backlog, Entry, Fate, Ticket};
use crate::actors::clock::Clock;
use crate::actors::messages::Shed;
use crate::actors::streams::{Streams, weights};
use crate::domain::Reaction;
use crate::kafka::client::{ClientsConfig, Use};
use crate::kafka::health::Health;
use crate::kafka::record;
use crate::kafka::thread::{Failure, Stop, Work};

/// How long the brokers may take to answer when they are looked for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks at the producer.
const LOOK: Duration = Duration::from_millis(200);
/// Requests wait that long and none is answered: time to ask whether anybody is there.
const LONG_WAIT: Duration = Duration::from_secs(1);
/// No record with its key is larger, in bytes: every field at its longest, and escaped.
const LARGEST_RECORD: usize = 1_024;

/// What the writer is built with.
#[derive(Debug, Clone)]
pub struct WriterSetup {
    /// How to reach Kafka.
    pub clients: ClientsConfig,
    /// The topic of reactions.
    pub topic: String,
    /// Reactions that may wait for their acknowledgement.
    pub max_backlog: usize,
    /// Gives a time to reactions that came without one.
    pub clock: Clock,
    /// The books.
    pub streams: Arc<Streams>,
    /// Whether the brokers answer.
    pub health: Arc<Health>,
}

impl WriterSetup {
    /// Room for the whole backlog, so that no batch is cut in its middle; twice, because the client lets go of what is
    /// acknowledged a moment after it has told so. What the user has set stands.
    fn client(&self) -> ClientConfig {
        let mut client = self.clients.client(Use::Reactions);
        let records = self.max_backlog.saturating_mul(2);
        let kbytes = records.saturating_mul(LARGEST_RECORD) / 1_024;
        for (key, room) in [
            ("queue.buffering.max.messages", records),
            ("queue.buffering.max.kbytes", kbytes),
        ] {
            if !self.clients.own.contains_key(key) {
                // librdkafka counts in 31 bits.
                client.set(key, room.clamp(1, i32::MAX as usize).to_string());
            }
        }
        client
    }

    fn producer(&self) -> Result<ThreadedProducer<Deliveries>, KafkaError> {
        let context = Deliveries::new(&self.health);
        self.client().create_with_context(context)
    }
}

/// Writes reactions. Shared by all workers of a node; its [`ReactionWriter::work`] has to run beside it.
#[expect(missing_debug_implementations, reason = "the producer has none")]
pub struct ReactionWriter {
    setup: WriterSetup,
    backlog: Arc<Backlog>,
    producer: RwLock<ThreadedProducer<Deliveries>>,
}

impl ReactionWriter {
    /// Makes the producer; nobody is asked yet.
    ///
    /// # Errors
    ///
    /// Settings that do not go together.
    pub fn new(setup: WriterSetup) -> Result<Self, KafkaError> {
        Ok(Self {
            producer: RwLock::new(setup.producer()?),
            backlog: Arc::new(Backlog::new(setup.max_backlog)),
            setup,
        })
    }

    /// Sends reactions off, all or none, and tells where the answer will come. It is in the books by then.
    pub(super) fn submit(&self, reactions: &[Reaction]) -> Result<Answer, Shed> {
        let refused = if !self.setup.health.is_answered() {
            Some(Shed::BrokerAway)
        } else if !self.backlog.take(reactions.len()) {
            Some(Shed::Overloaded)
        } else {
            None
        };
        if let Some(shed) = refused {
            self.turn_away(reactions, shed);
            return Err(shed);
        }
        let (ticket, answer) = Ticket::new(reactions.len(), self.entry(reactions), &self.backlog);
        self.produce(reactions, &ticket);
        Ok(answer)
    }

    /// Enters reactions as shed.
    pub(super) fn turn_away(&self, reactions: &[Reaction], shed: Shed) {
        self.entry(reactions).book(Err(shed));
    }

    fn entry(&self, reactions: &[Reaction]) -> Entry {
        Entry {
            weights: weights(reactions),
            streams: self.setup.streams.clone(),
        }
    }

    /// Gives the records to the producer, up to the first that it does not take.
    fn produce(&self, reactions: &[Reaction], ticket: &Arc<Ticket>) {
        let now = self.setup.clock.now();
        let producer = self.producer.read().unwrap_or_else(PoisonError::into_inner);
        for (taken, reaction) in reactions.iter().enumerate() {
            let value = record::reaction::encode(reaction, now);
            let mut to_send = BaseRecord::with_opaque_to(&self.setup.topic, ticket.clone());
            to_send.key = record::reaction::key(reaction);
            if let Err((error, _)) = producer.send(to_send.payload(&value)) {
                let fate = match producer.context().fate(&error) {
                    // It was not sent at all.
                    Fate::Unknown => Fate::NotTaken,
                    fate => fate,
                };
                return ticket.settle(reactions.len() - taken, fate);
            }
        }
    }

    /// What has to run beside the writer: it finds out when brokers that were away are back, and replaces a producer that
    /// cannot go on.
    pub fn work(self: &Arc<Self>) -> Work {
        let writer = self.clone();
        Box::new(move |stop| writer.watch(stop))
    }

    fn watch(&self, stop: &Stop) -> Result<(), Failure> {
        let mut waiting = Waiting::default();
        while !stop.is_asked() {
            self.mend()?;
            let is_long = waiting.is_long(self.backlog.waits_since());
            if is_long || !self.setup.health.is_answered() || self.is_doubted() {
                self.probe();
            }
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }

    fn is_doubted(&self) -> bool {
        let producer = self.producer.read().unwrap_or_else(PoisonError::into_inner);
        producer.context().take_doubt()
    }

    /// Asks the brokers for the topic.
    fn probe(&self) {
        let (health, topic) = (&self.setup.health, &self.setup.topic);
        let producer = self.producer.read().unwrap_or_else(PoisonError::into_inner);
        let client = producer.client();
        match client.fetch_metadata(Some(topic), PATIENCE) {
            Ok(metadata) => match metadata.topics().first().and_then(|topic| topic.error()) {
                None => health.answered(),
                Some(error) => health.silent(&unusable(topic, error)),
            },
            Err(error) => health.silent(&error.to_string()),
        }
    }

    /// A producer whose numbering of records has parted from the broker's takes nothing any more. A new one begins anew.
    fn mend(&self) -> Result<(), Failure> {
        let is_broken = |producer: &ThreadedProducer<Deliveries>| producer.context().is_broken();
        if !is_broken(&self.producer.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let fresh = self.setup.producer().map_err(Failure::passing)?;
        let mut producer = self
            .producer
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let broken = std::mem::replace(&mut *producer, fresh);
        drop(producer);
        // What it still held gets its answer now.
        drop(broken);
        tracing::warn!(stage = self.setup.health.stage(), "producer replaced");
        Ok(())
    }
}

fn unusable(topic: &str, error: RDKafkaRespErr) -> String {
    let error = RDKafkaErrorCode::from(error);
    format!("topic {topic} cannot be written: {error}")
}

/// Since when requests have waited without any being answered.
#[derive(Debug, Default)]
struct Waiting(Option<(u64, Instant)>);

impl Waiting {
    fn is_long(&mut self, waits_since: Option<u64>) -> bool {
        let Some(answered) = waits_since else {
            self.0 = None;
            return false;
        };
        match self.0 {
            Some((seen, since)) if seen == answered => since.elapsed() >= LONG_WAIT,
            _ => {
                self.0 = Some((answered, Instant::now()));
                false
            }
        }
    }
}
