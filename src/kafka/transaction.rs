//! The one thread that counts exactly once: a consumer, a transactional producer, and the decisions of
//! [`ExactlyOnce`] in between. What a stage counts and writes is its [`Counting`]; the rest is the same for all.
//!
//! It polls, hands records to the folds, and carries out what the machine wants, one thing after the other: so no
//! rebalance can come between a decision and the end of its transaction. docs/adr/0006 says why each end of a transaction
//! is answered as it is.

mod reader;
mod writer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use prometheus::IntCounter;
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::{BorrowedMessage, Message};
use tokio::time::Instant;

use self::reader::Reader;
use self::writer::{Trouble, Writer};
use super::client::ClientsConfig;
use super::context::{Change, StageContext};
use super::health::Health;
use super::thread::{Failure, Stop};
use crate::actors::clock::Clock;
use crate::domain::{
    Action, Commit, EpochMs, ExactlyOnce, Input, Life, LogFold, Offset, Outcome, Part, Transaction,
};
use crate::telemetry::kafka::{AssignmentChanged, PoisonPassed, TransactionEnded};

/// How long a poll waits for a record.
const IDLE: Duration = Duration::from_millis(50);

/// How long records are taken before the machine looks at them.
const SLICE: Duration = Duration::from_millis(20);

/// The same while the records are old. Each look may end in a transaction, and a transaction for every window of a backlog
/// would take longer than its records.
const SLICE_OF_BACKLOG: Duration = Duration::from_millis(250);

/// The age from which records are a backlog, in milliseconds: beyond it nobody waits for a single window.
const BACKLOG_MS: u64 = 10_000;

/// How many records are taken between two looks at the clock.
const STRIDE: u64 = 64;

/// Between two tries of what the brokers do not answer.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a stage looks at what may change of the topics.
const LOOK: Duration = Duration::from_secs(30);

/// How long a consumer may take to close.
const CLOSING: Duration = Duration::from_secs(5);

/// What is committed of each partition; nothing if nobody has committed for it.
pub type Commits = BTreeMap<usize, Option<Commit>>;

/// The consumer of such a thread.
pub type Consumer = BaseConsumer<StageContext>;

/// Who counts, and where.
#[derive(Debug, Clone)]
pub struct Member {
    /// How to reach Kafka.
    pub clients: ClientsConfig,
    /// The group that shares the stage's work.
    pub group: String,
    /// Of this instance alone, and the same after a restart.
    pub transactional_id: String,
    /// The stage's health.
    pub health: Arc<Health>,
    /// When it is.
    pub clock: Clock,
}

/// A record as a stage reads it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its place in its partition.
    pub offset: Offset,
    /// When it was appended.
    pub at: EpochMs,
    /// Empty if it has none.
    pub value: &'a [u8],
}

impl<'a> Record<'a> {
    fn of(message: &'a BorrowedMessage<'_>) -> Self {
        Self {
            offset: Offset(message.offset().try_into().unwrap_or_default()),
            at: EpochMs(
                message
                    .timestamp()
                    .to_millis()
                    .and_then(|at| at.try_into().ok())
                    .unwrap_or_default(),
            ),
            value: message.payload().unwrap_or_default(),
        }
    }
}

/// A record to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub topic: String,
    /// Which partition; without one the key decides.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<String>,
    /// The value.
    pub value: Vec<u8>,
}

/// Why a partition could not be restored.
#[derive(Debug)]
pub enum Unrestored {
    /// The brokers do not answer, or not yet with what is needed.
    NotNow(String),
    /// Trying again would not help, or not this thread.
    Hopeless(Failure),
}

impl Unrestored {
    /// For lack of an answer.
    pub fn not_now(cause: impl std::fmt::Display) -> Self {
        Self::NotNow(cause.to_string())
    }
}

/// What differs between the stages that count.
pub trait Counting: Send {
    /// The fold of one partition.
    type Fold: LogFold;

    /// The role of the topic that is read.
    const ROLE: &'static str;

    /// The topic that is read.
    fn topic(&self) -> &str;

    /// Looks at what it has to know of the topics. Done before each restore, and from time to time.
    ///
    /// # Errors
    ///
    /// Brokers that do not answer, and topics that do not go together.
    fn look(&mut self, consumer: &Consumer) -> Result<(), Unrestored>;

