//! A neighbour whose answers matter.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResult};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::actors::link::{Link, Slot};

/// A request that a desk can answer.
pub(crate) trait Asked: Message<Result: Send> + Send + Unpin + 'static {}

impl<M: Message<Result: Send> + Send + Unpin + 'static> Asked for M {}

/// Answers requests of one type as the test says, and keeps them for it, over all its lives. Where the answer is the
/// default of its type, a probe will do.
pub(crate) struct Desk<M: Asked> {
    asked: mpsc::Receiver<M>,
    rules: Rc<Rules<M>>,
    slot: Arc<Slot<Clerk<M>>>,
    life: Option<JoinHandle<()>>,
}

impl<M: Asked> Desk<M> {
    /// A desk that answers at once.
    pub(crate) fn new(answer: impl Fn(&M) -> M::Result + 'static) -> Self {
        let desk = Self::busy(answer);
        desk.open();
        desk
    }

    /// A desk that answers nothing until [`Desk::open`].
    pub(crate) fn busy(answer: impl Fn(&M) -> M::Result + 'static) -> Self {
        let (file, asked) = mpsc::channel(1_024);
        let rules = Rules {
            is_open: watch::Sender::new(false),
            answer: Box::new(answer),
            file,
        };
        let mut desk = Self {
            asked,
            rules: Rc::new(rules),
            slot: Arc::default(),
            life: None,
        };
        desk.start();
        desk
    }

    /// Works off what waits, and is busy no more.
    pub(crate) fn open(&self) {
        self.rules.is_open.send_replace(true);
    }

    /// Is busy again from its next life on.
    pub(crate) fn close(&self) {
        self.rules.is_open.send_replace(false);
    }

    /// Begins another life.
    pub(crate) fn start(&mut self) {
        let context = Context::new();
        self.slot.fill(context.address());
        self.life = Some(actix::spawn(context.into_future(Clerk(self.rules.clone()))));
    }

    /// Ends the present life, and with it what waits; requests fail until [`Desk::start`].
    pub(crate) async fn die(&mut self) {
        let life = self.life.take().expect("a living desk");
        life.abort();
        assert!(life.await.is_err(), "a desk does not end by itself");
        self.slot.clear();
    }

    /// An asker's end.
    pub(crate) fn link(&self) -> Link<M> {
        self.slot.link()
    }

    /// What has been answered by now.
    pub(crate) fn drain(&mut self) -> Vec<M> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }
}

/// What a desk says to a request.
type Answer<M> = dyn Fn(&M) -> <M as Message>::Result;

struct Rules<M: Asked> {
    is_open: watch::Sender<bool>,
    answer: Box<Answer<M>>,
    file: mpsc::Sender<M>,
}

/// The actor behind a desk.
pub(crate) struct Clerk<M: Asked>(Rc<Rules<M>>);

impl<M: Asked> Actor for Clerk<M> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let mut is_open = self.0.is_open.subscribe();
        let until_open = async move {
            let opened = is_open.wait_for(|open| *open).await;
            assert!(opened.is_ok(), "the clerk holds the rules");
        };
        ctx.wait(actix::fut::wrap_future(until_open));
    }
}

impl<M: Asked> Handler<M> for Clerk<M> {
    type Result = MessageResult<M>;

    fn handle(&mut self, request: M, _: &mut Self::Context) -> Self::Result {
        let answer = (self.0.answer)(&request);
        self.0.file.try_send(request).expect("room at the desk");
        MessageResult(answer)
    }
}
