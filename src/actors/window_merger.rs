//! Merges the partial windows of all partitions into whole ones, and keeps the running totals.
//!
//! - Receives: [`PartialsClosed`], [`Drain`].
//! - Emits: [`WindowsClosed`] to the main publisher, once all partitions have reported a window, or at
//!   `pipeline.merge_deadline` with what is there; what comes later is carried into the next window.
//! - Owns: a fold, [`PartialMerge`], which its factory keeps so that totals outlive a panic. It writes the `counted`
//!   column of the ledger: a reaction is counted when its window is published.
//! - When the main publisher's mailbox is full: kept, then absorbed; see [`crate::actors::outbox`].
//! - When it dies: merged partials live on in the fold; those in the mailbox enter the ledger as lost.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};

use crate::actors::clock::Clock;
use crate::actors::messages::{Drain, PartialsClosed, WindowsClosed};
use crate::actors::outbox::Outbox;
use crate::actors::streams::{Streams, add};
use crate::domain::{EpochMs, PartialMerge, Seq, Window, WindowSize};
use crate::telemetry::Metrics;
use crate::telemetry::events::{PartitionsLate, WindowPublished};

const MAILBOX: usize = 256;
/// How often the deadline is looked at, and what found no room is offered again.
const TICK: Duration = Duration::from_millis(50);

/// Settings under `pipeline` and `streams`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergerConfig {
    /// Input partitions, each with an aggregator.
    pub partitions: usize,
    /// How long after its end a window waits for the partitions that have not reported.
    pub deadline: Duration,
    /// How long a stream without reactions goes on publishing empty windows.
    pub idle_after: Duration,
}

impl MergerConfig {
    /// `idle_after` in windows, at least one.
    pub fn idle_windows(&self, window: WindowSize) -> u64 {
        (self.idle_after.as_millis() as u64)
            .div_ceil(window.as_ms())
            .max(1)
    }
}

/// A fold that outlives the lives of its actor.
pub type SharedMerge = Rc<RefCell<PartialMerge>>;

/// The actor.
#[derive(Debug)]
pub struct WindowMerger {
    window: WindowSize,
    deadline: Duration,
    merge: SharedMerge,
    outbox: Outbox<WindowsClosed>,
    clock: Clock,
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
}

impl WindowMerger {
    /// A merger over a fold that may have merged before.
    pub fn new(
        window: WindowSize,
        deadline: Duration,
        merge: SharedMerge,
        outbox: Outbox<WindowsClosed>,
        clock: Clock,
        streams: Arc<Streams>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            window,
            deadline,
            merge,
            outbox,
            clock,
            streams,
            metrics,
        }
    }

    fn publish(&mut self, windows: Vec<Window>) {
        let now = self.clock.now();
        for window in &windows {
            self.enter_in_ledger(window);
            let end = self.window.end(window.seq);
            WindowPublished {
                stream: &window.stream,
                seq: window.seq,
                total: window.tally.total(),
                delay: Duration::from_millis(now.0.saturating_sub(end.0)),
            }
            .emit(&self.metrics);
        }
        let windows: Vec<_> = windows.into_iter().map(Arc::new).collect();
        self.outbox.push(&windows);
        self.flush();
    }

    fn enter_in_ledger(&self, window: &Window) {
        self.streams.with_row(Some(&window.stream), |row| {
            add(&row.counted, window.tally.total());
            add(&row.late_carried, window.late);
            add(&row.deduplicated, window.deduplicated);
        });
    }

    fn flush(&mut self) -> bool {
        self.outbox.flush(|windows| WindowsClosed { windows })
    }

    fn tick(&mut self, _: &mut Context<Self>) {
        if let Some(overdue) = self.overdue() {
            let late = self.merge.borrow().waiting_for(overdue);
            let windows = self.merge.borrow_mut().take_through(overdue);
            if !windows.is_empty() {
                PartitionsLate { partitions: &late }.emit(&self.metrics);
                self.publish(windows);
            }
        }
        self.flush();
    }

    /// The newest window whose deadline has passed, if it is not published.
    fn overdue(&self) -> Option<Seq> {
        let deadline_ms = self.deadline.as_millis() as u64;
        let before = EpochMs(self.clock.now().0.saturating_sub(deadline_ms));
        let overdue = self.window.last_ended(before);
        (overdue > self.merge.borrow().published_through()).then_some(overdue)
    }
}

impl Actor for WindowMerger {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        // The windows that an earlier life published may have died in its outbox.
        let newest: Vec<_> = self
            .merge
            .borrow()
            .latest()
            .cloned()
            .map(Arc::new)
            .collect();
        self.outbox.push(&newest);
        ctx.run_interval(TICK, Self::tick);
    }
}

impl Handler<PartialsClosed> for WindowMerger {
    type Result = ();

    fn handle(&mut self, closed: PartialsClosed, _: &mut Self::Context) {
        let partials = closed.partials.arrive();
        let complete = {
            let mut merge = self.merge.borrow_mut();
            merge.report(closed.partition, closed.closed_through, partials);
            merge.take_complete()
        };
        if !complete.is_empty() {
            self.publish(complete);
        }
    }
}

impl Handler<Drain> for WindowMerger {
    type Result = usize;

    /// Publishes everything that was reported, without waiting for all partitions.
    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> usize {
        let current = self.window.seq_at(self.clock.now());
        let windows = self.merge.borrow_mut().take_through(current);
        self.publish(windows);
        self.outbox.len()
    }
}

#[cfg(test)]
mod tests;
