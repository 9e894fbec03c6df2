//! Windows on topics: written as Emostream or anybody else does, handed on by stages that run in the test, and read back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use emostream::actors::clock::Clock;
use emostream::domain::{
    ClusterId, ClusterState, Emoji, Policy, Scale, Seq, StreamName, Tally, Window, WindowSize,
};
use emostream::kafka::client::ClientsConfig;
use emostream::kafka::forward::{ForwardSetup, Route};
use emostream::kafka::gather::{Gather, Gathered, Patience, Place};
use emostream::kafka::health::Health;
use emostream::kafka::record::window;
use emostream::kafka::table::{ClusterRow, ClusterTable};
use emostream::kafka::thread::{Failure, Stop, Work};
use emostream::kafka::topics::TopicsConfig;
use emostream::telemetry::Metrics;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio::time::Instant;

use super::clients::{PATIENCE, config, create_topic};

/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 3;

/// The emoji that is counted.
pub(crate) fn fire() -> Emoji {
    Emoji::parse("🔥").expect("an emoji")
}

/// Another one.
pub(crate) fn laugh() -> Emoji {
    Emoji::parse("😂").expect("an emoji")
}

pub(crate) fn id(number: u64) -> ClusterId {
    ClusterId::try_new(number).expect("a cluster")
}

pub(crate) fn stream(name: &str) -> StreamName {
    StreamName::parse(name).expect("a stream")
}

/// Topics of a test's own, and what its stages share.
pub(crate) struct Rig {
    pub(crate) address: String,
    pub(crate) topics: TopicsConfig,
    pub(crate) table: Arc<ClusterTable>,
    pub(crate) clock: Clock,
    pub(crate) window: WindowSize,
    prefix: String,
    producer: BaseProducer,
}

impl Rig {
    /// The topics of these clusters exist, and the table knows them as live.
    pub(crate) async fn new(address: &str, prefix: &str, clusters: &[u64]) -> Self {
        let named = |name: &str| format!("{prefix}.{name}");
        let topics = TopicsConfig {
            reactions: named("in"),
            partials: named("partials"),
            aggregated: named("out"),
            totals: named("totals"),
            cluster_prefix: named("cluster_"),
            subscriber_prefix: named("subscriber_"),
            control: named("control"),
            partitions: 3,
            replicas: None,
        };
        let producer = config(address)
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .create();
        let rig = Self {
            address: address.to_owned(),
            topics,
            table: Arc::default(),
            clock: Clock::system(),
            window: WindowSize::try_new(Duration::from_secs(1)).expect("a window"),
            prefix: prefix.to_owned(),
            producer: producer.expect("a producer"),
        };
        create_topic(address, &rig.topics.aggregated, PARTITIONS).await;
        for cluster in clusters {
            rig.create_cluster(*cluster).await;
        }
        rig.set_clusters(clusters);
        rig
    }

    /// The two topics of a cluster come to be.
    pub(crate) async fn create_cluster(&self, cluster: u64) {
        create_topic(&self.address, &self.topics.cluster(id(cluster)), PARTITIONS).await;
        create_topic(
            &self.address,
            &self.topics.subscriber(id(cluster)),
            PARTITIONS,
        )
        .await;
    }

    /// These are live from now on.
    pub(crate) fn set_clusters(&self, clusters: &[u64]) {
        let row = ClusterRow {
            state: ClusterState::Live,
            policy: Policy::default(),
        };
        let rows = clusters.iter().map(|number| (id(*number), row));
        self.table.set(rows.collect());
    }

    /// The window that is open now.
    pub(crate) fn now(&self) -> Seq {
        self.window.seq_at(self.clock.now())
    }

    /// How a stage reaches the broker.
    pub(crate) fn clients(&self, address: &str) -> ClientsConfig {
        ClientsConfig {
            bootstrap: Some(address.to_owned()),
            ..ClientsConfig::default()
        }
    }

    /// A forwarder at work.
    pub(crate) fn forward(
        &self,
        address: &str,
        route: Route,
        table: &Arc<ClusterTable>,
    ) -> Running {
        let (group, stage) = match route {
            Route::Publisher { .. } => ("publisher", "main_publisher"),
            Route::Cluster => ("cluster", "cluster_publisher"),
        };
        let health = health(stage);
        let setup = ForwardSetup {
            clients: self.clients(address),
            topics: self.topics.clone(),
            route,
            group: format!("{}-{group}", self.prefix),
            window: self.window,
            max_streams: 100,
            table: table.clone(),
            clock: self.clock.clone(),
            health: health.clone(),
        };
        Running::start(setup.work(), health)
    }

    /// The forwarder to the clusters.
    pub(crate) fn publisher(&self) -> Running {
        let scale = Scale::default();
        self.forward(&self.address, Route::Publisher { scale }, &self.table)
    }

    /// A forwarder to the subscribers.
    pub(crate) fn cluster(&self) -> Running {
        self.forward(&self.address, Route::Cluster, &self.table)
    }

