//! A neighbour that only listens.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResult};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::actors::link::{Link, Slot};

/// A message that a probe can hear.
pub(crate) trait Heard: Message<Result: Default + Send> + Send + Unpin + 'static {}

impl<M: Message<Result: Default + Send> + Send + Unpin + 'static> Heard for M {}

/// The mailbox of a probe for which it does not matter; as large as a stage's.
const MAILBOX: usize = 256;

/// Receives messages of one type and keeps them for the test, over all its lives. Not a mock: it expects nothing, and
/// answers with the default of the reply.
pub(crate) struct Probe<M: Heard> {
    received: mpsc::Receiver<M>,
    ear: Ear<M>,
    hearing: watch::Sender<bool>,
    mailbox: usize,
    slot: Arc<Slot<Ear<M>>>,
    life: Option<JoinHandle<()>>,
}

impl<M: Heard> Probe<M> {
    /// A probe that takes whatever comes.
    pub(crate) fn new() -> Self {
        Self::alive(MAILBOX, true)
    }

    /// A probe that nobody has started: sends to it fail until [`Probe::start`].
    pub(crate) fn absent() -> Self {
        Self::unborn(MAILBOX, true)
    }

    /// A probe that is busy until [`Probe::hear`], with a mailbox that one sender can put `mailbox` messages into.
    pub(crate) fn deaf(mailbox: usize) -> Self {
        assert!(mailbox > 0, "actix takes 0 for a mailbox without a bound");
        Self::alive(mailbox, false)
    }

    fn alive(mailbox: usize, hears: bool) -> Self {
        let mut probe = Self::unborn(mailbox, hears);
        probe.start();
        probe
    }

    fn unborn(mailbox: usize, hears: bool) -> Self {
        let (heard, received) = mpsc::channel(4_096);
        let (hearing, hears) = watch::channel(hears);
        Self {
            received,
            ear: Ear { heard, hears },
            hearing,
            mailbox,
            slot: Arc::default(),
            life: None,
        }
    }

    /// Begins a life, or another one.
    pub(crate) fn start(&mut self) {
        let mut context = Context::new();
        context.set_mailbox_capacity(self.mailbox);
        self.slot.fill(context.address());
        self.life = Some(actix::spawn(context.into_future(self.ear.clone())));
    }

    /// Works off what waits in its mailbox, and is busy no more.
    pub(crate) fn hear(&self) {
        self.hearing.send_replace(true);
    }

    /// Ends the present life, and with it what waits in the mailbox; sends fail until [`Probe::start`].
    pub(crate) async fn die(&mut self) {
        let life = self.life.take().expect("a living probe");
        life.abort();
        let ended = life.await;
        assert!(ended.is_err(), "a probe does not end by itself");
        self.slot.clear();
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
            .expect("the probe holds a sender itself")
    }

    /// What has come by now.
    pub(crate) fn drain(&mut self) -> Vec<M> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

/// The actor in a probe.
pub(crate) struct Ear<M: Heard> {
    heard: mpsc::Sender<M>,
    hears: watch::Receiver<bool>,
}

impl<M: Heard> Clone for Ear<M> {
    fn clone(&self) -> Self {
        Self {
            heard: self.heard.clone(),
            hears: self.hears.clone(),
        }
    }
}

impl<M: Heard> Actor for Ear<M> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let mut hears = self.hears.clone();
        let until_it_hears = async move {
            let heard = hears.wait_for(|hears| *hears).await;
            assert!(heard.is_ok(), "the probe outlives its ear");
        };
        ctx.wait(actix::fut::wrap_future(until_it_hears));
    }
}

impl<M: Heard> Handler<M> for Ear<M> {
    type Result = MessageResult<M>;

    fn handle(&mut self, message: M, _: &mut Self::Context) -> Self::Result {
        self.heard.try_send(message).expect("room in the probe");
        MessageResult(M::Result::default())
    }
}
