//! Exactly once: the protocol between a log and the folds that read it, as a state machine.
//!
//! One thread owns a consumer, a transactional producer and this machine. The thread does what only it can do (poll,
//! produce, ask the broker) and tells the machine; the machine decides what comes next. It knows no client library, so
//! that a simulation runs the very same decisions through every crash there is.
//!
//! # The protocol
//!
//! ```text
//!  Assigned ──► Restore ──► Restored(fold) ──► records, Tick ──► Transact ──► Committed ──► records, Tick …
//!                  ▲                                                │
//!                  ├──────────────── Aborted ◄──────────────────────┤
//!                  └── RebuildProducer ◄── Unclear ◄────────────────┘
//!  Revoked: the fold is dropped. Nothing is written.
//! ```
//!
//! 1. **A partition is restored before it is read.** [`Action::Restore`] asks for the committed offset and metadata, read
//!    as *stable* (no transaction of another instance is pending on them), and for a consumer that stands at the
//!    position of the fold built from them.
//! 2. **Records go straight into the fold** ([`ExactlyOnce::fold_mut`]); there is none for a partition that is not ours.
//! 3. **Every closing is one transaction** ([`Action::Transact`]): outputs, and per partition a [`Commit`]. Offsets are
//!    never committed in another way, and never without a closing: a commit that closes nothing could leave a carried
//!    record in an open window and yet call it decided.
//! 4. **Closing changes the fold.** So whatever does not end as committed drops all folds, and they are restored.
//! 5. **An unclear end** (a time-out, a fatal error, an error of no known kind) may have been a commit. It takes a new
//!    producer, whose initialisation ends the old transaction one way or the other; only then is the commit read again.
//! 6. **Revoked means dropped.** An open window is not flushed: the next owner reads its records again, so what was
//!    flushed would be counted twice.
//! 7. **A partition is called read to its end only after the broker has said so** ([`Action::ProveEnd`]): windows close by
//!    the clock on that proof alone, never on silence.
//! 8. **A log shorter than its commit, or than what was read of it,** is not the same log any more (deleted and made anew,
//!    or cut after a loss): the machine stops rather than count from a guess.
//!
//! # What the thread owes the machine
//!
//! - Rebalances are told in the order they happen and never between `Transact` and its end; the group metadata that is
//!   sent with the offsets is taken on this thread, right before sending.
//! - After a restore it hands over records from the fold's position on, and none that was fetched before.
//! - It keeps polling while the broker is away: a restore that fails is told ([`Input::RestoreFailed`]) and asked for
//!   again.

use std::collections::BTreeMap;

use super::{Commit, EpochMs, Offset};

/// A fold over one partition of a log that can be rebuilt from its last [`Commit`].
pub trait LogFold {
    /// What one closing writes.
    type Closing;

    /// Everything before it has been read: where the consumer stands.
    fn position(&self) -> Offset;

    /// Where reading had come by the commit that the fold was restored from. Nothing closes before that.
    fn must_reach(&self) -> Offset;

    /// The broker has said that `end` is the log's end, asked at the moment `at`, and everything before it was applied.
    fn read_through(&mut self, end: Offset, at: EpochMs);

    /// Whether such a proof, asked for now, would let something close.
    fn wants_proof(&self, now: EpochMs) -> bool;

    /// Closes what is due. None means that nothing is and that the fold is as before.
    fn close(&mut self) -> Option<(Self::Closing, Commit)>;
}

/// Which life of an assigned partition an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life(u64);

/// What the thread tells the machine.
#[derive(Debug)]
pub enum Input<F> {
    /// The group gives us these partitions, besides those we keep.
    Assigned(Vec<usize>),
    /// The group takes these back, or has given them away already.
    Revoked(Vec<usize>),
    /// A restore has ended: the fold, and the consumer stands at its position.
    Restored {
        /// The partition.
        partition: usize,
        /// As in the request.
        life: Life,
        /// Built from the commit, or from the beginning if there is none.
        fold: F,
    },
    /// A restore could not be done now: the broker is away, or the commit is not stable yet.
    RestoreFailed {
        /// The partition.
        partition: usize,
        /// As in the request.
        life: Life,
    },
    /// The broker's answer to [`Action::ProveEnd`]. No answer is no input; it is asked for again.
    LogEnd {
        /// The partition.
        partition: usize,
        /// When the question was sent.
        asked_at: EpochMs,
        /// The log's end as the broker says: the offset that the next record gets.
        end: Offset,
        /// Where the consumer stands, counting only what was handed over, but also markers that are no records.
        position: Offset,
    },
    /// The end of one poll, with records or without.
    Tick {
        /// The clock.
        now: EpochMs,
    },
    /// How [`Action::Transact`] has ended.
    TransactionEnded(Outcome),
}

