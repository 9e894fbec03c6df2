//! What is asked of the brokers about topics: which there are, what they are like, and to create those that are missing.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::Instant;

use super::client::{ClientsConfig, Use};
use super::topics::{
    CLEANUP, Described, Descriptions, IN_SYNC, RETENTION, TIMESTAMPS, Topic, TopicsConfig,
};

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one is looked for.
const REACH: Duration = Duration::from_secs(5);

/// Between two questions for topics that are being created.
const PAUSE: Duration = Duration::from_millis(100);

/// The settings of a topic that are looked at.
const SETTINGS: [&str; 4] = [CLEANUP, TIMESTAMPS, RETENTION, IN_SYNC];

/// Why the brokers could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The settings make no client.
    #[error("librdkafka refuses the settings under `kafka`: {0}")]
    Settings(KafkaError),
    /// Nobody answers.
    #[error(
        "no Kafka broker answers at {bootstrap} ({cause}): start one with `make kafka`, or name yours with --kafka HOST:PORT"
    )]
    Unreachable {
        /// Where it was looked for.
        bootstrap: String,
        /// What the client says.
        cause: KafkaError,
    },
    /// A topic could not be created.
    #[error("topic {name} cannot be created: {cause}")]
    NotCreated {
        /// Its name.
        name: String,
        /// What the broker says.
        cause: RDKafkaErrorCode,
    },
    /// The broker has refused to answer, or has gone.
    #[error("the Kafka broker at {bootstrap} did not answer: {cause}")]
    Refused {
        /// Where it was asked.
        bootstrap: String,
        /// What the client says.
        cause: KafkaError,
    },
}

impl AdminError {
    /// Whether it is only that a new topic has no leader yet.
    fn is_passing(&self) -> bool {
        let Self::Refused { cause, .. } = self else {
            return false;
        };
        matches!(
            cause.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::NotLeaderForPartition
                    | RDKafkaErrorCode::LeaderNotAvailable
                    | RDKafkaErrorCode::UnknownTopicOrPartition
            )
        )
    }
}

/// A client that knows the brokers. Its calls block, but for those that are async.
#[expect(missing_debug_implementations, reason = "the client has none")]
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    bootstrap: String,
}

/// What the brokers say.
#[derive(Debug, Clone)]
pub struct Survey {
    /// How many brokers there are.
    pub num_brokers: usize,
    /// Names of all topics.
    pub names: Vec<String>,
}

impl Admin {
    /// Makes a client; nobody is asked yet.
    ///
    /// # Errors
    ///
    /// Settings that do not go together.
    pub fn new(config: &ClientsConfig) -> Result<Self, AdminError> {
        let mut settings = config.client(Use::Admin);
        // What goes wrong is answered; a log beside it would say it twice.
        settings.set_log_level(RDKafkaLogLevel::Emerg);
        let client = settings.create().map_err(AdminError::Settings)?;
        Ok(Self {
            client,
            bootstrap: config.bootstrap().to_owned(),
        })
    }

    /// Which topics there are.
    ///
    /// # Errors
    ///
    /// Nobody answers.
    pub fn survey(&self) -> Result<Survey, AdminError> {
        let metadata = self.client.inner().fetch_metadata(None, REACH);
        let metadata = metadata.map_err(|cause| AdminError::Unreachable {
            bootstrap: self.bootstrap.clone(),
            cause,
        })?;
        let names = metadata
            .topics()
            .iter()
            .map(|topic| topic.name().to_owned());
        Ok(Survey {
            num_brokers: metadata.brokers().len(),
            names: names.collect(),
        })
    }

