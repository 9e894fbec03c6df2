//! The thread that reads the control topic, from where Control has got to, and tells it when the end is reached.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use super::{Read, ReadFrom};
use crate::actors::link::Link;
use crate::kafka::client::{ClientsConfig, Use};
use crate::kafka::context::{Assigning, StageContext};
use crate::kafka::health::Health;
use crate::kafka::record::control::ControlRecord;
use crate::kafka::thread::{Failure, Stop, Work};
use crate::telemetry::kafka::PoisonPassed;

/// Records that Control is given at once.
const BATCH: usize = 1_000;

/// How long one look for records takes at most.
const POLL: Duration = Duration::from_millis(100);

/// How long Control may take before it is asked whether it lives.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the reading thread is made of.
#[derive(Debug, Clone)]
pub struct ReaderSetup {
    /// How to reach Kafka.
    pub clients: ClientsConfig,
    /// The control topic.
    pub topic: String,
    /// The stage's health.
    pub health: Arc<Health>,
    /// Control, which knows where to read on.
    pub from: Link<ReadFrom>,
    /// Control, which takes what is read.
    pub read: Link<Read>,
}

impl ReaderSetup {
    /// One life of the thread.
    pub fn work(&self) -> Work {
        let setup = self.clone();
        Box::new(move |stop| Reader::begin(setup)?.run(stop))
    }
}

struct Reader {
    setup: ReaderSetup,
    consumer: BaseConsumer<StageContext>,
    /// Waits for Control, which lives elsewhere.
    runtime: Runtime,
    next: i64,
}

impl Reader {
    fn begin(setup: ReaderSetup) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(Failure::passing)?;
        let context = StageContext::new(setup.health.clone(), Assigning::ByStage);
        let mut client = setup.clients.client(Use::Watching);
        client.set("enable.partition.eof", "true");
        let consumer = client.create_with_context(context);
        let consumer = consumer.map_err(|error| Failure::Final(error.to_string()))?;
        Ok(Self {
            setup,
            consumer,
            runtime,
            next: 0,
        })
    }

    fn run(mut self, stop: &Stop) -> Result<(), Failure> {
        let Some(next) = self.ask(&self.setup.from, || ReadFrom, stop) else {
            return Ok(());
        };
        self.next = next;
        let mut list = TopicPartitionList::new();
        let start = if next == 0 {
            Offset::Beginning
        } else {
            Offset::Offset(next)
        };
        list.add_partition_offset(&self.setup.topic, 0, start)
            .map_err(Failure::passing)?;
        self.consumer.assign(&list).map_err(Failure::passing)?;
        while !stop.is_asked() {
            let Some(read) = self.gather()? else {
                continue;
            };
            if self.ask(&self.setup.read, || read.clone(), stop).is_none() {
                break;
            }
        }
        Ok(())
    }

    /// What there is to read now; none if there is nothing new.
    fn gather(&mut self) -> Result<Option<Read>, Failure> {
        let mut read = Read::default();
        let mut is_news = false;
        let mut patience = POLL;
        while read.records.len() < BATCH {
            match self.consumer.poll(patience) {
                None => break,
                Some(Ok(record)) => {
                    is_news = true;
                    // A topic that was made anew begins again; what was read of the old one holds no more.
                    if record.offset() < self.next {
                        read = Read {
                            is_anew: true,
                            ..Read::default()
                        };
                    }
                    self.next = record.offset() + 1;
                    let decoded =
                        ControlRecord::decode(record.key().unwrap_or_default(), record.payload());
                    match decoded {
                        Ok(decoded) => read.records.push((record.offset(), decoded)),
                        Err(poison) => PoisonPassed {
                            role: "control",
                            topic: &self.setup.topic,
                            partition: 0,
                            offset: record.offset(),
                            reason: poison.as_str(),
                        }
                        .emit(self.setup.health.metrics()),
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    (is_news, read.is_end) = (true, true);
                    break;
                }
                Some(Err(error)) => self.bear(&error)?,
            }
            patience = Duration::ZERO;
        }
        if is_news {
            self.setup.health.answered();
            let records = &self.setup.health.metrics().kafka.records;
            let labels = [self.setup.health.stage(), "read"];
            let num_read = read.records.len() as u64;
            records.with_label_values(&labels).inc_by(num_read);
        }
        read.next = self.next;
        Ok(is_news.then_some(read))
    }

    /// Most errors pass by themselves, and the context has told of them.
    fn bear(&self, error: &KafkaError) -> Result<(), Failure> {
        let code = error.rdkafka_error_code();
        match code {
            Some(RDKafkaErrorCode::Fatal) => Err(Failure::passing(error)),
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => {
                let topic = &self.setup.topic;
                self.setup
                    .health
                    .silent(&format!("there is no topic {topic}"));
                Ok(())
            }
            _ => {
                tracing::debug!(%error, "control topic could not be read");
                Ok(())
            }
        }
    }

    /// Asks Control until it answers, over all its lives; none once the thread has to end.
    fn ask<M>(&self, link: &Link<M>, message: impl Fn() -> M, stop: &Stop) -> Option<M::Result>
    where
        M: actix::Message<Result: Send> + Send + 'static,
    {
        while !stop.is_asked() {
            let asked = self.runtime.block_on(async {
                let answer = tokio::time::timeout(PATIENCE, link.ask(message())).await;
                if matches!(answer, Ok(Err(_))) {
                    tokio::time::sleep(POLL).await;
                }
                answer
            });
            if let Ok(Ok(answer)) = asked {
                return Some(answer);
            }
        }
        None
    }
}
