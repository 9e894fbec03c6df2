//! How Control writes: into the control topic, acknowledged by all replicas, and topics for clusters.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::Unavailable;
use crate::domain::ClusterId;
use crate::kafka::admin::Admin;
use crate::kafka::client::{ClientsConfig, Use};
use crate::kafka::context::{Assigning, StageContext};
use crate::kafka::health::Health;
use crate::kafka::record::control::ControlRecord;
use crate::kafka::topics::TopicsConfig;

/// How long a record may take to be acknowledged. librdkafka gives up after 5 s by itself.
const WRITE_PATIENCE: Duration = Duration::from_secs(6);

/// How long topics may take to be created.
const TOPICS_PATIENCE: Duration = Duration::from_secs(10);

/// What Control writes to.
pub trait Log {
    /// Whether a try is worth while: whoever asks is told at once while nobody answers.
    fn is_reachable(&self) -> bool;

    /// Writes a record. Returns its offset once all replicas have it; an error may mean that it was written.
    fn append(&self, record: &ControlRecord) -> LocalBoxFuture<'static, Result<i64, Unavailable>>;

    /// Creates the topics of a cluster, as far as they are missing.
    fn make_topics(&self, id: ClusterId) -> LocalBoxFuture<'static, Result<(), Unavailable>>;
}

/// The control topic.
#[expect(missing_debug_implementations, reason = "the producer has none")]
pub struct KafkaLog {
    producer: FutureProducer<StageContext>,
    clients: ClientsConfig,
    topics: TopicsConfig,
    health: Arc<Health>,
}

impl KafkaLog {
    /// Makes the producer; nobody is asked yet.
    ///
    /// # Errors
    ///
    /// Settings that do not go together.
    pub fn new(
        clients: &ClientsConfig,
        topics: &TopicsConfig,
        health: Arc<Health>,
    ) -> Result<Rc<Self>, KafkaError> {
        let context = StageContext::new(health.clone(), Assigning::ByStage);
        let producer = clients.client(Use::Control).create_with_context(context)?;
        Ok(Rc::new(Self {
            producer,
            clients: clients.clone(),
            topics: topics.clone(),
            health,
        }))
    }
}

impl Log for KafkaLog {
    fn is_reachable(&self) -> bool {
        self.health.is_answered()
    }

    fn append(&self, record: &ControlRecord) -> LocalBoxFuture<'static, Result<i64, Unavailable>> {
        let (producer, health) = (self.producer.clone(), self.health.clone());
        let (topic, key, value) = (self.topics.control.clone(), record.key(), record.encode());
        async move {
            let mut record = FutureRecord::to(&topic).partition(0).key(&key);
            if let Some(value) = &value {
                record = record.payload(value);
            }
            // The user may let librdkafka try for longer than a request can wait.
            let sent = producer.send(record, Duration::ZERO);
            let Ok(sent) = tokio::time::timeout(WRITE_PATIENCE, sent).await else {
                return Err(Unavailable);
            };
            match sent {
                Ok(delivered) => {
                    let records = &health.metrics().kafka.records;
                    records
                        .with_label_values(&[health.stage(), "written"])
                        .inc();
                    health.answered();
                    Ok(delivered.offset)
                }
                Err((error, _)) => {
                    let late = Some(RDKafkaErrorCode::MessageTimedOut);
                    if error.rdkafka_error_code() == late {
                        health.silent("a record was not acknowledged in time");
                    }
                    tracing::warn!(key, %error, "control record was not written");
                    Err(Unavailable)
                }
            }
        }
        .boxed_local()
    }

    fn make_topics(&self, id: ClusterId) -> LocalBoxFuture<'static, Result<(), Unavailable>> {
        let (clients, topics) = (self.clients.clone(), self.topics.clone());
        // Asking for the topics there are blocks.
        let making = tokio::task::spawn_blocking(move || {
            let admin = Admin::new(&clients)?;
            let needed = topics.of_cluster(id);
            let making = admin.create_missing(&needed, &topics);
            tokio::runtime::Handle::current().block_on(making)
        });
        async move {
            match tokio::time::timeout(TOPICS_PATIENCE, making).await {
                Ok(Ok(Ok(_))) => Ok(()),
                Ok(Ok(Err(error))) => {
                    tracing::warn!(cluster = id.get(), %error, "topics of a cluster were not created");
                    Err(Unavailable)
                }
                Ok(Err(_)) | Err(_) => Err(Unavailable),
            }
        }
        .boxed_local()
    }
}
