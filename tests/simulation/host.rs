//! One instance of a stage: what the thread around the state machine does, one request to the broker at a time, so that
//! it can be cut off, stopped or killed between any two.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use emostream::domain::{
    Action, Commit, EpochMs, ExactlyOnce, Halt, Input, Life, LogFold, Offset, Outcome, Transaction,
};

use crate::broker::{Broker, Refusal};
use crate::group::{Group, Notice};
use crate::record::{Payload, Place};
use crate::roles::Role;
use crate::world::{Fault, Trouble, World};

/// How many records one poll gives at most.
const MAX_POLL: u64 = 8;

pub(crate) struct Host<R: Role> {
    /// The transactional id.
    pub(crate) id: usize,
    pub(crate) fault: Fault,
    pub(crate) trouble: Trouble,
    /// Not scheduled before: stopped, with everything in its hands.
    pub(crate) stopped_until: u64,
    /// Gets no records and no answers about them before, while all else works.
    pub(crate) stalled_until: u64,
    pub(crate) is_halted: bool,
    member: u64,
    generation: u64,
    epoch: u64,
    /// How far its clock is from the true time.
    skew_ms: i64,
    /// How much more lateness than the others this life is configured with.
    more_lateness: Duration,
    machine: ExactlyOnce<R::Fold>,
    consumer: BTreeMap<usize, Offset>,
    to_do: VecDeque<Todo<R>>,
    transaction: VecDeque<Request>,
}

type Todo<R> = Action<<<R as Role>::Fold as LogFold>::Closing>;

enum Request {
    Produce(Place, Payload),
    SendOffsets(Vec<(usize, Commit)>),
    End,
}

impl<R: Role> Host<R> {
    /// `member` is new with every life; `id` is not.
    pub(crate) fn start(id: usize, member: u64, rng: &mut fastrand::Rng, fault: Fault) -> Self {
        Self {
            id,
            fault,
            trouble: Trouble::default(),
            stopped_until: 0,
            stalled_until: 0,
            is_halted: false,
            member,
            generation: 0,
            epoch: 0,
            skew_ms: rng.i64(-100..=100),
            more_lateness: Duration::from_millis(rng.u64(..=2) * 150),
            machine: ExactlyOnce::new(),
            consumer: BTreeMap::new(),
            to_do: VecDeque::from([Action::RebuildProducer]),
            transaction: VecDeque::new(),
        }
    }

    /// The next thing the thread would do.
    pub(crate) fn step(&mut self, world: &mut World<'_>) {
        if self.is_halted || world.now < self.stopped_until {
            return;
        }
        if let Some(request) = self.transaction.pop_front() {
            if let Some(outcome) = self.request(world, request) {
                self.transaction.clear();
                self.tell(Input::TransactionEnded(outcome));
            }
            return;
        }
        // A rebalance never comes between the decision to write and the end of the transaction.
        let is_about_to_write = matches!(self.to_do.front(), Some(Action::Transact(_)));
        if self.epoch > 0 && !is_about_to_write {
            self.poll_group(world);
        }
        match self.to_do.pop_front() {
            Some(action) => self.act(world, action),
            None => self.poll_log(world),
        }
    }

    /// Whether it is in the middle of something.
    pub(crate) fn is_busy(&self) -> bool {
        let has_work = !self.to_do.is_empty() || !self.transaction.is_empty();
        has_work && !self.is_halted
    }

    pub(crate) fn leave(&self, broker: &mut Broker) {
        group::<R>(broker).leave(self.member);
    }

    fn tell(&mut self, input: Input<R::Fold>) {
        let actions = self.machine.step(input);
        self.to_do.extend(actions);
    }

    fn clock(&self, world: &World<'_>) -> EpochMs {
        EpochMs(world.now.saturating_add_signed(self.skew_ms))
    }

    // === polling ===

    fn poll_group(&mut self, world: &mut World<'_>) {
        let notice = group::<R>(world.broker).poll(self.member, self.generation, world.now);
        match notice {
            Notice::Stay => {}
            Notice::GiveBack => {
                self.give_back(world);
                group::<R>(world.broker).give_back(self.member);
            }
            Notice::Assigned(generation, partitions) => {
                self.give_back(world);
                self.generation = generation;
                self.tell(Input::Assigned(partitions));
            }
            Notice::ThrownOut => {
                self.give_back(world);
                group::<R>(world.broker).join(self.member, world.now);
            }
        }
    }

