//! What a stage stands on that moves its consumer itself: when it may, what it is handed afterwards, and what a position
//! counts.

use std::sync::Arc;
use std::time::Duration;

use emostream::kafka::client::{ClientsConfig, Use};
use emostream::kafka::context::{Assigning, Change, StageContext};
use emostream::kafka::health::Health;
use emostream::telemetry::Metrics;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio::time::Instant;

use super::support::broker::Broker;
use super::support::clients::{PATIENCE, create_topic, transactional};

const POLL: Duration = Duration::from_millis(50);

type Consumer = BaseConsumer<StageContext>;

/// A member that moves itself, as the stages that count are.
fn member(group: &str, instance: &str, topic: &str) -> Consumer {
    let clients = ClientsConfig {
        bootstrap: Some(Broker::shared().address()),
        ..ClientsConfig::default()
    };
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let health = Arc::new(Health::new("test", metrics));
    let consumer: Consumer = clients
        .client(Use::Counting { group, instance })
        .create_with_context(StageContext::new(health, Assigning::ByStage))
        .expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    consumer
}

/// Polls all of them until the first is told of a change; nothing may be read meanwhile.
fn change(consumers: &[&Consumer]) -> Change {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for consumer in consumers {
            match consumer.poll(POLL) {
                None => {}
                Some(Ok(record)) => panic!("{} was not assigned", record.offset()),
                Some(Err(error)) => panic!("{error}"),
            }
        }
        let mut changes = consumers[0].context().take_changes();
        assert!(changes.len() <= 1, "one poll, one change: {changes:?}");
        if let Some(change) = changes.pop() {
            return change;
        }
        assert!(Instant::now() < deadline, "the group changes nothing");
    }
}

fn count(change: &Change) -> (bool, usize) {
    match change {
        Change::Assigned(partitions) => (true, partitions.len()),
        Change::Revoked(partitions) => (false, partitions.len()),
    }
}

fn at(topic: &str, offset: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset))
        .expect("an offset");
    list
}

fn position(consumer: &Consumer) -> Offset {
    let positions = consumer.position().expect("positions");
    positions.elements()[0].offset()
}

fn next(consumer: &Consumer) -> i64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match consumer.poll(POLL) {
            Some(Ok(record)) => return record.offset(),
            Some(Err(error)) => panic!("{error}"),
            None => assert!(Instant::now() < deadline, "no record"),
        }
    }
}

fn fill(producer: &BaseProducer, topic: &str, records: usize) {
    for number in 0..records {
        let value = number.to_string();
        let record = BaseRecord::<(), str>::to(topic).partition(0);
        producer
            .send(record.payload(&value))
            .map_err(|(error, _)| error)
            .expect("room in the queue");
    }
    producer.flush(PATIENCE).expect("delivered");
}

fn plain() -> BaseProducer {
    super::support::clients::config(&Broker::shared().address())
        .create()
        .expect("a producer")
}

#[tokio::test]
async fn a_rebalance_does_not_wait_for_a_member_that_has_not_moved_yet() {
    let topic = "moving-later";
    create_topic(&Broker::shared().address(), topic, 2).await;
    fill(&plain(), topic, 10);
    let first = member(topic, "first", topic);
    assert_eq!(count(&change(&[&first])), (true, 2));

    let second = member(topic, "second", topic);
    assert_eq!(count(&change(&[&first, &second])), (false, 2));
    assert_eq!(count(&change(&[&first, &second])), (true, 1));
    let change = change(&[&second, &first]);
    assert_eq!(count(&change), (true, 1), "both have moved nowhere so far");

    first.assign(&at(topic, 7)).expect("it may move now");
    assert_eq!(next(&first), 7);
}

#[tokio::test]
async fn a_consumer_that_is_moved_is_handed_nothing_that_it_had_fetched() {
    let topic = "moving-back";
    create_topic(&Broker::shared().address(), topic, 1).await;
    fill(&plain(), topic, 3_000);
    let consumer = member(topic, "one", topic);
    assert_eq!(count(&change(&[&consumer])), (true, 1));
    for start in (0..50).map(|round| (round * 37) % 1_000) {
        consumer.assign(&at(topic, start)).expect("it moves");
        let read: Vec<i64> = (0..20).map(|_| next(&consumer)).collect();
        let expected: Vec<i64> = (start..start + 20).collect();
        assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn a_consumer_that_was_moved_forgets_where_it_stood_though_nobody_polls_it() {
    let topic = "moving-position";
    create_topic(&Broker::shared().address(), topic, 1).await;
    fill(&plain(), topic, 100);
    let consumer = member(topic, "one", topic);
    assert_eq!(count(&change(&[&consumer])), (true, 1));
    for _ in 0..20 {
        consumer.assign(&at(topic, 0)).expect("it moves");
        while next(&consumer) < 99 {}
        assert_eq!(position(&consumer), Offset::Offset(100));
        consumer.assign(&at(topic, 0)).expect("it moves");
        let deadline = Instant::now() + PATIENCE;
        while position(&consumer) != Offset::Invalid {
            assert!(Instant::now() < deadline, "it still says where it stood");
        }
    }
}

#[tokio::test]
async fn a_position_counts_the_markers_of_transactions_and_comes_to_the_end_of_the_log() {
    let topic = "moving-markers";
    let address = Broker::shared().address();
    create_topic(&address, topic, 1).await;
    let consumer = member(topic, "one", topic);
    assert_eq!(count(&change(&[&consumer])), (true, 1));
    consumer.assign(&at(topic, 0)).expect("it moves");
    let producer = transactional(&address, topic);
    let mut end = 0;
    for commits in [true, false, true, false, false] {
        producer.begin_transaction().expect("it begins");
        fill(&producer, topic, 3);
        let held = consumer.fetch_watermarks(topic, 0, PATIENCE);
        assert_eq!(
            held.expect("an answer").1,
            end,
            "what is open is not in the end that a reader of commits is told"
        );
        match commits {
            true => producer.commit_transaction(PATIENCE).expect("a commit"),
            false => producer.abort_transaction(PATIENCE).expect("an abort"),
        }
        end += 4;
        let deadline = Instant::now() + PATIENCE;
        while position(&consumer) != Offset::Offset(end) {
            let _ = consumer.poll(POLL);
            assert!(
                Instant::now() < deadline,
                "{:?} of {end}",
                position(&consumer)
            );
        }
        let marks = consumer.fetch_watermarks(topic, 0, PATIENCE);
        assert_eq!(marks.expect("an answer").1, end);
    }
}
