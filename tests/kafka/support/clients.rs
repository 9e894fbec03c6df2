//! Plain Kafka clients: what they see is what any other program sees.

use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use tokio::time::Instant;

/// How long a test waits for the broker before it calls an answer missing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The key of every record that a test writes to be passed by: it is none of those that a test looks at.
pub(crate) const POISON_KEY: &str = "poison";

/// How long one question to librdkafka takes at most, so that a loop sees its deadline.
const POLL: Duration = Duration::from_millis(100);

/// The setting that every client needs.
pub(crate) fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}

/// Creates `topic` with `partitions`; it is there when this returns.
pub(crate) async fn create_topic(address: &str, topic: &str, partitions: i32) {
    let admin: AdminClient<_> = config(address).create().expect("an admin client");
    let new_topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    for outcome in admin
        .create_topics([&new_topic], &options)
        .await
        .expect("the broker answers")
    {
        outcome.expect("the topic is created");
    }
}

/// Deletes `topic`.
pub(crate) async fn delete_topic(address: &str, topic: &str) {
    let admin: AdminClient<_> = config(address).create().expect("an admin client");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let answers = admin.delete_topics(&[topic], &options).await;
    for outcome in answers.expect("the broker answers") {
        outcome.expect("the topic is deleted");
    }
}

/// Changes a setting of `topic`.
pub(crate) async fn set_topic(address: &str, topic: &str, name: &str, value: &str) {
    let admin: AdminClient<_> = config(address).create().expect("an admin client");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(name, value);
    let answers = admin.alter_configs([&change], &options).await;
    for outcome in answers.expect("the broker answers") {
        outcome.expect("the setting is changed");
    }
}

/// A producer with this identity that has taken it over from whoever had it.
pub(crate) fn transactional(address: &str, id: &str) -> BaseProducer {
    let producer: BaseProducer = config(address)
        .set("transactional.id", id)
        .set("transaction.timeout.ms", "10000")
        .create()
        .expect("a producer");
    producer
        .init_transactions(PATIENCE)
        .expect("the coordinator knows the producer");
    producer
}

/// A member of `group` that reads `topic` from its beginning, keeps its offsets to itself and has its partitions.
pub(crate) fn member(address: &str, group: &str, topic: &str) -> BaseConsumer {
    let consumer = join(address, group, topic);
    poll_until(&[&consumer], "an assignment", || {
        num_assigned(&consumer) > 0
    });
    consumer
}

/// The same, still on its way into the group.
pub(crate) fn join(address: &str, group: &str, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = config(address)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    consumer
}

/// How many partitions `consumer` has by now.
pub(crate) fn num_assigned(consumer: &BaseConsumer) -> usize {
    consumer.assignment().map_or(0, |all| all.count())
}

/// Serves `consumers` until `done`; what they read is left aside.
pub(crate) fn poll_until(consumers: &[&BaseConsumer], what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        for consumer in consumers {
            if let Some(Err(error)) = consumer.poll(POLL) {
                panic!("{what}: {error}");
            }
        }
    }
}

/// A reader without a group of its own that is told where partitions end.
fn onlooker(address: &str) -> BaseConsumer {
    config(address)
        .set("group.id", "nobody")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer")
}

/// What partition 0 of `topic` shows to a `read_committed` reader from its beginning to its end.
pub(crate) fn visible(address: &str, topic: &str) -> Vec<String> {
    let consumer = onlooker(address);
    consumer
        .assign(&position(topic, Offset::Beginning, ""))
        .expect("an assignment");
    let mut payloads = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match consumer.poll(POLL) {
            Some(Ok(record)) => {
                let payload = record
                    .payload()
                    .expect("records of these tests have values");
                payloads.push(String::from_utf8(payload.to_vec()).expect("a text"));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return payloads,
            Some(Err(error)) => panic!("{topic}: {error}"),
            None => assert!(Instant::now() < deadline, "{topic}: the end is not reached"),
        }
    }
}

/// A record as any reader finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: String,
}

/// All that `topic` shows to a `read_committed` reader, partition by partition, from beginning to end.
pub(crate) fn read_all(address: &str, topic: &str) -> Vec<Found> {
    let consumer = onlooker(address);
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .expect("the broker answers");
    let mut unread = metadata.topics()[0].partitions().len();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .expect("a valid offset");
    }
    consumer.assign(&list).expect("an assignment");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text");
    let mut found = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while unread > 0 {
        match consumer.poll(POLL) {
            Some(Ok(record)) if record.key() == Some(POISON_KEY.as_bytes()) => {}
            Some(Ok(record)) => found.push(Found {
                partition: record.partition(),
                key: record.key().map(text),
                value: record.payload().map(text).unwrap_or_default(),
            }),
            Some(Err(KafkaError::PartitionEOF(_))) => unread -= 1,
            Some(Err(error)) => panic!("{topic}: {error}"),
            None => assert!(Instant::now() < deadline, "{topic}: the end is not reached"),
        }
    }
    found
}

/// Partition 0 of `topic` at `offset`, with the commit's metadata.
pub(crate) fn position(topic: &str, offset: Offset, metadata: &str) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    let mut partition = list.add_partition(topic, 0);
    partition.set_offset(offset).expect("a valid offset");
    partition.set_metadata(metadata);
    list
}

/// The committed offset of `group` on partition 0 of `topic`, and its metadata, as another process would find them.
pub(crate) fn committed(address: &str, group: &str, topic: &str) -> (Offset, String) {
    try_committed(address, group, topic, PATIENCE).expect("the group's coordinator answers")
}

/// The same, or why there is no answer in time.
pub(crate) fn try_committed(
    address: &str,
    group: &str,
    topic: &str,
    deadline: Duration,
) -> Result<(Offset, String), KafkaError> {
    let consumer: BaseConsumer = config(address)
        .set("group.id", group)
        .create()
        .expect("a consumer");
    let list = consumer.committed_offsets(position(topic, Offset::Invalid, ""), deadline)?;
    let elements = list.elements();
    let [partition] = elements.as_slice() else {
        panic!("one partition was asked for");
    };
    partition.error()?;
    Ok((partition.offset(), partition.metadata().to_owned()))
}