    fn give_back(&mut self, world: &mut World<'_>) {
        self.trouble.revoked += 1;
        if self.fault == Fault::FlushOnRevoke {
            self.flush(world);
        }
        let partitions: Vec<usize> = self
            .machine
            .folds()
            .map(|(partition, _)| partition)
            .collect();
        // Those being restored are revoked as well.
        let all = (0..world.settings.num_inputs).chain(partitions).collect();
        self.tell(Input::Revoked(all));
        self.consumer.clear();
        self.to_do
            .retain(|action| matches!(action, Action::RebuildProducer | Action::Halt(_)));
    }

    /// Applies what is there of one partition, and lets the machine look at it.
    fn poll_log(&mut self, world: &mut World<'_>) {
        let assigned: Vec<usize> = self.consumer.keys().copied().collect();
        if let Some(&partition) = world.rng.choice(&assigned)
            && world.now >= self.stalled_until
        {
            self.fetch(world, partition);
        }
        let now = self.clock(world);
        self.tell(Input::Tick { now });
    }

    fn fetch(&mut self, world: &mut World<'_>, partition: usize) {
        let place = (R::INPUT, partition);
        let end = world.broker.end(place);
        let at_most = world.rng.u64(1..=MAX_POLL);
        let Some(fold) = self.machine.fold_mut(partition) else {
            return;
        };
        let position = self.consumer.entry(partition).or_default();
        let stop = Offset(position.0 + at_most).min(end);
        while *position < stop {
            if let Some(payload) = world.broker.read(place, *position) {
                R::apply(world.settings, fold, *position, payload);
            }
            *position = position.next();
        }
    }

    // === actions ===

    fn act(&mut self, world: &mut World<'_>, action: Todo<R>) {
        match action {
            Action::Restore { partition, life } => self.restore(world, partition, life),
            Action::ProveEnd { partition } => self.prove_end(world, partition),
            Action::Transact(transaction) => self.begin(world, transaction),
            Action::RebuildProducer => match world.broker.init(self.id) {
                Ok(epoch) => self.epoch = epoch,
                Err(_) => self.to_do.push_front(Action::RebuildProducer),
            },
            Action::Halt(Halt::Fenced) => {
                self.trouble.fenced += 1;
                self.is_halted = true;
                self.leave(world.broker);
            }
            Action::Halt(halt) => {
                self.is_halted = true;
                world.broker.violations.push(format!("halted: {halt:?}"));
            }
        }
    }

    fn restore(&mut self, world: &World<'_>, partition: usize, life: Life) {
        let Some(fold) = self.restored(world, partition) else {
            self.trouble.unstable += 1;
            return self.tell(Input::RestoreFailed { partition, life });
        };
        self.tell(Input::Restored {
            partition,
            life,
            fold,
        });
    }

    fn restored(&mut self, world: &World<'_>, partition: usize) -> Option<R::Fold> {
        let mut settings = world.settings.clone();
        settings.timing.lateness += self.more_lateness;
        let committed = world.broker.committed(R::STAGE, partition).ok()?;
        let Some((offset, metadata)) = committed else {
            self.consumer.insert(partition, Offset(0));
            return Some(R::start(&settings));
        };
        let commit = Commit::read(*offset, metadata).expect("it was written here");
        let fold = match self.fault {
            Fault::NoMetadata => R::start(&settings),
            _ => R::restore(&settings, world.broker, partition, &commit)?,
        };
        self.consumer.insert(partition, *offset);
        Some(fold)
    }

    fn prove_end(&mut self, world: &World<'_>, partition: usize) {
        let asked_at = self.clock(world);
        let Some(&position) = self.consumer.get(&partition) else {
            return;
        };
        let end = match self.fault {
            // Even so it reads again what it has read.
            Fault::CloseOnSilence if self.has_caught_up(partition) => position,
            _ if world.now < self.stalled_until => return,
            _ => world.broker.end((R::INPUT, partition)),
        };
        self.trouble.proofs += 1;
        self.tell(Input::LogEnd {
            partition,
            asked_at,
            end,
            position,
        });
    }

    fn has_caught_up(&self, partition: usize) -> bool {
        let mut folds = self.machine.folds();
        folds.any(|(of, fold)| of == partition && fold.position() >= fold.must_reach())
    }

