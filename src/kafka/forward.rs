//! Hands windows on from topic to topic: reads window records in a group, puts them together, writes each whole window.
//!
//! - **At least once, in order, ids unchanged.** The group's offset moves when everything read before it is acknowledged,
//!   and never past a record whose window is still in pieces. What was written and not yet committed is written again
//!   by whoever reads on; readers pass only a rising `seq`.
//! - **Nothing is dropped.** When a record cannot be written, all that is not committed is forgotten here and read again.
//!   While too much waits for an acknowledgement, nothing more is read: the topic holds it.
//! - **Totals go on.** Windows of Emostream carry them. Those of another aggregator do not, so where a stream of
//!   theirs stands is looked up once in the topics it was written to, see `tail.rs`.

mod commits;
mod inputs;
mod route;
mod sender;
mod tail;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::BorrowedMessage;
use tokio::time::Instant;

use self::commits::Commits;
use self::inputs::{Inputs, Step};
use self::sender::Sender;
use super::client::{ClientsConfig, Use};
use super::context::{Assigning, CLOSING, Change, StageContext, TopicPartition, close};
use super::gather::Gathered;
use super::health::Health;
use super::survey::{self, Known};
use super::table::ClusterTable;
use super::thread::{Failure, Stop, Work};
use super::topics::TopicsConfig;
use crate::actors::clock::Clock;
use crate::domain::{ClusterId, Seq, StreamName, Window, WindowSize};
use crate::telemetry::kafka::{AssignmentChanged, PoisonPassed};

use self::route::Plan;
pub use self::route::Route;

/// How long the thread waits for a record. One that is there is handed over at once.
const WAIT: Duration = Duration::from_millis(20);
/// Records taken before whole windows are written.
const BATCH: usize = 500;
/// Records that may wait for an acknowledgement before no more are read.
const MAX_OUTSTANDING: usize = 5_000;
/// How often the brokers are asked which topics there are; it is also how a broker that hangs is noticed.
const LOOK: Duration = Duration::from_secs(5);
/// The same while a topic is missing.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// The pause after something could not be written.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the end waits for acknowledgements.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a forwarder needs.
#[derive(Debug, Clone)]
pub struct ForwardSetup {
    /// How to reach Kafka.
    pub clients: ClientsConfig,
    /// The topics.
    pub topics: TopicsConfig,
    /// From where to where.
    pub route: Route,
    /// The group that shares the work.
    pub group: String,
    /// The grid of windows.
    pub window: WindowSize,
    /// Streams there may be.
    pub max_streams: usize,
    /// Which clusters there are.
    pub table: Arc<ClusterTable>,
    /// The time.
    pub clock: Clock,
    /// The stage's health.
    pub health: Arc<Health>,
}

impl ForwardSetup {
    /// The thread's work, for one life.
    pub fn work(&self) -> Work {
        let setup = self.clone();
        Box::new(move |stop| Forwarder::new(setup)?.run(stop))
    }

    fn consumer(&self, purpose: Use<'_>) -> Result<BaseConsumer<StageContext>, Failure> {
        let context = StageContext::new(self.health.clone(), Assigning::ByStage);
        let client = self.clients.client(purpose);
        client
            .create_with_context(context)
            .map_err(Failure::passing)
    }
}

struct Forwarder {
    setup: ForwardSetup,
    consumer: Rc<BaseConsumer<StageContext>>,
    sender: Sender,
    inputs: Inputs,
    plan: Plan,
    known: Known,
    /// The version of the table that the plan is of.
    version: Option<u64>,
    looked_at: Option<Instant>,
    assigned: Vec<TopicPartition>,
    is_paused: bool,
    /// Each stream's newest window, for a cluster that is new.
    newest: HashMap<StreamName, Arc<Window>>,
    /// What is written, and will be delivered once it is acknowledged.
    written: BTreeMap<ClusterId, Seq>,
    commits: Commits,
    /// Nothing is read before.
    not_before: Option<Instant>,
}

impl Forwarder {
    fn new(setup: ForwardSetup) -> Result<Self, Failure> {
        let consumer = setup.consumer(Use::Forwarding {
            group: &setup.group,
        })?;
        Ok(Self {
            consumer: Rc::new(consumer),
            sender: Sender::new(&setup.clients, &setup.health)?,
            inputs: Inputs::new(setup.window, setup.max_streams),
            plan: Plan::default(),
            known: Known::default(),
            version: None,
            looked_at: None,
            assigned: Vec::new(),
            is_paused: false,
            newest: HashMap::new(),
            written: BTreeMap::new(),
            commits: Commits::default(),
            not_before: None,
            setup,
        })
    }

