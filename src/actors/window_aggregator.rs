//! Counts the reactions of one input partition in windows.
//!
//! - Receives: [`ReactionsAccepted`], [`Drain`].
//! - Emits: [`PartialsClosed`] to the merger at the end of every window of the grid, also when nothing came: the merger
//!   waits for word from every partition, not for silence. At the start of each life it says where it stands.
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
    /// While what waits is to be offered again; false in a new life.
    pub retry_is_due: bool,
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
    /// Closes every window that has ended, and waits for the end of the present one.
    fn close(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        let closed = self.fold.borrow_mut().close_through(now);
        self.waiting.borrow_mut().extend(closed);
        self.report(ctx);
        let end = self.window.end(self.window.seq_at(now));
        ctx.run_later(self.clock.until(end), Self::close);
    }

    fn report(&mut self, ctx: &mut Context<Self>) {
        if !self.retry_is_due && !self.offer() {
            self.retry_is_due = true;
            ctx.run_later(RETRY, |aggregator, ctx| {
                aggregator.retry_is_due = false;
                aggregator.report(ctx);
            });
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
        // A window may have ended between two lives, and partials may wait since the one before.
        self.close(ctx);
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

#[cfg(test)]
mod tests;