    /// Builds the folds of these partitions from what is committed.
    ///
    /// # Errors
    ///
    /// What a fold needs besides its commit is not to be had.
    fn restore(&mut self, commits: &Commits) -> Result<Vec<(usize, Self::Fold)>, Unrestored>;

    /// Hands a record to its fold.
    ///
    /// # Errors
    ///
    /// The reason why it has to be passed by.
    fn take(&mut self, fold: &mut Self::Fold, record: Record<'_>) -> Result<(), &'static str>;

    /// Passes by a record.
    fn skip(fold: &mut Self::Fold, offset: Offset);

    /// What one closing writes, in order.
    fn outputs(
        &self,
        partition: usize,
        closing: &<Self::Fold as LogFold>::Closing,
        commit: &Commit,
    ) -> Vec<Output>;

    /// A closing is committed.
    fn settled(&self, closing: &<Self::Fold as LogFold>::Closing);
}

type ClosingOf<C> = <<C as Counting>::Fold as LogFold>::Closing;

/// Counts until it is asked to stop. An open window is not flushed: the next life reads its records again.
///
/// # Errors
///
/// What ends the thread, and whether another one may do better.
pub fn count<C: Counting>(member: &Member, stage: C, stop: &Stop) -> Result<(), Failure> {
    let mut writer = Writer::new(member);
    // What an earlier life left open holds up the commits, so it is ended before anything is read.
    while !writer.try_init()? {
        if stop.is_asked() {
            return Ok(());
        }
    }
    let reader = Reader::join(member, stage.topic())?;
    let mut thread = Thread::new(member, stage, reader, writer);
    let done = thread.run(stop);
    let Thread { reader, writer, .. } = thread;
    close(member.health.stage(), move || drop((writer, reader)));
    done
}

/// A client of librdkafka may hang while it closes.
fn close(stage: &'static str, clients: impl FnOnce() + Send + 'static) {
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        clients();
        let _ = done.try_send(());
    });
    if is_done.recv_timeout(CLOSING).is_err() {
        tracing::warn!(stage, "kafka clients are left behind, they do not close");
    }
}

struct Thread<'a, C: Counting> {
    member: &'a Member,
    stage: C,
    machine: ExactlyOnce<C::Fold>,
    reader: Reader,
    writer: Writer,
    assigned: BTreeSet<usize>,
    /// What is to be restored.
    waiting: BTreeMap<usize, Life>,
    next_try: Instant,
    next_look: Instant,
    /// The transaction of which nobody knows how it ended, until the commits tell.
    doubtful: Vec<Part<ClosingOf<C>>>,
    num_read: IntCounter,
    num_written: IntCounter,
}

impl<'a, C: Counting> Thread<'a, C> {
    fn new(member: &'a Member, stage: C, reader: Reader, writer: Writer) -> Self {
        let records = &member.health.metrics().kafka.records;
        let counter = |direction| records.with_label_values(&[member.health.stage(), direction]);
        let now = Instant::now();
        Self {
            member,
            stage,
            machine: ExactlyOnce::new(),
            reader,
            writer,
            assigned: BTreeSet::new(),
            waiting: BTreeMap::new(),
            next_try: now,
            next_look: now + LOOK,
            doubtful: Vec::new(),
            num_read: counter("read"),
            num_written: counter("written"),
        }
    }

    fn run(&mut self, stop: &Stop) -> Result<(), Failure> {
        while !stop.is_asked() {
            self.poll()?;
            self.change()?;
            self.look();
            self.restore()?;
            let now = self.member.clock.now();
            let actions = self.machine.step(Input::Tick { now });
            self.act(actions, stop)?;
        }
        Ok(())
    }

    // === reading ===

    /// Takes records until there is none, or it is time to look at them.
    fn poll(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        let (mut wait, mut num_read, mut newest) = (IDLE, 0_u64, EpochMs(0));
        while let Some(polled) = self.reader.consumer.poll(wait) {
            match polled {
                Ok(message) => {
                    num_read += 1;
                    newest = newest.max(Record::of(&message).at);
                    take(&mut self.stage, &mut self.machine, self.member, &message);
                }
                Err(error) => self.reader.check(&error)?,
            }
            wait = Duration::ZERO;
            if num_read.is_multiple_of(STRIDE) && began.elapsed() >= self.slice(newest) {
                break;
            }
        }
        if num_read > 0 {
            self.num_read.inc_by(num_read);
            self.member.health.answered();
        }
        self.reader.check_fatal()
    }

