//! Windows on their way to the next stage.
//!
//! Policy for a full mailbox: **keep, then absorb**. What can't be handed on is kept in order. A stream of windows that
//! has waited past the bound loses its oldest one, which costs resolution and no count: each window carries the running
//! totals, so the next one stands for both. When the receiver has been rebuilt, each stream's newest window is sent again
//! for the same reason; a receiver that knows it already ignores it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use actix::Message;

use crate::actors::link::{Link, Undelivered};
use crate::domain::{StreamName, Window};
use crate::telemetry::Metrics;
use crate::telemetry::events::{MailboxFull, WindowsAbsorbed};

/// Windows that may wait for one receiver.
pub const MAX_WAITING: usize = 1_024;

/// A sender's queue for one receiver of windows.
#[derive(Debug)]
pub struct Outbox<M: Message + Send + 'static>
where
    M::Result: Send,
{
    edge: &'static str,
    link: Link<M>,
    /// The receiver's life that was last sent to.
    life: u64,
    waiting: VecDeque<Arc<Window>>,
    newest: HashMap<StreamName, Arc<Window>>,
    metrics: Arc<Metrics>,
}

impl<M: Message + Send + 'static> Outbox<M>
where
    M::Result: Send,
{
    /// An empty outbox. `edge` names it in metrics and logs.
    pub fn new(edge: &'static str, link: Link<M>, metrics: Arc<Metrics>) -> Self {
        Self {
            edge,
            life: link.life(),
            link,
            waiting: VecDeque::new(),
            newest: HashMap::new(),
            metrics,
        }
    }

    /// Queues windows behind those that wait.
    pub fn push(&mut self, windows: &[Arc<Window>]) {
        for window in windows {
            self.newest.insert(window.stream.clone(), window.clone());
            self.waiting.push_back(window.clone());
        }
        let excess = self.waiting.len().saturating_sub(MAX_WAITING);
        if excess > 0 {
            self.waiting.drain(..excess);
            WindowsAbsorbed {
                edge: self.edge,
                windows: excess as u64,
            }
            .emit(&self.metrics);
        }
    }

    /// Hands on all that waits, as one message; keeps it if the mailbox is full. True if nothing waits any more.
    pub fn flush(&mut self, message: impl FnOnce(Vec<Arc<Window>>) -> M) -> bool {
        self.repeat_newest_to_a_new_life();
        if self.waiting.is_empty() {
            return true;
        }
        let windows: Vec<_> = self.waiting.iter().cloned().collect();
        match self.link.try_send(message(windows)) {
            Ok(()) => {
                self.waiting.clear();
                true
            }
            Err(Undelivered::Full(_)) => {
                MailboxFull { edge: self.edge }.emit(&self.metrics);
                false
            }
            Err(Undelivered::Gone(_)) => false,
        }
    }

    /// Windows that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn repeat_newest_to_a_new_life(&mut self) {
        let life = self.link.life();
        if life == self.life {
            return;
        }
        self.life = life;
        for window in self.newest.values() {
            let waits = |waiting: &Arc<Window>| waiting.stream == window.stream;
            if !self.waiting.iter().any(waits) {
                self.waiting.push_front(window.clone());
            }
        }
    }
}