/// How a transaction has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The broker has said that it is committed.
    Committed,
    /// The broker has said that it is aborted.
    Aborted,
    /// Nobody knows, or the producer is of no use any more.
    Unclear,
    /// Another producer has taken our transactional id.
    Fenced,
}

/// What the machine wants done. Actions are carried out in the order given.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<C> {
    /// Read the stable commit, build the fold, move the consumer to its position, answer with [`Input::Restored`] or
    /// [`Input::RestoreFailed`]. A commit that cannot be read ends the thread.
    Restore {
        /// The partition.
        partition: usize,
        /// For the answer.
        life: Life,
    },
    /// Ask the broker where the log ends and answer with [`Input::LogEnd`].
    ProveEnd {
        /// The partition.
        partition: usize,
    },
    /// Begin, produce, send the offsets, commit; on an error that asks for it abort. Answer with
    /// [`Input::TransactionEnded`].
    Transact(Transaction<C>),
    /// Destroy the producer, make a new one with the same transactional id and initialise it, until that succeeds.
    RebuildProducer,
    /// Stop for good and say why.
    Halt(Halt),
}

/// One transaction.
#[derive(Debug, PartialEq, Eq)]
pub struct Transaction<C> {
    /// At most one part per partition.
    pub parts: Vec<Part<C>>,
}

/// What a transaction holds of one partition.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<C> {
    /// The partition that was read.
    pub partition: usize,
    /// What to write.
    pub closing: C,
    /// What to commit for it.
    pub commit: Commit,
}

/// Why the machine does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// Another producer has taken our transactional id: two instances are configured alike.
    Fenced,
    /// The log ends before the place up to which it was read.
    LogTooShort {
        /// The partition.
        partition: usize,
        /// Its end.
        end: Offset,
        /// Up to where it had been read.
        committed: Offset,
    },
}

/// The machine; see the head of this file.
#[derive(Debug)]
pub struct ExactlyOnce<F> {
    /// What is assigned.
    partitions: BTreeMap<usize, Assigned<F>>,
    phase: Phase,
    lives: u64,
}

#[derive(Debug)]
struct Assigned<F> {
    life: Life,
    /// None while it is being restored.
    fold: Option<F>,
    /// Where it stood at the last tick.
    seen: Option<Offset>,
    /// The log's end and when it was asked for, while the fold has not come there.
    end: Option<(Offset, EpochMs)>,
}

impl<F: LogFold> Assigned<F> {
    /// Takes an earlier answer about the log's end as the proof it has become, once everything before it was read.
    fn reach_end(&mut self) {
        if let (Some(fold), Some((end, asked_at))) = (&mut self.fold, self.end)
            && fold.position() >= end
        {
            fold.read_through(end, asked_at);
            self.end = None;
        }
    }

    /// Whether to ask for the log's end. While records come an answer is on its way to be true; if they stop short of
    /// it (what is left may be no records), it is asked for anew.
    fn needs_proof(&mut self, now: EpochMs) -> bool {
        let Some(fold) = &self.fold else {
            return false;
        };
        let seen = self.seen.replace(fold.position());
        let is_moving = seen != self.seen;
        let is_on_its_way = is_moving && self.end.is_some();
        fold.wants_proof(now) && !is_on_its_way
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    Transacting,
    Halted,
}

impl<F> Default for ExactlyOnce<F> {
    fn default() -> Self {
        Self {
            partitions: BTreeMap::new(),
            phase: Phase::Reading,
            lives: 0,
        }
    }
}

impl<F: LogFold> ExactlyOnce<F> {
    /// A machine without partitions.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fold that takes the records of a partition. None while it is not ours or not restored.
    pub fn fold_mut(&mut self, partition: usize) -> Option<&mut F> {
        self.partitions.get_mut(&partition)?.fold.as_mut()
    }

    /// Every restored partition with its fold.
    pub fn folds(&self) -> impl Iterator<Item = (usize, &F)> {
        let assigned = self.partitions.iter();
        assigned.filter_map(|(&partition, assigned)| Some((partition, assigned.fold.as_ref()?)))
    }