    /// Writes a record and does not wait for it.
    pub(crate) fn write(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&str>,
        value: &[u8],
    ) {
        let mut record: BaseRecord<'_, str, [u8], ()> = BaseRecord::to(topic).payload(value);
        record.partition = partition;
        record.key = key;
        self.producer
            .send(record)
            .map_err(|(error, _)| error)
            .expect("room in the queue");
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until all that was written is there.
    pub(crate) fn flush(&self) {
        self.producer.flush(PATIENCE).expect("the broker takes it");
    }

    /// The records of a window as Emostream writes them.
    pub(crate) fn values(&self, window: &Window) -> Vec<Vec<u8>> {
        window::encode(window, self.window, Scale::default())
    }

    /// Writes a window as Emostream does, and does not wait for it.
    pub(crate) fn send_window(&self, topic: &str, window: &Window) {
        for value in self.values(window) {
            self.write(topic, None, Some(window.stream.as_str()), &value);
        }
    }

    /// Writes a window as Emostream does.
    pub(crate) fn write_window(&self, topic: &str, window: &Window) {
        self.send_window(topic, window);
        self.flush();
    }

    /// Everything that comes on a topic.
    pub(crate) fn reader(&self, topic: &str) -> Reader {
        Reader::new(self, topic)
    }
}

/// Window `number` of a stream, counted from `base`: each has `number` fires.
pub(crate) fn own_window(name: &str, base: Seq, number: u64) -> Window {
    let tally: Tally = [(fire(), number)].into_iter().collect();
    let running: Tally = [(fire(), number * (number + 1) / 2)].into_iter().collect();
    Window {
        stream: stream(name),
        seq: Seq(base.0 + number),
        tally,
        late: 0,
        deduplicated: 0,
        running: Arc::new(running),
        ordinal: number,
    }
}

pub(crate) fn health(stage: &'static str) -> Arc<Health> {
    Arc::new(Health::new(
        stage,
        Arc::new(Metrics::new().expect("metrics")),
    ))
}

/// A stage at work on a thread of its own.
pub(crate) struct Running {
    pub(crate) health: Arc<Health>,
    stop: Stop,
    thread: Option<JoinHandle<Result<(), Failure>>>,
}

impl Running {
    pub(crate) fn start(work: Work, health: Arc<Health>) -> Self {
        let stop = Stop::default();
        let asked = stop.clone();
        health.set_running(true);
        Self {
            health,
            stop,
            thread: Some(std::thread::spawn(move || work(&asked))),
        }
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) {
        self.stop.ask();
        let thread = self.thread.take().expect("a thread that runs");
        thread.join().expect("no panic").expect("no failure");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.ask();
    }
}

/// A reader of windows from the beginning of a topic.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    size: WindowSize,
    clock: Clock,
    gather: Gather,
    topic: String,
    /// The numbers of a stream's windows as their first records came, again and again where they did.
    pub(crate) seen: HashMap<StreamName, Vec<Seq>>,
    /// Whole windows, of each stream in order.
    pub(crate) windows: HashMap<StreamName, Vec<Gathered>>,
}

impl Reader {
    fn new(rig: &Rig, topic: &str) -> Self {
        let consumer: BaseConsumer = config(&rig.address)
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition, Offset::Beginning)
                .expect("an offset");
        }
        consumer.assign(&list).expect("an assignment");
        Self {
            consumer,
            size: rig.window,
            clock: rig.clock.clone(),
            gather: Gather::new(rig.window, Patience::default(), 100),
            topic: topic.to_owned(),
            seen: HashMap::new(),
            windows: HashMap::new(),
        }
    }

    /// Reads until it is so, and says how long that took.
    pub(crate) fn until(
        &mut self,
        what: &str,
        within: Duration,
        done: impl Fn(&Self) -> bool,
    ) -> Duration {
        let begun = Instant::now();
        while !done(self) {
            let topic = &self.topic;
            assert!(
                begun.elapsed() < within,
                "{topic}: {what}: not within {within:?}: {:?}",
                self.seen
            );
            self.read_one();
        }
        begun.elapsed()
    }

    /// Reads for so long.
    pub(crate) fn during(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.read_one();
        }
    }

    fn read_one(&mut self) {
        let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(20)) else {
            return;
        };
        let value = message.payload().expect("a value");
        let record = window::decode(value, self.size).expect("a window's record");
        let part = record
            .part
            .as_ref()
            .expect("everything that Emostream writes");
        if part.index == 0 {
            self.seen
                .entry(record.stream.clone())
                .or_default()
                .push(record.seq);
        }
        let now = self.clock.now();
        self.gather.take(Place::of(&message), record, now);
        for gathered in self.gather.take_whole(now) {
            self.windows
                .entry(gathered.window.stream.clone())
                .or_default()
                .push(gathered);
        }
    }

    /// How many windows of a stream have come.
    pub(crate) fn num(&self, name: &str) -> usize {
        self.windows.get(&stream(name)).map_or(0, Vec::len)
    }

    /// The newest window of a stream.
    pub(crate) fn newest(&self, name: &str) -> &Window {
        let windows = self
            .windows
            .get(&stream(name))
            .expect("windows of the stream");
        &windows.last().expect("a window").window
    }

    /// The counts of a stream, over all its windows.
    pub(crate) fn sums(&self, name: &str) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for gathered in self.windows.get(&stream(name)).into_iter().flatten() {
            for (emoji, count) in gathered.window.tally.iter() {
                *sums.entry(emoji.as_str().to_owned()).or_default() += count;
            }
        }
        sums
    }

    /// The numbers of a stream's windows in the order in which they first came.
    pub(crate) fn first_seen(&self, name: &str) -> Vec<u64> {
        let mut first: Vec<u64> = Vec::new();
        for seq in self.seen.get(&stream(name)).into_iter().flatten() {
            if !first.contains(&seq.0) {
                first.push(seq.0);
            }
        }
        first
    }
}

/// A window's numbers, `first` to `last`, counted from `base`.
pub(crate) fn numbers(base: Seq, first: u64, last: u64) -> Vec<u64> {
    (first..=last).map(|number| base.0 + number).collect()
}

/// Waits until it is so, and says how long that took.
pub(crate) fn wait_until(
    what: &str,
    within: Duration,
    mut is_so: impl FnMut() -> bool,
) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "{what}: not within {within:?}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    begun.elapsed()
}
