//! Which topics there are, as a consumer is told.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

use super::context::StageContext;

/// How long the brokers may take. Nothing else happens on the thread meanwhile, and the group does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Topics by name, with the number of their partitions.
pub type Known = HashMap<String, i32>;

/// Asks for all topics: to ask for one may create it.
///
/// # Errors
///
/// Nobody answers; the stage's health says so too.
pub fn ask(consumer: &BaseConsumer<StageContext>) -> Result<Known, KafkaError> {
    let health = consumer.context().health().clone();
    let metadata = consumer.fetch_metadata(None, PATIENCE);
    let metadata = metadata.inspect_err(|error| health.silent(&error.to_string()))?;
    health.answered();
    let topics = metadata.topics().iter();
    // A topic that is being created has no partitions yet.
    let ready = topics.filter(|topic| topic.error().is_none() && !topic.partitions().is_empty());
    let named = ready.map(|topic| {
        let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
        (topic.name().to_owned(), partitions)
    });
    Ok(named.collect())
}