    /// Creates the topics that are missing. Returns their names.
    ///
    /// # Errors
    ///
    /// The first that could not be created. That another node was quicker is none.
    pub async fn create_missing(
        &self,
        needed: &[Topic],
        config: &TopicsConfig,
    ) -> Result<Vec<String>, AdminError> {
        let names = self.survey()?.names;
        let missing = needed.iter().filter(|topic| !names.contains(&topic.name));
        let replicas = config.replicas.map_or(-1, i32::from);
        let new = missing.map(|topic| {
            let (partitions, replicas) = (
                i32::from(topic.partitions),
                TopicReplication::Fixed(replicas),
            );
            let plain = NewTopic::new(&topic.name, partitions, replicas);
            let settings = topic.role.settings().iter();
            settings.fold(plain, |new, (name, value)| new.set(name, value))
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.client.create_topics(&new, &options()).await;
        let mut created = Vec::new();
        for answer in answers.map_err(|cause| self.refused(cause))? {
            match answer {
                Ok(name) => created.push(name),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, cause)) => return Err(AdminError::NotCreated { name, cause }),
            }
        }
        Ok(created)
    }

    /// What these topics are like. A topic that was created a moment ago is not known to every broker yet, so those that
    /// are not there are waited for a little.
    ///
    /// # Errors
    ///
    /// The broker does not answer.
    pub async fn describe(&self, topics: &[Topic]) -> Result<Descriptions, AdminError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_last = Instant::now() >= deadline;
            match self.describe_once(topics).await {
                Ok(found) if found.len() == topics.len() || is_last => return Ok(found),
                Err(error) if !error.is_passing() || is_last => return Err(error),
                Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn describe_once(&self, topics: &[Topic]) -> Result<Descriptions, AdminError> {
        let metadata = self.client.inner().fetch_metadata(None, PATIENCE);
        let metadata = metadata.map_err(|cause| self.refused(cause))?;
        let there = metadata.topics().iter();
        let ours = there.filter(|topic| topics.iter().any(|needed| needed.name == topic.name()));
        let ours: Vec<&MetadataTopic> = ours.collect();
        let specifiers: Vec<_> = ours
            .iter()
            .map(|topic| ResourceSpecifier::Topic(topic.name()))
            .collect();
        if specifiers.is_empty() {
            return Ok(Descriptions::new());
        }
        let answers = self.client.describe_configs(&specifiers, &options()).await;
        let mut settings = BTreeMap::new();
        for answer in answers.map_err(|cause| self.refused(cause))? {
            let resource = answer.map_err(|code| self.refused(KafkaError::AdminOp(code)))?;
            if let OwnedResourceSpecifier::Topic(name) = &resource.specifier {
                settings.insert(name.clone(), looked_at(&resource));
            }
        }
        let mut descriptions = Descriptions::new();
        for topic in ours {
            let fewest = topic
                .partitions()
                .iter()
                .map(|partition| partition.replicas().len())
                .min();
            let described = Described {
                partitions: topic.partitions().len(),
                replicas: fewest.unwrap_or_default(),
                settings: settings.remove(topic.name()).unwrap_or_default(),
                records: self.count_records(topic)?,
            };
            descriptions.insert(topic.name().to_owned(), described);
        }
        Ok(descriptions)
    }

    fn count_records(&self, topic: &MetadataTopic) -> Result<u64, AdminError> {
        let mut records = 0;
        for partition in topic.partitions() {
            let client = self.client.inner();
            let bounds = client.fetch_watermarks(topic.name(), partition.id(), PATIENCE);
            let (low, high) = bounds.map_err(|cause| self.refused(cause))?;
            records += u64::try_from(high - low).unwrap_or_default();
        }
        Ok(records)
    }

    fn refused(&self, cause: KafkaError) -> AdminError {
        AdminError::Refused {
            bootstrap: self.bootstrap.clone(),
            cause,
        }
    }
}

fn options() -> AdminOptions {
    let patience = Some(PATIENCE);
    AdminOptions::new()
        .request_timeout(patience)
        .operation_timeout(patience)
}

fn looked_at(resource: &ConfigResource) -> BTreeMap<String, String> {
    let known = SETTINGS.into_iter().filter_map(|name| {
        let value = resource.get(name)?.value.clone()?;
        Some((name.to_owned(), value))
    });
    known.collect()
}
