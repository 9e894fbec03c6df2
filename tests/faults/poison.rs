//! Somebody writes a thousand records that cannot be used to every topic.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::time::sleep;

use crate::alone::{alone, say};
use crate::black_box::metrics::Scrape;
use crate::black_box::wait::wait_for;
use crate::fleet::{Fleet, ONE_OF_EACH};
use crate::show::Show;
use crate::support::broker::Broker;
use crate::support::clients::{PATIENCE, POISON_KEY, config};

/// Records on each topic.
const RECORDS: usize = 1_000;

/// The role of each topic as metrics name it, the end of its name, and its partitions.
const TOPICS: [(&str, &str, i32); 7] = [
    ("reactions", "reactions", 3),
    ("partials", "partials", 3),
    ("totals", "totals", 3),
    ("aggregated", "aggregated", 3),
    ("cluster", "cluster_1", 3),
    ("subscriber", "subscriber_1", 3),
    ("control", "control", 1),
];

/// Records passed by, by role of their topic.
type Passed = BTreeMap<&'static str, f64>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_useless_records_on_every_topic_are_counted_and_stop_nothing() {
    alone(Duration::from_secs(180), async {
        let broker = Broker::shared().address();
        let fleet = Fleet::start(&broker, "faults.poison", &ONE_OF_EACH).await;
        let mut show = Show::begin(fleet, 6).await;
        sleep(Duration::from_secs(2)).await;
        for (_, topic, partitions) in TOPICS {
            let (broker, topic) = (broker.clone(), show.fleet.topics.name(topic));
            let writing = tokio::task::spawn_blocking(move || spoil(&broker, &topic, partitions));
            writing.await.expect("all is written");
        }
        let all_but_totals = |passed: &Passed| {
            let mut others = passed.iter().filter(|(role, _)| **role != "totals");
            others.all(|(_, num)| *num >= RECORDS as f64)
        };
        let counted = async || counted(&show.fleet).await;
        let passed = wait_for("all is passed by", PATIENCE, counted, all_but_totals).await;
        // Totals are read by those that start, who have to get by everything else as well.
        for name in ["aggregator_1", "publisher", "cluster_1", "session_1"] {
            let node = show.fleet.node_mut(name);
            node.kill();
            node.start_again().await;
        }
        let aggregator = show.fleet.node("aggregator_1").api();
        let totals = async || poison(&Scrape::read(&aggregator).await, "totals");
        let all = |num: &f64| *num >= RECORDS as f64;
        wait_for("totals are passed by", PATIENCE, totals, all).await;
        sleep(Duration::from_secs(2)).await;
        let outcome = show.end("poison").await;
        say(&format!("poison: passed by {passed:?}"));
        outcome.assert_all_but_sessions_acknowledged();
        let unrecovered: usize = outcome.watched.iter().map(|one| one.unrecovered).sum();
        assert_eq!(unrecovered, 0, "whoever comes back stands where it left");
    })
    .await;
}

/// Poison that all nodes have counted, by the role of its topic.
async fn counted(fleet: &Fleet) -> Passed {
    let mut passed = Passed::from(TOPICS.map(|(role, ..)| (role, 0.0)));
    for api in fleet.apis() {
        let scrape = Scrape::read(&api).await;
        for (role, sum) in &mut passed {
            *sum += poison(&scrape, role);
        }
    }
    passed
}

fn poison(scrape: &Scrape, role: &str) -> f64 {
    scrape.sum("emostream_kafka_poison_total", &format!("topic=\"{role}\""))
}

fn spoil(broker: &str, topic: &str, partitions: i32) {
    let producer: BaseProducer = config(broker).create().expect("a producer");
    let (long, deep) = ("x".repeat(10_000), "[".repeat(10_000));
    let values: [Option<&[u8]>; 10] = [
        None,
        Some(b""),
        Some(b"\xff\xfe"),
        Some(b"nonsense"),
        Some(b"[]"),
        Some(b"{}"),
        Some(br#"{"user_id":"u","user_id":"v"}"#),
        Some(br#"{"window":{"start":"now"},"emoji_type":"goal","count":-1}"#),
        Some(long.as_bytes()),
        Some(deep.as_bytes()),
    ];
    for (number, value) in values.into_iter().cycle().take(RECORDS).enumerate() {
        let partition = i32::try_from(number / values.len()).expect("a small number") % partitions;
        let mut record: BaseRecord<'_, str, [u8]> =
            BaseRecord::to(topic).key(POISON_KEY).partition(partition);
        record.payload = value;
        let sent = producer.send(record).map_err(|(error, _)| error);
        sent.expect("room in the queue");
    }
    producer.flush(PATIENCE).expect("delivered");
}
