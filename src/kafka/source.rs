//! Brings the windows of every active cluster to the hubs of a session node.
//!
//! Each node reads for itself, every partition, without a group: from as far back as a session may come with `since`, so
//! that a node that was restarted knows what its sessions have missed. Clusters that come and go change what is read, and
//! leave the places of the others as they are. Where streams stand that have been silent for longer, the running totals
//! say, which are read once, before the node is ready.
//!
//! When a hub is behind, windows wait for it as [`Outbox`](crate::actors::outbox::Outbox) says; as long as the history is
//! not read, reading waits too, so that none of it is left out.

mod hubs;
mod places;
mod silent;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::BorrowedMessage;
use tokio::time::Instant;

use self::hubs::Hubs;
use self::places::Places;
use self::silent::Silent;
use super::client::{ClientsConfig, Use};
use super::context::{Assigning, CLOSING, StageContext, close};
use super::gather::{Gather, Gathered, Patience, Place, Taken};
use super::health::Health;
use super::record::window;
use super::survey;
use super::table::ClusterTable;
use super::thread::{Failure, Stop, Work};
use super::topics::TopicsConfig;
use crate::actors::clock::Clock;
use crate::actors::streams::Streams;
use crate::domain::{ClusterId, StreamName, WindowSize};
use crate::telemetry::kafka::PoisonPassed;

pub use self::hubs::SourceLinks;

/// How long the thread waits for a record. One that is there is handed over at once.
const WAIT: Duration = Duration::from_millis(20);
/// Records taken before windows go to the hubs.
const BATCH: usize = 500;
/// How often the brokers are asked which topics and partitions there are; it is also how a broker that hangs is noticed.
const LOOK: Duration = Duration::from_secs(2);
/// The same while a topic is missing.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// The role of what is read, for metrics.
const ROLE: &str = "subscriber";

/// What the source needs.
#[derive(Debug, Clone)]
pub struct SourceSetup {
    /// How to reach Kafka.
    pub clients: ClientsConfig,
    /// The topics.
    pub topics: TopicsConfig,
    /// The grid of windows.
    pub window: WindowSize,
    /// How far back a session may come with `since`.
    pub retention: Duration,
    /// Which clusters there are.
    pub table: Arc<ClusterTable>,
    /// Which streams there are.
    pub streams: Arc<Streams>,
    /// Streams there may be.
    pub max_streams: usize,
    /// The time.
    pub clock: Clock,
    /// The stage's health.
    pub health: Arc<Health>,
    /// The hub of every worker.
    pub hubs: Vec<SourceLinks>,
}

impl SourceSetup {
    /// The thread's work, for one life.
    pub fn work(&self) -> Work {
        let setup = self.clone();
        Box::new(move |stop| Source::new(setup)?.run(stop))
    }

    /// Whether there is room for the stream, which exists from then on.
    fn opens(&self, stream: &StreamName, topic: &str) -> bool {
        let is_open = self.streams.open(stream).is_ok();
        if !is_open {
            tracing::debug!(topic, %stream, "a stream beyond `streams.max`");
            let poison = &self.health.metrics().kafka.poison;
            poison.with_label_values(&[ROLE, "too_many_streams"]).inc();
        }
        is_open
    }
}

struct Source {
    setup: SourceSetup,
    consumer: BaseConsumer<StageContext>,
    places: Places,
    gathers: HashMap<String, (ClusterId, Gather)>,
    hubs: Hubs,
    /// None once the hubs are to know them.
    silent: Option<Silent>,
    /// Partitions of the totals.
    num_totals: usize,
    version: Option<u64>,
    looked_at: Option<Instant>,
    is_lacking: bool,
    is_caught_up: bool,
}

impl Source {
    fn new(setup: SourceSetup) -> Result<Self, Failure> {
        setup.health.set_behind(true);
        let context = StageContext::new(setup.health.clone(), Assigning::ByStage);
        let client = setup.clients.client(Use::Watching);
        let consumer = client
            .create_with_context(context)
            .map_err(Failure::passing)?;
        let metrics = setup.health.metrics().clone();
        Ok(Self {
            consumer,
            places: Places::new(setup.window, setup.retention),
            gathers: HashMap::new(),
            hubs: Hubs::new(&setup.hubs, metrics),
            silent: Some(Silent::default()),
            num_totals: 0,
            version: None,
            looked_at: None,
            is_lacking: false,
            is_caught_up: false,
            setup,
        })
    }

    fn run(mut self, stop: &Stop) -> Result<(), Failure> {
        let done = self.work(stop);
        close(self.setup.health.stage(), self.consumer, CLOSING);
        done
    }

    fn work(&mut self, stop: &Stop) -> Result<(), Failure> {
        while !stop.is_asked() {
            self.look()?;
            self.read();
            self.hand_on();
            self.hubs.flush();
            self.hubs.tell(&self.setup.health);
            self.hubs.tell_standings();
            self.catch_up();
        }
        self.hubs.flush();
        Ok(())
    }