    fn run(mut self, stop: &Stop) -> Result<(), Failure> {
        let done = self.work(stop);
        self.setup.table_serves(&Plan::default(), &[]);
        if let Ok(consumer) = Rc::try_unwrap(self.consumer) {
            close(self.setup.health.stage(), consumer, CLOSING);
        }
        done
    }

    fn work(&mut self, stop: &Stop) -> Result<(), Failure> {
        while !stop.is_asked() {
            self.look()?;
            self.read()?;
            self.hand_on();
            self.settle()?;
        }
        let deadline = Instant::now() + FAREWELL;
        while self.sender.outstanding() > 0 && Instant::now() < deadline {
            // What cannot be written any more is read again by the next one.
            if self.sender.pump().is_err() {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if self.sender.outstanding() == 0 {
            self.commits
                .commit(&self.consumer, &self.inputs, CommitMode::Sync);
        }
        Ok(())
    }

    // === which topics ===

    /// Follows the clusters and the topics there are.
    fn look(&mut self) -> Result<(), Failure> {
        let interval = match self.plan.is_lacking() {
            true => LOOK_AGAIN,
            false => LOOK,
        };
        let version = self.setup.table.version();
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= interval);
        let is_news = self.version != Some(version);
        if !is_due && !is_news {
            return Ok(());
        }
        self.looked_at = Some(Instant::now());
        let Ok(known) = survey::ask(&self.consumer) else {
            return Ok(());
        };
        self.known = known;
        let rows = self.setup.table.rows();
        let plan = self
            .setup
            .route
            .plan(&self.setup.topics, &rows, &self.known);
        self.version = Some(version);
        self.change_plan(plan)
    }

    fn change_plan(&mut self, plan: Plan) -> Result<(), Failure> {
        let old = std::mem::replace(&mut self.plan, plan);
        let (before, after) = (old.inputs(), self.plan.inputs());
        if before != after {
            if after.is_empty() {
                self.consumer.unsubscribe();
            } else {
                let subscribed = self.consumer.subscribe(&after);
                subscribed.map_err(Failure::passing)?;
            }
        }
        let is_new =
            |topic: &Arc<str>| !old.is_empty() && !old.targets().any(|had| had.1 == *topic);
        let added: Vec<_> = self
            .plan
            .targets()
            .filter(|(_, topic)| is_new(topic))
            .collect();
        self.setup.table_serves(&self.plan, &self.assigned);
        for (id, topic) in added {
            let newest: Vec<_> = self.newest.values().cloned().collect();
            for window in newest {
                self.write(id, &topic, &window);
            }
        }
        Ok(())
    }

    // === reading ===

    fn read(&mut self) -> Result<(), Failure> {
        self.hold_or_go_on();
        let consumer = self.consumer.clone();
        for taken in 0..BATCH {
            let wait = if taken == 0 { WAIT } else { Duration::ZERO };
            let polled = consumer.poll(wait);
            self.follow_changes()?;
            match polled {
                Some(Ok(message)) => self.take(&message)?,
                // What matters has come by as an error of the client as well.
                Some(Err(error)) => {
                    tracing::debug!(stage = self.setup.health.stage(), %error, "not read");
                }
                None => break,
            }
            if self.is_paused {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<(), Failure> {
        let now = self.setup.clock.now();
        let health = self.setup.health.clone();
        health.answered();
        let records = &health.metrics().kafka.records;
        records.with_label_values(&[health.stage(), "read"]).inc();
        let step = self.inputs.take(message, now);
        let reason = match step {
            Step::Taken => return Ok(()),
            Step::Poison(reason) => reason,
            Step::Unknown(stream) => {
                if !self.inputs.has_tail(message.topic())
                    && self.load_tail(message.topic()).is_err()
                {
                    return self.rewind("where the stream stands cannot be read");
                }
                if let Some(window) = self.inputs.resume(message.topic(), &stream) {
                    self.keep_and_write(message.topic(), &window);
                }
                // The look may have taken as long as a window stays open.
                let now = self.setup.clock.now();
                match self.inputs.take(message, now) {
                    Step::Poison(reason) => reason,
                    Step::Taken | Step::Unknown(_) => return Ok(()),
                }
            }
        };
        PoisonPassed {
            role: self.setup.route.role(),
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            reason,
        }
        .emit(health.metrics());
        Ok(())
    }

    fn load_tail(&mut self, input: &str) -> Result<(), Failure> {
        let targets = self.plan.targets_of(input);
        let topics: Vec<Arc<str>> = targets.into_iter().map(|(_, topic)| topic).collect();
        let tail = tail::read(&self.setup, &topics, &self.known)?;
        self.inputs.set_tail(input, tail);
        Ok(())
    }

    /// Reads nothing while too much waits to be written, or just after it could not be.
    fn hold_or_go_on(&mut self) {
        let is_early = self.not_before.is_some_and(|at| Instant::now() < at);
        let holds = is_early || self.sender.outstanding() > MAX_OUTSTANDING;
        if holds == self.is_paused || self.inputs.is_unassigned() {
            return;
        }
        let Ok(assignment) = self.consumer.assignment() else {
            return;
        };
        let done = match holds {
            true => self.consumer.pause(&assignment),
            false => self.consumer.resume(&assignment),
        };
        if done.is_ok() {
            self.is_paused = holds;
        }
    }

    // === assignment ===

    fn follow_changes(&mut self) -> Result<(), Failure> {
        let Some(last) = self.consumer.context().take_changes().pop() else {
            return Ok(());
        };
        self.assigned = match last {
            Change::Assigned(given) => given,
            Change::Revoked(_) => Vec::new(),
        };
        self.setup.table_serves(&self.plan, &self.assigned);
        self.newest.clear();
        let mine = self.setup.route.to_read(&self.assigned, &self.known);
        let shown: Vec<String> = mine
            .iter()
            .map(|(topic, number)| format!("{topic}/{number}"))
            .collect();
        AssignmentChanged {
            stage: self.setup.health.stage(),
            partitions: &shown,
        }
        .emit(self.setup.health.metrics());
        self.start_over()
    }

    /// Reads on where the group has committed, with nothing in hand.
    fn start_over(&mut self) -> Result<(), Failure> {
        self.inputs.clear();
        self.written.clear();
        self.commits = Commits::default();
        self.is_paused = false;
        let mine = self.setup.route.to_read(&self.assigned, &self.known);
        let mut list = TopicPartitionList::new();
        for (topic, partition) in &mine {
            list.add_partition_offset(topic, *partition, rdkafka::Offset::Stored)
                .map_err(Failure::passing)?;
        }
        self.inputs.assign(&mine);
        match self.assigned.is_empty() {
            true => Ok(()),
            false => {
                self.consumer.assign(&list).map_err(Failure::passing)?;
                // A pause outlasts the assignment that it was of.
                self.consumer.resume(&list).map_err(Failure::passing)
            }
        }
    }

    /// Something could not be written: all that is not committed is read again, and written by a producer that knows
    /// nothing of the trouble.
    fn rewind(&mut self, cause: &str) -> Result<(), Failure> {
        tracing::warn!(
            stage = self.setup.health.stage(),
            cause,
            "windows are read again"
        );
        self.sender = Sender::new(&self.setup.clients, &self.setup.health)?;
        self.not_before = Some(Instant::now() + PAUSE);
        self.looked_at = None;
        self.start_over()
    }

    // === writing ===

    fn hand_on(&mut self) {
        for (topic, whole) in self.inputs.take_whole(self.setup.clock.now()) {
            let Gathered { window, .. } = whole;
            self.keep_and_write(&topic, &Arc::new(window));
        }
    }

    fn keep_and_write(&mut self, input: &str, window: &Arc<Window>) {
        self.newest.insert(window.stream.clone(), window.clone());
        for (id, topic) in self.plan.targets_of(input) {
            self.write(id, &topic, window);
        }
    }

    fn write(&mut self, id: ClusterId, topic: &Arc<str>, window: &Arc<Window>) {
        let values = self.setup.encode(id, window);
        self.sender.push(topic, &window.stream, values);
        let seq = self.written.entry(id).or_insert(window.seq);
        *seq = window.seq.max(*seq);
    }

    fn settle(&mut self) -> Result<(), Failure> {
        if let Err(cause) = self.sender.pump() {
            return self.rewind(&cause);
        }
        if self.sender.outstanding() == 0 {
            self.setup.tell_delivered(std::mem::take(&mut self.written));
            self.commits
                .commit(&self.consumer, &self.inputs, CommitMode::Async);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
