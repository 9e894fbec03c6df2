//! A pipeline from `emoji_topic` to `emoji_topic_aggregated` whose stages run in this process, and its reader.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use emostream::actors::clock::Clock;
use emostream::actors::streams::Streams;
use emostream::domain::{Ledger, Scale, StreamName, WindowSize};
use emostream::kafka::aggregate::{self, AggregateSetup};
use emostream::kafka::client::ClientsConfig;
use emostream::kafka::health::Health;
use emostream::kafka::merge::{self, MergeSetup};
use emostream::kafka::thread::{Failure, Stop, Work};
use emostream::kafka::transaction::Member;
use emostream::telemetry::Metrics;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio::time::Instant;

use super::broker::Broker;
use super::clients::{PATIENCE, config};
use super::handed_on::wait_until;

/// Size of the windows.
const WINDOW: Duration = Duration::from_millis(500);

/// How far append times may go back.
const LATENESS: Duration = Duration::from_millis(20);

/// How long a stream or a partition is live without reactions.
const IDLE_AFTER: Duration = Duration::from_millis(1_500);

/// Input partitions.
pub(crate) const INPUTS: i32 = 3;

/// Partitions of all other topics.
const OTHERS: i32 = 2;

/// How long a stage may take to do what a test waits for, a session's time-out included.
const LONG: Duration = Duration::from_secs(60);

/// The topics of one test.
pub(crate) struct Pipeline {
    name: &'static str,
    pub(crate) address: String,
    producer: BaseProducer,
}

/// A stage at work.
pub(crate) struct Running {
    stop: Stop,
    thread: JoinHandle<Result<(), Failure>>,
    pub(crate) metrics: Arc<Metrics>,
    streams: Arc<Streams>,
    stage: &'static str,
}

/// One record of the aggregated topic, as far as tests look at it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Seen {
    stream: String,
    pub(crate) seq: u64,
    index: u32,
    of: u32,
    emoji_type: String,
    pub(crate) count: u64,
    running_total: u64,
    ordinal: u64,
}

impl Pipeline {
    pub(crate) async fn new(name: &'static str) -> Self {
        Self::at(Broker::shared().address(), name).await
    }

    /// A pipeline at the broker of `address`.
    pub(crate) async fn at(address: String, name: &'static str) -> Self {
        let admin: AdminClient<_> = config(&address).create().expect("an admin client");
        let named = |part: &str| format!("{name}-{part}");
        let topics = [
            (
                named("in"),
                INPUTS,
                ("message.timestamp.type", "LogAppendTime"),
            ),
            (named("partials"), OTHERS, ("cleanup.policy", "delete")),
            (named("out"), OTHERS, ("cleanup.policy", "delete")),
            (named("totals"), OTHERS, ("cleanup.policy", "compact")),
        ];
        let topics = topics.each_ref().map(|(topic, partitions, (key, value))| {
            NewTopic::new(topic, *partitions, TopicReplication::Fixed(1)).set(key, value)
        });
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        for made in admin
            .create_topics(&topics, &options)
            .await
            .expect("the broker answers")
        {
            made.expect("the topic is created");
        }
        Self {
            name,
            producer: config(&address).create().expect("a producer"),
            address,
        }
    }

