//! Counts the reactions of one input partition in windows.
//!
//! - Receives: [`ReactionsAccepted`], [`Drain`].
//! - Emits: [`PartialsClosed`] to the merger at the end of every window of the grid, also when nothing came: the merger
//!   waits for word from every partition, not for silence.
//! - Owns: a fold, [`TumblingWindows`], which its factory keeps so that it outlives a panic, and the time at which
//!   reactions are appended: the moment their batch arrives.
//! - When the merger's mailbox is full: **keep and add**. Partials wait, and go with those of the next window.
//! - When it dies: open windows live on in the fold; batches in the mailbox enter the ledger as lost.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};

use crate::actors::clock::Clock;
use crate::actors::in_flight::InFlight;
use crate::actors::link::{Link, Undelivered};
use crate::actors::messages::{Drain, PartialsClosed, ReactionsAccepted};
use crate::actors::streams::Streams;
use crate::domain::{Partial, Seq, TumblingWindows, WindowSize};
use crate::telemetry::Metrics;
use crate::telemetry::events::MailboxFull;

const MAILBOX: usize = 64;
/// How soon partials that found no room are offered again.
const RETRY: Duration = Duration::from_millis(20);

/// A fold that outlives the lives of its actor.
pub type SharedFold = Rc<RefCell<TumblingWindows>>;

/// What every life of an aggregator is built from.
#[derive(Debug, Clone)]
pub struct WindowAggregator {
    /// Its input partition.
    pub partition: usize,
    /// Size of the windows, for the timer; the fold knows it too.
    pub window: WindowSize,
    /// The counts.
    pub fold: SharedFold,
    /// The partials that the merger has not taken yet; kept by the factory like the fold.
    pub waiting: Rc<RefCell<Vec<Partial>>>,
    /// The next stage.
    pub merger: Link<PartialsClosed>,
    /// Append time.
    pub clock: Clock,
    /// For what is lost on the way.
    pub streams: Arc<Streams>,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

impl WindowAggregator {
    fn close_later(&self, ctx: &mut Context<Self>) {
        let current = self.window.seq_at(self.clock.now());
        ctx.run_later(
            self.clock.until(self.window.end(current)),
            |aggregator, ctx| {
                let closed = aggregator
                    .fold
                    .borrow_mut()
                    .close_through(aggregator.clock.now());
                aggregator.waiting.borrow_mut().extend(closed);
                aggregator.report(ctx);
                aggregator.close_later(ctx);
            },
        );
    }

    fn report(&mut self, ctx: &mut Context<Self>) {
        if !self.offer() {
            ctx.run_later(RETRY, Self::report);
        }
    }

    /// Hands on what waits. False if the merger has no room.
    fn offer(&mut self) -> bool {
        let partials = std::mem::take(&mut *self.waiting.borrow_mut());
        let message = PartialsClosed {
            partition: self.partition,
            closed_through: self.closed_through(),
            partials: InFlight::new(partials, &self.streams),
        };
        let Err(undelivered) = self.merger.try_send(message) else {
            return true;
        };
        if matches!(undelivered, Undelivered::Full(_)) {
            MailboxFull { edge: "partials" }.emit(&self.metrics);
        }
        *self.waiting.borrow_mut() = undelivered.into_message().partials.arrive();
        false
    }

    fn closed_through(&self) -> Seq {
        self.fold.borrow().closed_through()
    }
}

impl Actor for WindowAggregator {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.close_later(ctx);
    }
}

impl Handler<ReactionsAccepted> for WindowAggregator {
    type Result = ();

    fn handle(&mut self, accepted: ReactionsAccepted, _: &mut Self::Context) {
        let now = self.clock.now();
        let mut fold = self.fold.borrow_mut();
        for reaction in accepted.batch.arrive() {
            fold.add(
                now,
                &reaction.stream,
                reaction.emoji,
                reaction.count,
                reaction.event_id.as_ref(),
            );
        }
    }
}

impl Handler<Drain> for WindowAggregator {
    type Result = usize;

    /// Closes the open windows early: this process will not see their end.
    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> usize {
        let closed = self.fold.borrow_mut().close_all();
        self.waiting.borrow_mut().extend(closed);
        self.offer();
        self.waiting.borrow().len()
    }
}