    /// Follows the clusters and the topics there are.
    fn look(&mut self) -> Result<(), Failure> {
        let interval = if self.is_lacking { LOOK_AGAIN } else { LOOK };
        let version = self.setup.table.version();
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= interval);
        if !is_due && self.version == Some(version) {
            return Ok(());
        }
        self.looked_at = Some(Instant::now());
        let Ok(known) = survey::ask(&self.consumer) else {
            return Ok(());
        };
        let num_totals = known.get(&self.setup.topics.totals).copied();
        self.num_totals = usize::try_from(num_totals.unwrap_or_default()).unwrap_or_default();
        let rows = self.setup.table.rows();
        let mut wanted = Vec::new();
        self.is_lacking = false;
        self.gathers
            .retain(|_, (id, _)| rows.get(id).is_some_and(|row| row.is_active()));
        self.hubs
            .keep(|id| rows.get(id).is_some_and(|row| row.is_active()));
        for (&id, _) in rows.iter().filter(|(_, row)| row.is_active()) {
            let topic = self.setup.topics.subscriber(id);
            let partitions = known.get(&topic).copied().unwrap_or_default();
            self.is_lacking |= partitions == 0;
            wanted.extend((0..partitions).map(|partition| (topic.clone(), partition)));
            self.gathers.entry(topic).or_insert_with(|| {
                let max_streams = self.setup.max_streams;
                (
                    id,
                    Gather::new(self.setup.window, Patience::default(), max_streams),
                )
            });
        }
        let now = self.setup.clock.now();
        match self.places.change(&self.consumer, &wanted, now) {
            Ok(()) => self.version = Some(version),
            // Where to begin is asked again with the next look.
            Err(error) => tracing::debug!(%error, "the places to read from are not known yet"),
        }
        Ok(())
    }

    fn read(&mut self) {
        if !self.is_caught_up && self.hubs.are_behind() {
            std::thread::park_timeout(WAIT);
            return;
        }
        for taken in 0..BATCH {
            let wait = if taken == 0 { WAIT } else { Duration::ZERO };
            match self.consumer.poll(wait) {
                None => return,
                // What matters has come by as an error of the client as well.
                Some(Err(error)) => {
                    tracing::debug!(stage = self.setup.health.stage(), %error, "not read");
                }
                Some(Ok(message)) => {
                    self.places
                        .pass(message.topic(), message.partition(), message.offset());
                    take(&self.setup, &mut self.gathers, &message);
                }
            }
        }
    }

    fn hand_on(&mut self) {
        let now = self.setup.clock.now();
        let rows = self.setup.table.rows();
        for (topic, (id, gather)) in &mut self.gathers {
            for Gathered { window, shaped } in gather.take_whole(now) {
                if !self.setup.opens(&window.stream, topic) {
                    continue;
                }
                if let Some(silent) = &mut self.silent {
                    silent.note(&window.stream);
                }
                let of_table = || rows.get(id).map(|row| row.policy).unwrap_or_default();
                let policy = shaped.map_or_else(of_table, |(_, policy)| policy);
                self.hubs.push(*id, policy, Arc::new(window));
            }
        }
    }

    /// Ready once all that was there has reached the hubs.
    fn catch_up(&mut self) {
        if self.is_caught_up {
            return;
        }
        // Places that were chosen before the clusters were known are none.
        let version = self.setup.table.version();
        let is_told = version > 0 && self.version == Some(version);
        let is_read = is_told && self.places.are_caught_up(&self.consumer);
        if !is_read || !self.hubs.are_empty() {
            return;
        }
        let Some(silent) = &mut self.silent else {
            self.is_caught_up = true;
            self.setup.health.set_behind(false);
            return;
        };
        if let Some(mut standings) = silent.read(&self.setup, self.num_totals) {
            let topic = &self.setup.topics.totals;
            standings.retain(|standing| self.setup.opens(&standing.stream, topic));
            self.hubs.stand(standings);
            self.silent = None;
        }
    }
}

fn take(
    setup: &SourceSetup,
    gathers: &mut HashMap<String, (ClusterId, Gather)>,
    message: &BorrowedMessage<'_>,
) {
    let health = &setup.health;
    health.answered();
    let records = &health.metrics().kafka.records;
    records.with_label_values(&[health.stage(), "read"]).inc();
    let Some((_, gather)) = gathers.get_mut(message.topic()) else {
        return;
    };
    let record = window::decode(message.payload().unwrap_or_default(), setup.window);
    let taken = record.map(|record| gather.take(Place::of(message), record, setup.clock.now()));
    let reason = match taken {
        Ok(Taken::Kept | Taken::Known) => return,
        Ok(Taken::Refused(refusal)) => refusal.as_str(),
        Err(poison) => poison.as_str(),
    };
    PoisonPassed {
        role: ROLE,
        topic: message.topic(),
        partition: message.partition(),
        offset: message.offset(),
        reason,
    }
    .emit(health.metrics());
}
