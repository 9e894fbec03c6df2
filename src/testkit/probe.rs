//! A neighbour that only listens.

use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use tokio::sync::mpsc;

use std::sync::Arc;

use crate::actors::link::{Link, Slot};

/// A message that a probe can hear.
pub(crate) trait Heard: Message<Result = ()> + Send + Unpin + 'static {}

impl<M: Message<Result = ()> + Send + Unpin + 'static> Heard for M {}

/// Receives messages of one type and keeps them for the test. Not a mock: it answers nothing and expects nothing.
pub(crate) struct Probe<M: Heard> {
    received: mpsc::Receiver<M>,
    slot: Arc<Slot<Ear<M>>>,
}

impl<M: Heard> Probe<M> {
    /// A probe with the usual mailbox.
    pub(crate) fn new() -> Self {
        let slot = Arc::new(Slot::default());
        let received = Self::listen(&slot, 256);
        Self { received, slot }
    }

    /// A probe that nobody has started: sends to it fail until [`Probe::start`].
    pub(crate) fn absent() -> Self {
        let (_, received) = mpsc::channel(1);
        Self {
            received,
            slot: Arc::default(),
        }
    }

    /// Begins a life, or another one.
    pub(crate) fn start(&mut self) {
        self.received = Self::listen(&self.slot, 256);
    }

    /// A probe that takes one message and then is busy for ever, with a mailbox for `capacity` more.
    pub(crate) fn deaf(capacity: usize) -> Self {
        let slot = Arc::new(Slot::default());
        let received = Self::listen(&slot, capacity);
        Self { received, slot }
    }

    fn listen(slot: &Arc<Slot<Ear<M>>>, capacity: usize) -> mpsc::Receiver<M> {
        let (heard, received) = mpsc::channel(1_024);
        let ear = Ear {
            heard,
            deaf_with: (capacity < 256).then_some(capacity),
        };
        slot.fill(ear.start());
        received
    }

    /// A sender's end.
    pub(crate) fn link(&self) -> Link<M> {
        self.slot.link()
    }

    /// The next message, waiting up to an hour of (paused) time.
    pub(crate) async fn next(&mut self) -> M {
        tokio::time::timeout(Duration::from_secs(3_600), self.received.recv())
            .await
            .expect("a message within an hour")
            .expect("a living probe")
    }

    /// What has come by now.
    pub(crate) fn drain(&mut self) -> Vec<M> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

pub(crate) struct Ear<M: Heard> {
    heard: mpsc::Sender<M>,
    deaf_with: Option<usize>,
}

impl<M: Heard> Actor for Ear<M> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(capacity) = self.deaf_with {
            use actix::{ActorFutureExt, AsyncContext};
            ctx.set_mailbox_capacity(capacity);
            ctx.wait(
                actix::fut::wrap_future::<_, Self>(std::future::pending::<()>()).map(|(), _, _| ()),
            );
        }
    }
}

impl<M: Heard> Handler<M> for Ear<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        self.heard.try_send(message).expect("room in the probe");
    }
}