    pub(crate) fn topic(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// Runs an aggregator that reaches the broker at `address`.
    pub(crate) fn aggregator_at(&self, address: &str, instance: &str) -> Running {
        let (member, streams) = self.member(address, "aggregator", instance);
        let setup = AggregateSetup {
            reactions: self.topic("in"),
            partials: self.topic("partials"),
            timing: aggregate::timing(window(), LATENESS, IDLE_AFTER),
            member: member.clone(),
        };
        Running::start(&member, streams, setup.work())
    }

    pub(crate) fn aggregator(&self, instance: &str) -> Running {
        self.aggregator_at(&self.address, instance)
    }

    pub(crate) fn merger_at(&self, address: &str, instance: &str) -> Running {
        let (member, streams) = self.member(address, "merger", instance);
        let inputs = aggregate::timing(window(), LATENESS, IDLE_AFTER);
        let setup = MergeSetup {
            partials: self.topic("partials"),
            aggregated: self.topic("out"),
            totals: self.topic("totals"),
            timing: merge::timing(&inputs, Duration::ZERO, 3),
            scale: Scale::default(),
            streams: streams.clone(),
            member: member.clone(),
        };
        Running::start(&member, streams, setup.work())
    }

    pub(crate) fn merger(&self, instance: &str) -> Running {
        self.merger_at(&self.address, instance)
    }

    fn member(&self, address: &str, stage: &'static str, instance: &str) -> (Member, Arc<Streams>) {
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let member = Member {
            clients: ClientsConfig {
                bootstrap: Some(address.to_owned()),
                ..ClientsConfig::default()
            },
            group: format!("{}-{stage}", self.name),
            transactional_id: format!("{}-{stage}-{instance}", self.name),
            health: Arc::new(Health::new(stage, metrics)),
            clock: Clock::system(),
        };
        (member, Arc::new(Streams::new(10)))
    }

    /// Sends reactions to all partitions in turn, `per_burst` at once with `pause` between.
    pub(crate) fn send(&self, bursts: usize, per_burst: usize, pause: Duration) -> u64 {
        for burst in 0..bursts {
            for number in 0..per_burst {
                let emoji = ["🔥", "😀", "🎉"][number % 3];
                let value = format!(
                    r#"{{"user_id":"u","emoji_type":"{emoji}","timestamp":"2026-06-11T20:00:00"}}"#
                );
                let partition = (burst + number) as i32 % INPUTS;
                self.put("in", partition, &value);
            }
            self.producer.flush(PATIENCE).expect("delivered");
            std::thread::park_timeout(pause);
        }
        (bursts * per_burst) as u64
    }

    /// Writes a record of any kind.
    pub(crate) fn put(&self, part: &str, partition: i32, value: &str) {
        let topic = self.topic(part);
        // Compacted topics refuse what has no key.
        let record = BaseRecord::<str, str>::to(&topic).partition(partition);
        self.producer
            .send(record.key("key").payload(value))
            .map_err(|(error, _)| error)
            .expect("room in the queue");
        self.producer.poll(Duration::ZERO);
    }

    /// Commits for a stage that does not run, as any program can that knows the group's name.
    pub(crate) fn commit(&self, stage: &str, part: &str, offset: i64, metadata: &str) {
        let consumer: BaseConsumer = config(&self.address)
            .set("group.id", format!("{}-{stage}", self.name))
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&self.topic(part), 0);
        element
            .set_offset(Offset::Offset(offset))
            .expect("an offset");
        element.set_metadata(metadata);
        consumer
            .commit(&list, CommitMode::Sync)
            .expect("the broker takes it");
    }

