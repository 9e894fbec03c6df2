//! Windows straight from the topic of the aggregated ones: every partition, by assignment, beside all other readers.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::update::{Link, Update, Window};
use crate::domain::{EpochMs, Tally, WindowSize};
use crate::kafka::client::{ClientsConfig, Use};
use crate::kafka::context::{Assigning, StageContext};
use crate::kafka::gather::{Gather, Gathered, Patience, Place};
use crate::kafka::health::Health;
use crate::kafka::record::{Poison, window};
use crate::kafka::survey;
use crate::telemetry::Metrics;

/// How long the thread waits for a record.
const WAIT: Duration = Duration::from_millis(50);
/// How long the brokers may take to say where to begin.
const ANSWER: Duration = Duration::from_secs(5);
/// How often the brokers are asked for the topic: it is how one is noticed that hangs.
const LOOK: Duration = Duration::from_secs(2);

/// What to read.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    /// How to reach Kafka.
    pub(super) clients: ClientsConfig,
    /// The topic of the aggregated windows.
    pub(super) topic: String,
    /// The grid of windows.
    pub(super) window: WindowSize,
    /// Streams there may be.
    pub(super) max_streams: usize,
    /// The streams to tell of; all of them if none is named.
    pub(super) streams: BTreeSet<String>,
    /// How far back to begin.
    pub(super) back: Duration,
}

impl Topics {
    /// Where the brokers are.
    pub(super) fn address(&self) -> &str {
        self.clients.bootstrap()
    }

    /// Reads on a thread of its own until nobody listens.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub(super) fn start(self, tell: Sender<Update>) -> io::Result<()> {
        let thread = std::thread::Builder::new().name("topics".to_owned());
        thread.spawn(move || {
            let farewell = Farewell(tell.clone());
            match Reader::new(self, tell) {
                Ok(reader) => reader.run(),
                Err(error) => {
                    let _ = farewell.0.blocking_send(Update::End(error.to_string()));
                }
            }
        })?;
        Ok(())
    }
}

/// Says that the thread has ended, also by a panic.
struct Farewell(Sender<Update>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let end = Update::End("reading from Kafka has ended".to_owned());
        let _ = self.0.blocking_send(end);
    }
}

struct Reader {
    topics: Topics,
    tell: Sender<Update>,
    consumer: BaseConsumer<StageContext>,
    health: Arc<Health>,
    gather: Gather,
    /// Partitions that are read.
    num_assigned: i32,
    looked_at: Option<Instant>,
    link: Link,
    /// Whether windows have come that this grid has no place for, and none that it has.
    is_off_grid: bool,
}

impl Reader {
    fn new(topics: Topics, tell: Sender<Update>) -> anyhow::Result<Self> {
        let health = Arc::new(Health::new("view", Arc::new(Metrics::new()?)));
        let context = StageContext::new(Arc::clone(&health), Assigning::ByStage);
        let consumer = topics
            .clients
            .client(Use::Watching)
            .create_with_context(context)?;
        Ok(Self {
            gather: Gather::new(topics.window, Patience::default(), topics.max_streams),
            topics,
            tell,
            consumer,
            health,
            num_assigned: 0,
            looked_at: None,
            link: Link::default(),
            is_off_grid: false,
        })
    }

    fn run(mut self) {
        while !self.tell.is_closed() {
            self.look();
            self.read();
            for gathered in self.gather.take_whole(now()) {
                let window = to_window(gathered, self.topics.window);
                let is_wanted =
                    self.topics.streams.is_empty() || self.topics.streams.contains(&window.stream);
                if is_wanted && self.tell.blocking_send(Update::Window(window)).is_err() {
                    return;
                }
            }
        }
    }

