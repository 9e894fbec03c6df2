//! A model of the broker: logs, transactions with their markers, and what consumer groups have committed.
//!
//! It does what the real one does where exactness depends on it: a transaction is decided at once and becomes visible
//! partition by partition; readers see nothing behind the first undecided record; an epoch fences older producers; a
//! commit with an old generation is refused.

use std::collections::BTreeMap;

use emostream::domain::{Commit, Offset};

use crate::group::{Group, Stage};
use crate::record::{Payload, Place};

/// How long a transaction may stay open.
const TRANSACTION_TIMEOUT_MS: u64 = 4_000;

#[derive(Debug)]
struct Entry {
    payload: Payload,
    transaction: Option<usize>,
}

#[derive(Debug, Default)]
struct Log {
    entries: Vec<Entry>,
    /// Transactions without a marker here, with their first record.
    open: Vec<(usize, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ongoing,
    Committed,
    Aborted,
}

/// Where a marker has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Log(Place),
    Offsets,
}

#[derive(Debug)]
struct Transaction {
    producer: usize,
    status: Status,
    began_at: u64,
    touched: Vec<Place>,
    offsets: Vec<(Stage, usize, Commit)>,
    /// Markers not written yet, once it is decided.
    unmarked: Vec<Target>,
}

#[derive(Debug, Default)]
struct Producer {
    epoch: u64,
    /// Whether the last rise of the epoch was an initialisation, not a time-out.
    is_taken_over: bool,
    current: Option<usize>,
}

/// Why the broker refuses a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another producer with this transactional id was initialised.
    Fenced,
    /// The transaction has timed out.
    Expired,
    /// The group is in another generation.
    StaleGeneration,
    /// The markers of the transaction before are not written yet.
    Busy,
}

#[derive(Debug, Default)]
pub(crate) struct Broker {
    logs: BTreeMap<Place, Log>,
    transactions: Vec<Transaction>,
    /// Those that are not decided, or not marked everywhere.
    unfinished: Vec<usize>,
    producers: BTreeMap<usize, Producer>,
    committed: BTreeMap<(Stage, usize), (Offset, String)>,
    pub(crate) groups: BTreeMap<Stage, Group>,
    /// End requests on their way: producer and epoch.
    delayed: Vec<(usize, u64)>,
    pub(crate) num_committed: u64,
    /// Rules broken, as soon as they are.
    pub(crate) violations: Vec<String>,
}

impl Broker {
    pub(crate) fn append(&mut self, place: Place, payload: Payload) {
        let entry = Entry {
            payload,
            transaction: None,
        };
        self.logs.entry(place).or_default().entries.push(entry);
    }

    // === what a consumer asks ===

    /// Where a `read_committed` reader must stop.
    pub(crate) fn end(&self, place: Place) -> Offset {
        let Some(log) = self.logs.get(&place) else {
            return Offset(0);
        };
        let first_open = log.open.iter().map(|&(_, first)| first).min();
        Offset(first_open.unwrap_or(log.entries.len() as u64))
    }

    /// The record at an offset before [`Broker::end`]; None where there is a marker or an aborted one.
    pub(crate) fn read(&self, place: Place, offset: Offset) -> Option<&Payload> {
        let entry = &self.logs[&place].entries[offset.0 as usize];
        let is_visible = entry
            .transaction
            .is_none_or(|id| self.transactions[id].status == Status::Committed);
        (is_visible && !matches!(entry.payload, Payload::Marker)).then_some(&entry.payload)
    }

    /// Everything that a `read_committed` reader sees.
    pub(crate) fn visible(&self, place: Place) -> impl Iterator<Item = (Offset, &Payload)> {
        let offsets = (0..self.end(place).0).map(Offset);
        offsets.filter_map(move |offset| Some((offset, self.read(place, offset)?)))
    }

