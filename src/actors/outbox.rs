//! Windows on their way to the next stage.
//!
//! Policy for a full mailbox: **keep, then absorb**. What can't be handed on is kept in order. Past the bound, the oldest
//! windows are given up where a later one of their stream waits too, which costs resolution and no count: each window
//! carries the running totals, so the next one stands for both. When the receiver has been rebuilt, each stream's newest
//! window is sent again for the same reason; a receiver that knows it already ignores it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use actix::Message;

use crate::actors::link::{Link, Undelivered};
use crate::domain::{StreamName, Window};
use crate::telemetry::Metrics;
use crate::telemetry::events::{MailboxFull, WindowsAbsorbed};

/// Windows that may wait for one receiver, or one per stream if that is more.
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
        let absorbed = self.absorb();
        if absorbed > 0 {
            WindowsAbsorbed {
                edge: self.edge,
                windows: absorbed,
            }
            .emit(&self.metrics);
        }
    }

    /// Leaves the oldest windows past the bound to their successors. What has no successor stays, so there may be more
    /// than the bound where there are more streams.
    fn absorb(&mut self) -> u64 {
        let mut excess = self.waiting.len().saturating_sub(MAX_WAITING);
        let before = self.waiting.len();
        if excess > 0 {
            let newest = &self.newest;
            self.waiting.retain(|window| {
                let is_newest = newest
                    .get(&window.stream)
                    .is_none_or(|newest| newest.seq == window.seq);
                let stays = excess == 0 || is_newest;
                excess -= usize::from(!stays);
                stays
            });
        }
        (before - self.waiting.len()) as u64
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::messages::WindowsClosed;
    use crate::testkit::{Probe, settle, window_of};

    const EDGE: &str = "windows";

    fn outbox(receiver: &Probe<WindowsClosed>) -> (Outbox<WindowsClosed>, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new().unwrap());
        let outbox = Outbox::new(EDGE, receiver.link(), metrics.clone());
        (outbox, metrics)
    }

    fn flush(outbox: &mut Outbox<WindowsClosed>) -> bool {
        outbox.flush(|windows| WindowsClosed { windows })
    }

    fn push(outbox: &mut Outbox<WindowsClosed>, name: &str, seqs: std::ops::RangeInclusive<u64>) {
        let windows: Vec<_> = seqs.map(|seq| window_of(name, seq)).collect();
        outbox.push(&windows);
    }

    /// Stream and number of every window of a message, in order.
    fn rows(message: &WindowsClosed) -> Vec<(String, u64)> {
        let row = |window: &Arc<Window>| (window.stream.to_string(), window.seq.0);
        message.windows.iter().map(row).collect()
    }

    fn row(name: &str, seq: u64) -> (String, u64) {
        (name.to_owned(), seq)
    }

    #[actix::test]
    async fn what_waits_goes_in_order_as_one_message() {
        tokio::time::pause();
        let mut receiver = Probe::new();
        let (mut outbox, _) = outbox(&receiver);
        assert!(flush(&mut outbox), "nothing waits");
        push(&mut outbox, "a", 1..=2);
        push(&mut outbox, "b", 1..=1);
        assert_eq!((outbox.len(), outbox.is_empty()), (3, false));
        assert!(flush(&mut outbox));
        assert_eq!((outbox.len(), outbox.is_empty()), (0, true));
        let message = receiver.next().await;
        assert_eq!(rows(&message), [row("a", 1), row("a", 2), row("b", 1)]);
        assert!(flush(&mut outbox));
        settle().await;
        assert!(receiver.drain().is_empty(), "nothing goes twice");
    }

    #[actix::test]
    async fn a_full_mailbox_keeps_windows_in_order_until_there_is_room() {
        let mut receiver = Probe::deaf(1);
        let (mut outbox, metrics) = outbox(&receiver);
        for seq in 1..=3 {
            push(&mut outbox, "a", seq..=seq);
            assert_eq!(flush(&mut outbox), seq == 1);
        }
        assert_eq!(outbox.len(), 2);
        let full = metrics.mailbox_full.with_label_values(&[EDGE]);
        assert_eq!(full.get(), 2);

        receiver.hear();
        assert_eq!(rows(&receiver.next().await), [row("a", 1)]);
        assert!(flush(&mut outbox));
        assert_eq!(rows(&receiver.next().await), [row("a", 2), row("a", 3)]);
    }

    #[actix::test]
    async fn windows_past_the_bound_are_absorbed_oldest_first_and_no_count_is_lost() {
        let mut receiver = Probe::absent();
        let (mut outbox, metrics) = outbox(&receiver);
        let newest = MAX_WAITING as u64 + 3;
        push(&mut outbox, "a", 1..=newest);
        assert_eq!(outbox.len(), MAX_WAITING);
        let absorbed = metrics.windows_absorbed.with_label_values(&[EDGE]);
        assert_eq!(absorbed.get(), 3);

        receiver.start();
        assert!(flush(&mut outbox));
        let message = receiver.next().await;
        let kept: Vec<u64> = message.windows.iter().map(|window| window.seq.0).collect();
        assert_eq!(kept, (4..=newest).collect::<Vec<_>>());
        let last = message.windows.last().unwrap();
        assert_eq!(last.running.total(), newest, "it stands for all of them");
    }

    #[actix::test]
    async fn the_only_window_of_a_stream_is_never_absorbed() {
        let mut receiver = Probe::absent();
        let (mut outbox, _) = outbox(&receiver);
        push(&mut outbox, "quiet", 1..=1);
        push(&mut outbox, "a", 1..=MAX_WAITING as u64);
        receiver.start();
        assert!(flush(&mut outbox));
        let rows = rows(&receiver.next().await);
        assert_eq!(rows.len(), MAX_WAITING);
        assert_eq!(rows[..2], [row("quiet", 1), row("a", 2)]);
    }

    #[actix::test]
    async fn more_streams_than_the_bound_all_get_their_windows() {
        let mut receiver = Probe::new();
        let (mut outbox, _) = outbox(&receiver);
        let windows: Vec<_> = (0..MAX_WAITING + 5)
            .map(|number| window_of(&format!("s{number}"), 1))
            .collect();
        outbox.push(&windows);
        assert!(flush(&mut outbox));
        assert_eq!(receiver.next().await.windows, windows);
    }

    #[actix::test]
    async fn a_new_life_is_sent_the_newest_window_of_each_stream_once() {
        tokio::time::pause();
        let mut receiver = Probe::new();
        let (mut outbox, _) = outbox(&receiver);
        push(&mut outbox, "a", 1..=3);
        push(&mut outbox, "b", 1..=2);
        assert!(flush(&mut outbox));
        receiver.next().await;

        receiver.die().await;
        push(&mut outbox, "b", 3..=3);
        assert!(!flush(&mut outbox));
        receiver.start();
        assert!(flush(&mut outbox));
        let message = receiver.next().await;
        assert_eq!(rows(&message), [row("a", 3), row("b", 3)]);
        assert!(flush(&mut outbox));
        settle().await;
        assert!(receiver.drain().is_empty(), "not twice");
    }

    #[actix::test]
    async fn a_first_life_is_sent_what_waited_for_it_and_nothing_twice() {
        let mut receiver = Probe::absent();
        let (mut outbox, metrics) = outbox(&receiver);
        push(&mut outbox, "a", 1..=2);
        assert!(!flush(&mut outbox));
        let full = metrics.mailbox_full.with_label_values(&[EDGE]);
        assert_eq!(full.get(), 0, "nobody there is not a full mailbox");
        receiver.start();
        assert!(flush(&mut outbox));
        assert_eq!(rows(&receiver.next().await), [row("a", 1), row("a", 2)]);
    }
}