    /// Follows the brokers and the topic.
    fn look(&mut self) {
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= LOOK);
        if !is_due {
            return;
        }
        self.looked_at = Some(Instant::now());
        let looked = self.follow();
        self.say(looked.map_or_else(Link::Lost, |()| Link::Live));
    }

    /// Reads all there is to read, or says why that cannot be.
    fn follow(&mut self) -> Result<(), String> {
        let address = self.topics.address().to_owned();
        let topic = self.topics.topic.clone();
        let known = survey::ask(&self.consumer).map_err(|error| {
            format!("no broker answers at {address} ({error}): `make kafka` starts one")
        })?;
        let Some(&partitions) = known.get(&topic) else {
            let creates = "`emostream topics` creates it";
            return Err(format!("{address} has no topic {topic}: {creates}"));
        };
        self.assign(partitions)
            .map_err(|error| format!("{address} does not say where to begin: {error}"))?;
        if self.is_off_grid {
            let size = self.topics.window.as_ms();
            let says = "`--set window.size` says which they are";
            return Err(format!(
                "the windows on {topic} are not of {size} ms: {says}"
            ));
        }
        Ok(())
    }

    fn say(&mut self, link: Link) {
        if link != self.link {
            self.link = link.clone();
            // Nobody left to tell: the loop finds out by itself.
            let _ = self.tell.blocking_send(Update::Link { stream: None, link });
        }
    }

    /// Reads so many partitions from now on; those that were read already keep their places.
    fn assign(&mut self, partitions: i32) -> Result<(), KafkaError> {
        if partitions <= self.num_assigned {
            return Ok(());
        }
        let new = self.num_assigned..partitions;
        let topic = &self.topics.topic;
        let mut list = TopicPartitionList::new();
        if self.topics.back.is_zero() {
            for partition in new {
                let (_, end) = self.consumer.fetch_watermarks(topic, partition, ANSWER)?;
                list.add_partition_offset(topic, partition, Offset::Offset(end))?;
            }
        } else {
            let back = u64::try_from(self.topics.back.as_millis()).unwrap_or(u64::MAX);
            let from = i64::try_from(now().0.saturating_sub(back)).unwrap_or(i64::MAX);
            for partition in new {
                list.add_partition_offset(topic, partition, Offset::Offset(from))?;
            }
            list = self.consumer.offsets_for_times(list, ANSWER)?;
        }
        self.consumer.incremental_assign(&list)?;
        self.num_assigned = partitions;
        Ok(())
    }

    fn read(&mut self) {
        // Errors come to the context of the client as well, which the next look asks.
        if let Some(Ok(message)) = self.consumer.poll(WAIT) {
            self.health.answered();
            match read(&message, self.topics.window) {
                Ok(record) => {
                    self.is_off_grid = false;
                    self.gather.take(Place::of(&message), record, now());
                }
                Err(Poison::OffGrid) => self.is_off_grid = true,
                // What cannot be read is counted by the nodes; here it is passed by.
                Err(_) => {}
            }
        }
    }
}

fn read(message: &BorrowedMessage<'_>, size: WindowSize) -> Result<window::WindowRecord, Poison> {
    window::decode(message.payload().ok_or(Poison::NoValue)?, size)
}

fn to_window(gathered: Gathered, size: WindowSize) -> Window {
    let window = gathered.window;
    let ranked = window.tally.ranked();
    let counts = ranked.into_iter();
    Window {
        stream: window.stream.as_str().to_owned(),
        seq: window.seq.0,
        span: 1,
        start_ms: size.start(window.seq).0,
        end_ms: size.end(window.seq).0,
        total: window.tally.total(),
        counts: counts
            .map(|(emoji, count)| (emoji.as_str().to_owned(), count))
            .collect(),
        running: Some(to_counts(&window.running)),
        viewers: None,
    }
}

fn to_counts(tally: &Tally) -> super::update::Counts {
    let counts = tally.iter();
    counts
        .map(|(emoji, count)| (emoji.as_str().to_owned(), count))
        .collect()
}

fn now() -> EpochMs {
    EpochMs(u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default())
}