    /// The committed offset and metadata; an error while a transaction is pending on them.
    pub(crate) fn committed(
        &self,
        stage: Stage,
        partition: usize,
    ) -> Result<Option<&(Offset, String)>, Refusal> {
        let is_pending = self.unfinished.iter().any(|&index| {
            let transaction = &self.transactions[index];
            let is_open = transaction.status == Status::Ongoing
                || transaction.unmarked.contains(&Target::Offsets);
            let mut offsets = transaction.offsets.iter();
            is_open && offsets.any(|&(of, at, _)| (of, at) == (stage, partition))
        });
        if is_pending {
            return Err(Refusal::Busy);
        }
        Ok(self.committed.get(&(stage, partition)))
    }

    // === what a producer asks ===

    /// Fences every older producer of this transactional id, ends its transaction, and gives the new epoch.
    pub(crate) fn init(&mut self, id: usize) -> Result<u64, Refusal> {
        let producer = self.producers.entry(id).or_default();
        let current = producer.current;
        let is_open = current.is_some_and(|id| self.transactions[id].status == Status::Ongoing);
        let is_unmarked = current.is_some_and(|id| !self.transactions[id].unmarked.is_empty());
        if is_open || !is_unmarked {
            producer.epoch += 1;
            producer.is_taken_over = true;
        }
        let epoch = producer.epoch;
        if is_open {
            self.decide(id, Status::Aborted);
        }
        if is_open || is_unmarked {
            Err(Refusal::Busy)
        } else {
            Ok(epoch)
        }
    }

    pub(crate) fn produce(
        &mut self,
        id: usize,
        epoch: u64,
        now: u64,
        place: Place,
        payload: Payload,
    ) -> Result<(), Refusal> {
        let transaction = self.transaction(id, epoch, now)?;
        let log = self.logs.entry(place).or_default();
        let touched = &mut self.transactions[transaction].touched;
        if !touched.contains(&place) {
            touched.push(place);
            log.open.push((transaction, log.entries.len() as u64));
        }
        log.entries.push(Entry {
            payload,
            transaction: Some(transaction),
        });
        Ok(())
    }

    pub(crate) fn send_offsets(
        &mut self,
        (id, epoch): (usize, u64),
        now: u64,
        stage: Stage,
        generation: u64,
        commits: &[(usize, Commit)],
    ) -> Result<(), Refusal> {
        let transaction = self.transaction(id, epoch, now)?;
        if self.groups[&stage].generation != generation {
            return Err(Refusal::StaleGeneration);
        }
        let commits = commits
            .iter()
            .map(|&(partition, commit)| (stage, partition, commit));
        self.transactions[transaction].offsets.extend(commits);
        Ok(())
    }

    pub(crate) fn end_transaction(
        &mut self,
        id: usize,
        epoch: u64,
        commit: bool,
    ) -> Result<(), Refusal> {
        self.check(id, epoch)?;
        self.decide(
            id,
            if commit {
                Status::Committed
            } else {
                Status::Aborted
            },
        );
        Ok(())
    }

    /// An end request that the producer has given up on, and that is still on its way.
    pub(crate) fn delay_end(&mut self, id: usize, epoch: u64) {
        self.delayed.push((id, epoch));
    }

    // === what happens by itself ===

    /// Lets one end request arrive, whichever transaction is open by then.
    pub(crate) fn deliver_delayed(&mut self, rng: &mut fastrand::Rng) {
        if !self.delayed.is_empty() {
            let (id, epoch) = self.delayed.swap_remove(rng.usize(..self.delayed.len()));
            if self.check(id, epoch).is_ok() {
                self.decide(id, Status::Committed);
            }
        }
    }