    /// Deletes what a stage that has ended has committed. The broker waits for its session to time out.
    pub(crate) async fn forget(&self, stage: &str) {
        let admin: AdminClient<_> = config(&self.address).create().expect("an admin client");
        let group = format!("{}-{stage}", self.name);
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let deadline = Instant::now() + LONG;
        loop {
            let deleted = admin.delete_groups(&[&group], &options).await;
            let mut deleted = deleted.expect("the broker answers");
            match deleted.remove(0) {
                Ok(_) => return,
                Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Lets the records of a topic be so large.
    pub(crate) async fn bound(&self, part: &str, bytes: u32) {
        let admin: AdminClient<_> = config(&self.address).create().expect("an admin client");
        let (topic, bytes) = (self.topic(part), bytes.to_string());
        let change = AlterConfig::new(ResourceSpecifier::Topic(&topic));
        let change = change.set("max.message.bytes", &bytes);
        let changed = admin.alter_configs([&change], &AdminOptions::new()).await;
        for changed in changed.expect("the broker answers") {
            changed.expect("the topic is changed");
        }
    }

    /// All that a `read_committed` reader sees of the windows, once they sum to `expected`.
    pub(crate) fn await_sum(&self, expected: u64) -> Vec<Seen> {
        let mut reader = WindowReader::new(self);
        let deadline = Instant::now() + LONG;
        while reader.sum() < expected {
            reader.read(Duration::from_millis(100));
            assert!(
                Instant::now() < deadline,
                "{} of {expected} are counted",
                reader.sum()
            );
        }
        // What comes twice comes at once, or with the next window.
        reader.read(3 * WINDOW);
        assert_eq!(reader.sum(), expected, "counted once");
        reader.seen
    }

    /// Where the partitions of a topic end, markers of transactions included.
    pub(crate) fn ends(&self, part: &str, partitions: i32) -> Vec<i64> {
        let topic = self.topic(part);
        let client: BaseConsumer = config(&self.address).create().expect("a client");
        let ends = (0..partitions).map(|partition| {
            let marks = client.fetch_watermarks(&topic, partition, PATIENCE);
            marks.expect("an answer").1
        });
        ends.collect()
    }
}

fn window() -> WindowSize {
    WindowSize::try_new(WINDOW).expect("a size")
}

impl Running {
    fn start(member: &Member, streams: Arc<Streams>, work: Work) -> Self {
        let stop = Stop::default();
        let asked = stop.clone();
        Self {
            stop,
            thread: std::thread::spawn(move || work(&asked)),
            metrics: member.health.metrics().clone(),
            streams,
            stage: member.health.stage(),
        }
    }

    /// Stops it at whatever it does.
    pub(crate) fn stop(self) -> Result<(), Failure> {
        self.stop.ask();
        self.end()
    }

    /// Waits for it to end by itself.
    pub(crate) fn end(self) -> Result<(), Failure> {
        self.thread.join().expect("no panic")
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// How many transactions ended like that.
    pub(crate) fn transactions(&self, outcome: &str) -> u64 {
        let transactions = &self.metrics.kafka.transactions;
        transactions.with_label_values(&[self.stage, outcome]).get()
    }

    /// Waits until so many transactions ended like that.
    pub(crate) fn await_transactions(&self, outcome: &str, at_least: u64) {
        wait_for(outcome, || self.transactions(outcome) >= at_least);
    }

    pub(crate) fn num_rebalances(&self) -> u64 {
        let rebalances = &self.metrics.kafka.rebalances;
        rebalances.with_label_values(&[self.stage]).get()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let row = self.streams.row(&StreamName::main());
        row.map(|row| row.snapshot()).unwrap_or_default()
    }
}

/// Waits until it is so.
pub(crate) fn wait_for(what: &str, is_so: impl FnMut() -> bool) {
    wait_until(what, LONG, is_so);
}

struct WindowReader {
    consumer: BaseConsumer,
    seen: Vec<Seen>,
}

impl WindowReader {
    fn new(pipeline: &Pipeline) -> Self {
        let consumer: BaseConsumer = config(&pipeline.address)
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..OTHERS {
            list.add_partition_offset(&pipeline.topic("out"), partition, Offset::Beginning)
                .expect("an offset");
        }
        consumer.assign(&list).expect("an assignment");
        Self {
            consumer,
            seen: Vec::new(),
        }
    }

    fn read(&mut self, lasting: Duration) {
        let deadline = Instant::now() + lasting;
        while Instant::now() < deadline {
            let Some(polled) = self.consumer.poll(Duration::from_millis(20)) else {
                continue;
            };
            let record = polled.expect("a record");
            let value = record.payload().expect("a value");
            self.seen
                .push(serde_json::from_slice(value).expect("a window"));
        }
    }

    fn sum(&self) -> u64 {
        self.seen.iter().map(|seen| seen.count).sum()
    }
}

/// What holds of every history of windows: no part comes twice, none is missing, and totals are the sum of what came
/// before.
pub(crate) fn check(seen: &[Seen]) {
    let mut parts = BTreeSet::new();
    let mut windows: BTreeMap<(&str, u64), Vec<&Seen>> = BTreeMap::new();
    for record in seen {
        let part = (&record.stream, record.seq, record.index);
        assert!(parts.insert(part), "{part:?} comes twice");
        let window = windows.entry((&record.stream, record.seq)).or_default();
        window.push(record);
    }
    let mut totals: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for ((stream, seq), records) in windows {
        let emojis: BTreeSet<_> = records.iter().map(|record| &record.emoji_type).collect();
        assert_eq!(emojis.len(), records.len(), "an emoji comes once in {seq}");
        assert_eq!(
            records[0].of as usize,
            records.len(),
            "window {seq} is whole"
        );
        let (total, ordinal) = totals.entry(stream).or_default();
        *total += records.iter().map(|record| record.count).sum::<u64>();
        *ordinal += 1;
        assert_eq!(records[0].running_total, *total, "totals go on in {seq}");
        assert_eq!(
            records[0].ordinal, *ordinal,
            "windows are numbered in {seq}"
        );
    }
}