    fn slice(&self, newest: EpochMs) -> Duration {
        if newest.0 + BACKLOG_MS < self.member.clock.now().0 {
            SLICE_OF_BACKLOG
        } else {
            SLICE
        }
    }

    /// Tells the machine what the group has changed.
    fn change(&mut self) -> Result<(), Failure> {
        for change in self.reader.take_changes() {
            match change {
                Change::Assigned(named) => {
                    let partitions = numbers(&named);
                    self.assigned.extend(&partitions);
                    let actions = self.machine.step(Input::Assigned(partitions));
                    self.note_restores(actions);
                }
                Change::Revoked(named) => {
                    let partitions = numbers(&named);
                    for partition in &partitions {
                        self.assigned.remove(partition);
                        self.waiting.remove(partition);
                    }
                    self.machine.step(Input::Revoked(partitions));
                }
            }
            let topic = self.stage.topic();
            let partitions = self.assigned.iter();
            let partitions: Vec<_> = partitions.map(|one| format!("{topic}/{one}")).collect();
            AssignmentChanged {
                stage: self.member.health.stage(),
                partitions: &partitions,
            }
            .emit(self.member.health.metrics());
        }
        Ok(())
    }

    fn look(&mut self) {
        if Instant::now() < self.next_look {
            return;
        }
        self.next_look = Instant::now() + LOOK;
        // What cannot be seen now is as it was.
        if let Err(error) = self.stage.look(&self.reader.consumer) {
            tracing::debug!(
                stage = self.member.health.stage(),
                ?error,
                "topics not seen"
            );
        }
    }

    // === restoring ===

    fn note_restores(&mut self, actions: Vec<Action<ClosingOf<C>>>) {
        for action in actions {
            if let Action::Restore { partition, life } = action {
                self.waiting.insert(partition, life);
            }
        }
    }

    /// Restores all that waits for it at once: moving the consumer moves it in all partitions.
    fn restore(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() || Instant::now() < self.next_try {
            return Ok(());
        }
        match self.restored() {
            Ok(folds) => {
                self.member.health.answered();
                for (partition, fold) in folds {
                    let Some(life) = self.waiting.remove(&partition) else {
                        continue;
                    };
                    self.machine.step(Input::Restored {
                        partition,
                        life,
                        fold,
                    });
                }
                Ok(())
            }
            Err(Unrestored::Hopeless(failure)) => Err(failure),
            Err(Unrestored::NotNow(cause)) => {
                let stage = self.member.health.stage();
                tracing::debug!(stage, cause, "not restored yet");
                self.next_try = Instant::now() + PAUSE;
                for (partition, life) in std::mem::take(&mut self.waiting) {
                    let actions = self.machine.step(Input::RestoreFailed { partition, life });
                    self.note_restores(actions);
                }
                Ok(())
            }
        }
    }

    fn restored(&mut self) -> Result<Vec<(usize, C::Fold)>, Unrestored> {
        self.reader.halt()?;
        self.stage.look(&self.reader.consumer)?;
        let commits = self.reader.commits(self.waiting.keys())?;
        let mut folds = self.stage.restore(&commits)?;
        for (partition, fold) in &mut folds {
            let start = self.reader.start(*partition)?;
            if start > fold.position() {
                self.warn_of_gap(*partition, fold.position(), start, &commits);
                C::skip(fold, Offset(start.0 - 1));
            }
        }
        let restored = folds.iter().map(|(partition, fold)| (*partition, fold));
        let positions = self.machine.folds().chain(restored);
        let positions = positions.map(|(partition, fold)| (partition, fold.position()));
        self.reader.start_at(positions)?;
        self.settle_doubtful(&commits);
        Ok(folds)
    }

    fn warn_of_gap(&self, partition: usize, from: Offset, to: Offset, commits: &Commits) {
        if commits.get(&partition).is_some_and(Option::is_some) {
            tracing::error!(
                topic = self.stage.topic(),
                partition,
                from = from.0,
                to = to.0,
                "records were deleted before they were counted, lengthen the topic's retention"
            );
        }
    }

    /// What was committed after all is settled; what was not is read again.
    fn settle_doubtful(&mut self, commits: &Commits) {
        for part in std::mem::take(&mut self.doubtful) {
            if commits.get(&part.partition) == Some(&Some(part.commit)) {
                self.stage.settled(&part.closing);
            }
        }
    }