    /// Writes one marker of some decided transaction. False if there is none to write.
    pub(crate) fn write_marker(&mut self, rng: &mut fastrand::Rng) -> bool {
        let unfinished = self.unfinished.iter().copied();
        let unmarked: Vec<usize> = unfinished
            .filter(|&index| !self.transactions[index].unmarked.is_empty())
            .collect();
        let Some(&index) = rng.choice(&unmarked) else {
            return false;
        };
        let transaction = &mut self.transactions[index];
        let target = transaction
            .unmarked
            .swap_remove(rng.usize(..transaction.unmarked.len()));
        if transaction.unmarked.is_empty() {
            self.unfinished.retain(|&unfinished| unfinished != index);
        }
        match target {
            Target::Log(place) => {
                let log = self.logs.entry(place).or_default();
                log.open.retain(|&(open, _)| open != index);
                log.entries.push(Entry {
                    payload: Payload::Marker,
                    transaction: Some(index),
                });
            }
            Target::Offsets if transaction.status == Status::Committed => {
                for (stage, partition, commit) in transaction.offsets.clone() {
                    self.commit(stage, partition, commit);
                }
            }
            Target::Offsets => {}
        }
        true
    }

    pub(crate) fn expire_transactions(&mut self, now: u64) {
        for (&id, producer) in &mut self.producers {
            let expired = producer.current.filter(|&current| {
                let transaction = &self.transactions[current];
                transaction.status == Status::Ongoing
                    && transaction.began_at + TRANSACTION_TIMEOUT_MS < now
            });
            if let Some(current) = expired {
                debug_assert_eq!(self.transactions[current].producer, id);
                producer.epoch += 1;
                producer.is_taken_over = false;
                decide(&mut self.transactions[current], Status::Aborted);
            }
        }
    }

    fn check(&self, id: usize, epoch: u64) -> Result<(), Refusal> {
        let producer = &self.producers[&id];
        match producer.epoch == epoch {
            true => Ok(()),
            false if producer.is_taken_over => Err(Refusal::Fenced),
            false => Err(Refusal::Expired),
        }
    }

    /// The open transaction of a producer, a new one if there is none.
    fn transaction(&mut self, id: usize, epoch: u64, now: u64) -> Result<usize, Refusal> {
        self.check(id, epoch)?;
        let current = self.producers[&id].current;
        if let Some(current) = current {
            if self.transactions[current].status == Status::Ongoing {
                return Ok(current);
            }
            if !self.transactions[current].unmarked.is_empty() {
                return Err(Refusal::Busy);
            }
        }
        self.transactions.push(Transaction {
            producer: id,
            status: Status::Ongoing,
            began_at: now,
            touched: Vec::new(),
            offsets: Vec::new(),
            unmarked: Vec::new(),
        });
        let new = self.transactions.len() - 1;
        self.unfinished.push(new);
        self.producers.entry(id).or_default().current = Some(new);
        Ok(new)
    }

    fn decide(&mut self, id: usize, status: Status) {
        if let Some(current) = self.producers[&id].current {
            let transaction = &mut self.transactions[current];
            if transaction.status == Status::Ongoing {
                self.num_committed += u64::from(status == Status::Committed);
                decide(transaction, status);
            }
        }
    }

    fn commit(&mut self, stage: Stage, partition: usize, commit: Commit) {
        let metadata = commit.metadata();
        let earlier = self
            .committed
            .insert((stage, partition), (commit.offset, metadata));
        if let Some((offset, metadata)) = earlier {
            let earlier = Commit::read(offset, &metadata).expect("it was written here");
            let goes_back = commit.offset < earlier.offset
                || commit.closed_through <= earlier.closed_through
                || commit.position < earlier.position
                || commit.carried < earlier.carried;
            if goes_back {
                let violation = format!(
                    "{stage:?} {partition}: commit goes back from {earlier:?} to {commit:?}"
                );
                self.violations.push(violation);
            }
        }
    }
}

fn decide(transaction: &mut Transaction, status: Status) {
    transaction.status = status;
    transaction.unmarked = transaction
        .touched
        .iter()
        .copied()
        .map(Target::Log)
        .collect();
    if !transaction.offsets.is_empty() {
        transaction.unmarked.push(Target::Offsets);
    }
}
