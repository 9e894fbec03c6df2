//! The one thread that counts exactly once: a consumer, a transactional producer, and the decisions of
//! [`ExactlyOnce`] in between. What a stage counts and writes is its [`Counting`]; the rest is the same for all.
//!
//! It polls, hands records to the folds, and carries out what the machine wants, one thing after the other: so no
//! rebalance can come between a decision and the end of its transaction. docs/adr/0006 says why each end of a transaction
//! is answered as it is.

mod acting;
mod reader;
mod restoring;
mod stage;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use prometheus::IntCounter;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::time::Instant;

use self::reader::Reader;
use self::stage::ClosingOf;
use self::writer::Writer;
use super::context::{Change, close};
use super::thread::{Failure, Stop};
use crate::domain::{EpochMs, ExactlyOnce, Input, Life, Outcome, Part};
use crate::telemetry::kafka::{AssignmentChanged, PoisonPassed};

pub use self::stage::{Commits, Consumer, Counting, Member, Output, Record, Unrestored};

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
    close(member.health.stage(), (writer, reader), CLOSING);
    done
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
    /// For how long that has failed.
    delay: restoring::Delay,
    /// The partitions of which it was told that nothing is committed: it stays so until the first window closes.
    told_uncommitted: BTreeSet<usize>,
    /// The log does not have a place where the consumer stood.
    is_out_of_range: bool,
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
            delay: restoring::Delay::default(),
            told_uncommitted: BTreeSet::new(),
            is_out_of_range: false,
            next_try: now,
            next_look: now + LOOK,
            doubtful: Vec::new(),
            num_read: counter("read"),
            num_written: counter("written"),
        }
    }

    fn run(&mut self, stop: &Stop) -> Result<(), Failure> {
        while !stop.is_asked() {
            self.poll();
            self.writer.serve();
            self.check(stop)?;
            self.change();
            self.find_place();
            self.look();
            stop.beat();
            self.restore()?;
            stop.beat();
            let now = self.member.clock.now();
            let actions = self.machine.step(Input::Tick { now });
            self.act(actions, stop)?;
        }
        Ok(())
    }

    // === reading ===

    /// Takes records until there is none, or it is time to look at them.
    fn poll(&mut self) {
        let began = Instant::now();
        self.stage.begin(self.member.clock.now());
        let (mut wait, mut num_read, mut newest) = (IDLE, 0_u64, EpochMs(0));
        while let Some(polled) = self.reader.consumer.poll(wait) {
            // Errors are told to the context as well; what is fatal is looked for at every turn.
            match polled {
                Ok(message) => {
                    num_read += 1;
                    newest = newest.max(Record::of(&message).at);
                    take(&mut self.stage, &mut self.machine, self.member, &message);
                }
                Err(error) => self.is_out_of_range |= reader::is_out_of_range(&error),
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
    }

    /// Whether the consumer can go on. A group fences a member when another one comes with its name, but also when a
    /// member that was cut off for longer than its session is asked by its own older requests. The producer knows better:
    /// an instance takes over the transactions first, and joins the group then.
    fn check(&mut self, stop: &Stop) -> Result<(), Failure> {
        match self.reader.fatal() {
            None => return Ok(()),
            Some((RDKafkaErrorCode::FencedInstanceId, _)) => {}
            Some((_, sentence)) => return Err(Failure::Passing(sentence)),
        }
        let whose = self
            .reader
            .probe()
            .map(|(offsets, membership)| self.writer.ask_whose(&offsets, &membership));
        match whose.unwrap_or(Outcome::Unclear) {
            Outcome::Fenced => return Err(writer::fenced(&self.member.transactional_id)),
            Outcome::Unclear => self.rebuild(stop)?,
            Outcome::Aborted | Outcome::Committed => {}
        }
        self.rejoin()
    }

    /// Joins the group as a new consumer, with nothing in hand.
    fn rejoin(&mut self) -> Result<(), Failure> {
        let stage = self.member.health.stage();
        tracing::warn!(
            stage,
            "joining the group again, it had taken this member for another"
        );
        let assigned = std::mem::take(&mut self.assigned);
        self.waiting.clear();
        self.machine
            .step(Input::Revoked(assigned.into_iter().collect()));
        let reader = Reader::join(self.member, self.stage.topic())?;
        let old = std::mem::replace(&mut self.reader, reader);
        close(stage, old, CLOSING);
        Ok(())
    }

    fn slice(&self, newest: EpochMs) -> Duration {
        if newest.0 + BACKLOG_MS < self.member.clock.now().0 {
            SLICE_OF_BACKLOG
        } else {
            SLICE
        }
    }

    /// Tells the machine what the group has changed.
    fn change(&mut self) {
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