    // === transactions ===

    fn begin(
        &mut self,
        world: &World<'_>,
        transaction: Transaction<<R::Fold as LogFold>::Closing>,
    ) {
        let mut commits = Vec::new();
        for part in transaction.parts {
            commits.push((part.partition, part.commit));
            let outputs = R::outputs(world.settings, part.partition, part.closing, &part.commit);
            let outputs = outputs.into_iter();
            self.transaction
                .extend(outputs.map(|(place, payload)| Request::Produce(place, payload)));
        }
        self.transaction.push_back(Request::SendOffsets(commits));
        self.transaction.push_back(Request::End);
    }

    /// One request of a transaction; how the transaction has ended, if it has.
    fn request(&mut self, world: &mut World<'_>, request: Request) -> Option<Outcome> {
        let is_lost = world.is_rough && world.rng.u8(..100) < 2;
        if is_lost && world.rng.bool() {
            return Some(self.unclear());
        }
        let answer = match request {
            Request::End => return Some(self.end(world, true)),
            Request::Produce(place, payload) => {
                let broker = &mut world.broker;
                let answer = broker.produce(self.id, self.epoch, world.now, place, payload.clone());
                if answer == Err(Refusal::Busy) {
                    self.transaction
                        .push_front(Request::Produce(place, payload));
                    return None;
                }
                answer
            }
            Request::SendOffsets(commits) => {
                let producer = (self.id, self.epoch);
                world
                    .broker
                    .send_offsets(producer, world.now, R::STAGE, self.generation, &commits)
            }
        };
        match answer {
            _ if is_lost => Some(self.unclear()),
            Ok(()) if world.is_rough && world.rng.u8(..100) < 1 => Some(self.end(world, false)),
            Ok(()) => None,
            Err(Refusal::StaleGeneration) => Some(self.end(world, false)),
            Err(Refusal::Fenced) => Some(Outcome::Fenced),
            Err(Refusal::Expired | Refusal::Busy) => Some(self.unclear()),
        }
    }

    fn end(&mut self, world: &mut World<'_>, commit: bool) -> Outcome {
        let fate = if world.is_rough {
            world.rng.u8(..100)
        } else {
            100
        };
        let (id, epoch) = (self.id, self.epoch);
        match fate {
            // Lost on the way there.
            0..6 => return self.unclear(),
            // Still on the way.
            6..10 if commit => {
                world.broker.delay_end(id, epoch);
                return self.unclear();
            }
            _ => {}
        }
        let answer = world.broker.end_transaction(id, epoch, commit);
        match answer {
            Err(Refusal::Fenced) => Outcome::Fenced,
            Err(_) => self.unclear(),
            // The reply is lost.
            Ok(()) if fate < 18 => self.unclear(),
            Ok(()) if commit => Outcome::Committed,
            Ok(()) => {
                self.trouble.aborted += 1;
                Outcome::Aborted
            }
        }
    }

    fn unclear(&mut self) -> Outcome {
        self.trouble.unclear += 1;
        Outcome::Unclear
    }

    /// The planted fault: closes what is open, at once and for good.
    fn flush(&mut self, world: &mut World<'_>) {
        let timing = world.settings.timing;
        let wait = timing.window.duration() + timing.lateness + timing.silence_margin;
        let after_all = EpochMs(world.now + wait.as_millis() as u64);
        let restored: Vec<usize> = self
            .machine
            .folds()
            .map(|(partition, _)| partition)
            .collect();
        for partition in restored {
            if let Some(fold) = self.machine.fold_mut(partition) {
                fold.read_through(fold.position(), after_all);
            }
        }
        let now = after_all;
        for action in self.machine.step(Input::Tick { now }) {
            let Action::Transact(transaction) = action else {
                continue;
            };
            self.begin(world, transaction);
            let requests = std::mem::take(&mut self.transaction);
            let outcomes: Vec<_> = requests
                .into_iter()
                .map(|request| self.request(world, request))
                .collect();
            let outcome = outcomes
                .into_iter()
                .flatten()
                .next()
                .unwrap_or(Outcome::Unclear);
            self.transaction.clear();
            self.tell(Input::TransactionEnded(outcome));
        }
    }
}

fn group<R: Role>(broker: &mut Broker) -> &mut Group {
    broker.groups.entry(R::STAGE).or_default()
}