    /// Takes one input and says what to do now.
    pub fn step(&mut self, input: Input<F>) -> Vec<Action<F::Closing>> {
        if self.phase == Phase::Halted {
            return Vec::new();
        }
        match input {
            Input::Assigned(partitions) => self.restore(partitions),
            Input::Revoked(partitions) => {
                for partition in partitions {
                    self.partitions.remove(&partition);
                }
                Vec::new()
            }
            Input::Restored {
                partition,
                life,
                fold,
            } => {
                if let Some(assigned) = self.waiting(partition, life) {
                    assigned.fold = Some(fold);
                }
                Vec::new()
            }
            Input::RestoreFailed { partition, life } => {
                let waiting = self.waiting(partition, life);
                waiting
                    .map(|_| Action::Restore { partition, life })
                    .into_iter()
                    .collect()
            }
            Input::LogEnd {
                partition,
                asked_at,
                end,
                position,
            } => self.log_end(partition, asked_at, end, position),
            Input::Tick { now } => self.tick(now),
            Input::TransactionEnded(outcome) => self.transaction_ended(outcome),
        }
    }

    /// The partition, if it waits for just this answer.
    fn waiting(&mut self, partition: usize, life: Life) -> Option<&mut Assigned<F>> {
        let assigned = self.partitions.get_mut(&partition)?;
        (assigned.life == life && assigned.fold.is_none()).then_some(assigned)
    }

    fn restore(&mut self, partitions: Vec<usize>) -> Vec<Action<F::Closing>> {
        let restore = |partition| {
            self.lives += 1;
            let life = Life(self.lives);
            let assigned = Assigned {
                life,
                fold: None,
                seen: None,
                end: None,
            };
            self.partitions.insert(partition, assigned);
            Action::Restore { partition, life }
        };
        partitions.into_iter().map(restore).collect()
    }

    fn log_end(
        &mut self,
        partition: usize,
        asked_at: EpochMs,
        end: Offset,
        position: Offset,
    ) -> Vec<Action<F::Closing>> {
        let Some(assigned) = self.partitions.get_mut(&partition) else {
            return Vec::new();
        };
        let Some(fold) = &mut assigned.fold else {
            return Vec::new();
        };
        // A log that is made anew is shorter than what was read of the old one, even before anything was committed.
        let committed = fold.must_reach().max(fold.position());
        if end < committed {
            return self.halt(Halt::LogTooShort {
                partition,
                end,
                committed,
            });
        }
        if position.max(fold.position()) < end {
            assigned.end = Some((end, asked_at));
        } else {
            fold.read_through(end, asked_at);
        }
        Vec::new()
    }

    fn tick(&mut self, now: EpochMs) -> Vec<Action<F::Closing>> {
        self.partitions.values_mut().for_each(Assigned::reach_end);
        let parts = self.close();
        if !parts.is_empty() {
            self.phase = Phase::Transacting;
            return vec![Action::Transact(Transaction { parts })];
        }
        let mut proofs = Vec::new();
        for (&partition, assigned) in &mut self.partitions {
            if assigned.needs_proof(now) {
                proofs.push(Action::ProveEnd { partition });
            }
        }
        proofs
    }

    fn close(&mut self) -> Vec<Part<F::Closing>> {
        debug_assert_eq!(self.phase, Phase::Reading, "one transaction at a time");
        let mut parts = Vec::new();
        for (&partition, assigned) in &mut self.partitions {
            let closed = assigned.fold.as_mut().and_then(LogFold::close);
            parts.extend(closed.map(|(closing, commit)| Part {
                partition,
                closing,
                commit,
            }));
        }
        parts
    }

    fn transaction_ended(&mut self, outcome: Outcome) -> Vec<Action<F::Closing>> {
        debug_assert_eq!(self.phase, Phase::Transacting, "it ends once");
        self.phase = Phase::Reading;
        match outcome {
            Outcome::Committed => Vec::new(),
            Outcome::Aborted => self.restore_all(),
            Outcome::Unclear => {
                let mut actions = vec![Action::RebuildProducer];
                actions.extend(self.restore_all());
                actions
            }
            Outcome::Fenced => self.halt(Halt::Fenced),
        }
    }

    fn restore_all(&mut self) -> Vec<Action<F::Closing>> {
        let partitions = self.partitions.keys().copied().collect();
        self.restore(partitions)
    }

    fn halt(&mut self, why: Halt) -> Vec<Action<F::Closing>> {
        self.phase = Phase::Halted;
        self.partitions.clear();
        vec![Action::Halt(why)]
    }
}

#[cfg(test)]
mod tests;
