//! Takes reactions in, one actor per HTTP worker, on that worker's thread.
//!
//! - Receives: [`Deposit`] and [`Submit`] from handlers and sessions of the same worker, [`Drain`].
//! - Emits: [`ReactionsAccepted`] to the aggregator of each partition: a batch at `ingest.max_batch` reactions or after
//!   `ingest.flush_interval`, whichever comes first. What crosses a thread is a batch, never a reaction: a message to
//!   another thread per reaction would halve the rate of the door.
//! - Owns: one open batch per partition.
//! - When the aggregator's mailbox is full: **hold, then shed**. The batch is kept and offered again; once
//!   `ingest.max_backlog` reactions are held, there is no more credit, and new ones are turned away with
//!   [`Shed::Overloaded`].
//! - When it dies: what it held enters the ledger as lost, and so does what was deposited and waits in its mailbox.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};

use crate::actors::credit::Credit;
use crate::actors::in_flight::InFlight;
use crate::actors::link::{Link, Undelivered};
use crate::actors::messages::{Deposit, Drain, ReactionsAccepted, Shed, Submit};
use crate::actors::streams::{Streams, add, weights};
use crate::domain::{Countable, Reaction};
use crate::telemetry::Metrics;
use crate::telemetry::events::MailboxFull;

const MAILBOX: usize = 4_096;

/// Settings under `ingest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestConfig {
    /// How long a batch may stay open.
    pub flush_interval: Duration,
    /// Reactions at which a batch is handed on at once.
    pub max_batch: usize,
    /// Reactions that may be held while the aggregators are behind.
    pub max_backlog: usize,
    /// How long what comes in may wait for its worker before some of it is turned away.
    pub max_delay: Duration,
}

/// The actor.
#[derive(Debug)]
pub struct Ingest {
    config: IngestConfig,
    /// One per partition.
    batches: Vec<Batch>,
    /// The partition of reactions that may go to any: a worker's own, so that workers do not meet.
    home: usize,
    /// What is taken is what the batches hold, and what waits in the mailbox.
    credit: Rc<Credit>,
    flush_is_due: bool,
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Batch {
    aggregator: Link<ReactionsAccepted>,
    /// In flight from the moment they are accepted: dropped with the actor, they are lost in the ledger.
    reactions: InFlight<Vec<Countable>>,
}

impl Ingest {
    /// An ingest for worker number `worker`, over one aggregator per partition. It gives credit anew.
    pub fn new(
        config: IngestConfig,
        worker: usize,
        credit: Rc<Credit>,
        aggregators: Vec<Link<ReactionsAccepted>>,
        streams: Arc<Streams>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let home = worker % aggregators.len().max(1);
        credit.renew();
        let batches = aggregators
            .into_iter()
            .map(|aggregator| Batch::new(aggregator, &streams))
            .collect();
        Self {
            config,
            batches,
            home,
            credit,
            flush_is_due: false,
            streams,
            metrics,
        }
    }

    fn hold(&mut self, reactions: Vec<Reaction>, ctx: &mut Context<Self>) {
        for reaction in reactions {
            let partition = self.partition(&reaction);
            let countable = Countable::from(reaction);
            self.batches[partition].reactions.payload().push(countable);
        }
        let is_full = |batch: &mut Batch| batch.len() >= self.config.max_batch;
        if self.batches.iter_mut().any(is_full) {
            self.flush();
        }
        self.flush_later(ctx);
    }

    /// Reactions with the same `event_id` meet in one partition, where the second one is recognised.
    fn partition(&self, reaction: &Reaction) -> usize {
        match &reaction.event_id {
            Some(event_id) => {
                let mut hasher = DefaultHasher::new();
                event_id.hash(&mut hasher);
                (hasher.finish() % self.batches.len() as u64) as usize
            }
            None => self.home,
        }
    }

    /// Offers every batch; what is refused stays.
    fn flush(&mut self) {
        for batch in &mut self.batches {
            let handed_on = batch.offer(&self.streams, &self.metrics);
            self.credit.give_back(handed_on);
        }
    }

    fn flush_later(&mut self, ctx: &mut Context<Self>) {
        let holds_any = self.batches.iter_mut().any(|batch| batch.len() > 0);
        if holds_any && !self.flush_is_due {
            self.flush_is_due = true;
            ctx.run_later(self.config.flush_interval, |ingest, ctx| {
                ingest.flush_is_due = false;
                ingest.flush();
                ingest.flush_later(ctx);
            });
        }
    }
}

impl Batch {
    fn new(aggregator: Link<ReactionsAccepted>, streams: &Arc<Streams>) -> Self {
        Self {
            aggregator,
            reactions: InFlight::new(Vec::new(), streams),
        }
    }

    fn len(&mut self) -> usize {
        self.reactions.payload().len()
    }

    /// Returns how many reactions were taken.
    fn offer(&mut self, streams: &Arc<Streams>, metrics: &Metrics) -> usize {
        let number = self.len();
        if number == 0 {
            return 0;
        }
        let next = InFlight::new(Vec::new(), streams);
        let batch = std::mem::replace(&mut self.reactions, next);
        match self.aggregator.try_send(ReactionsAccepted { batch }) {
            Ok(()) => {
                self.reactions.payload().reserve(number.min(1_024));
                number
            }
            Err(undelivered) => {
                if matches!(undelivered, Undelivered::Full(_)) {
                    MailboxFull { edge: "reactions" }.emit(metrics);
                }
                self.reactions = undelivered.into_message().batch;
                0
            }
        }
    }
}

impl Actor for Ingest {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Deposit> for Ingest {
    type Result = ();

    fn handle(&mut self, deposit: Deposit, ctx: &mut Self::Context) {
        self.hold(deposit.reactions.arrive(), ctx);
    }
}

impl Handler<Submit> for Ingest {
    type Result = Result<(), Shed>;

    fn handle(&mut self, submit: Submit, ctx: &mut Self::Context) -> Self::Result {
        let reactions = submit.reactions;
        let refused = if self.credit.take(reactions.len()) {
            None
        } else if self.credit.is_closed() {
            Some(Shed::Draining)
        } else {
            Some(Shed::Overloaded)
        };
        let weights = weights(&reactions);
        if let Some(shed) = refused {
            self.streams
                .enter(&weights, |row, count| add(&row.shed, count));
            return Err(shed);
        }
        self.streams
            .enter(&weights, |row, count| add(&row.accepted, count));
        self.hold(reactions, ctx);
        Ok(())
    }
}

impl Handler<Drain> for Ingest {
    type Result = usize;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> usize {
        self.credit.close();
        self.flush();
        self.credit.taken()
    }
}

#[cfg(test)]
mod tests;