    // === acting ===

    fn act(&mut self, actions: Vec<Action<ClosingOf<C>>>, stop: &Stop) -> Result<(), Failure> {
        let mut to_do = VecDeque::from(actions);
        let mut is_answered = true;
        while let Some(action) = to_do.pop_front() {
            match action {
                Action::Restore { partition, life } => {
                    self.waiting.insert(partition, life);
                }
                Action::ProveEnd { partition } if is_answered => {
                    let proof = self.prove(partition);
                    is_answered = proof.is_some();
                    to_do.extend(proof.into_iter().flat_map(|proof| self.machine.step(proof)));
                }
                // Who does not answer for one partition need not be asked for the next.
                Action::ProveEnd { .. } => {}
                Action::Transact(transaction) => {
                    let outcome = self.transact(transaction);
                    to_do.extend(self.machine.step(Input::TransactionEnded(outcome)));
                }
                Action::RebuildProducer => self.rebuild(stop)?,
                Action::Halt(why) => return Err(self.reader.halted(why)),
            }
        }
        Ok(())
    }

    fn prove(&self, partition: usize) -> Option<Input<C::Fold>> {
        let asked_at = self.member.clock.now();
        let (end, position) = self.reader.log_end(partition)?;
        self.member.health.answered();
        Some(Input::LogEnd {
            partition,
            asked_at,
            end,
            position,
        })
    }

    fn transact(&mut self, transaction: Transaction<ClosingOf<C>>) -> Outcome {
        let began = Instant::now();
        let Transaction { parts } = transaction;
        let outputs = parts.iter();
        let outputs = outputs.flat_map(|part| {
            let (partition, commit) = (part.partition, &part.commit);
            self.stage.outputs(partition, &part.closing, commit)
        });
        let outputs: Vec<Output> = outputs.collect();
        let commits = parts.iter().map(|part| (part.partition, part.commit));
        let ended = match self.reader.membership() {
            Some(membership) => self
                .reader
                .offsets(commits)
                .map_err(Trouble::unclear)
                .and_then(|offsets| self.writer.transact(&outputs, &offsets, &membership)),
            None => Err(Trouble::lost()),
        };
        let (outcome, cause) = match ended {
            Ok(()) => (Outcome::Committed, None),
            Err(trouble) => (trouble.outcome, Some(trouble.cause)),
        };
        TransactionEnded {
            stage: self.member.health.stage(),
            outcome: name(outcome),
            took: began.elapsed(),
            cause_opt: cause.as_deref(),
        }
        .emit(self.member.health.metrics());
        match outcome {
            Outcome::Committed => {
                self.member.health.answered();
                self.num_written.inc_by(outputs.len() as u64);
                parts
                    .iter()
                    .for_each(|part| self.stage.settled(&part.closing));
            }
            Outcome::Unclear => self.doubtful = parts,
            Outcome::Aborted | Outcome::Fenced => {}
        }
        outcome
    }

    /// The group is kept meanwhile, and what it changes is told later, in order.
    fn rebuild(&mut self, stop: &Stop) -> Result<(), Failure> {
        self.writer.destroy();
        while !self.writer.try_init()? && !stop.is_asked() {
            // Records that are read here are read again: nothing is restored before this is done.
            if let Some(Err(error)) = self.reader.consumer.poll(Duration::ZERO) {
                self.reader.check(&error)?;
            }
            self.reader.check_fatal()?;
        }
        Ok(())
    }
}

fn take<C: Counting>(
    stage: &mut C,
    machine: &mut ExactlyOnce<C::Fold>,
    member: &Member,
    message: &BorrowedMessage<'_>,
) {
    let partition = usize::try_from(message.partition()).unwrap_or_default();
    let Some(fold) = machine.fold_mut(partition) else {
        return;
    };
    let record = Record::of(message);
    if let Err(reason) = stage.take(fold, record) {
        C::skip(fold, record.offset);
        PoisonPassed {
            role: C::ROLE,
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            reason,
        }
        .emit(member.health.metrics());
    }
}

fn numbers(named: &[(String, i32)]) -> Vec<usize> {
    let numbers = named
        .iter()
        .filter_map(|(_, partition)| (*partition).try_into().ok());
    numbers.collect()
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Committed => "committed",
        Outcome::Aborted => "aborted",
        Outcome::Unclear => "unclear",
        Outcome::Fenced => "fenced",
    }
}
