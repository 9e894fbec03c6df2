//! The actor under test, supervised as in a running node, and how to make it panic.

use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Context, Handler, Message};

use crate::actors::link::{Alive, Link, Slot};
use crate::actors::supervisor::{Supervised, Supervision};
use crate::telemetry::Metrics;

use super::settle;

/// Makes an actor panic; [`mortal!`] gives it the handler.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Die;

/// Lets an actor be killed by [`Die`].
macro_rules! mortal {
    ($actor:ty) => {
        impl actix::Handler<$crate::testkit::Die> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::testkit::Die, _: &mut Self::Context) {
                panic!("killed by its test");
            }
        }
    };
}

pub(crate) use mortal;

/// A supervised actor: a panic ends one life, and another one follows.
pub(crate) struct Stage<A: Actor> {
    slot: Arc<Slot<A>>,
    supervised: Supervised<A>,
}

impl<A: Actor<Context = Context<A>>> Stage<A> {
    /// Builds the actor as its factory in a node would, and waits until it is up.
    pub(crate) async fn start(metrics: &Arc<Metrics>, factory: impl Fn() -> A + 'static) -> Self {
        let slot: Arc<Slot<A>> = Arc::default();
        let supervision = Supervision::new(metrics.clone());
        let supervised = supervision.keep_alive("stage", slot.clone(), move |_| factory());
        settle().await;
        assert!(slot.is_alive(), "it is up");
        Self { slot, supervised }
    }

    /// A sender's end.
    pub(crate) fn link<M>(&self) -> Link<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        self.slot.link()
    }

    /// Puts a message into the mailbox, which the actor comes to when the test waits for something.
    pub(crate) fn put<M>(&self, message: M)
    where
        M: Message + Send + std::fmt::Debug + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let mut link = self.link();
        link.try_send(message).expect("a fresh link has a place");
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask<M>(&self, message: M) -> M::Result
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let answer = self.link().ask(message).await;
        answer.expect("an actor that lives until it answers")
    }

    /// Kills it, and waits until the supervisor has built the next life. What was put into the mailbox before is handled
    /// first.
    pub(crate) async fn die_and_come_back(&self)
    where
        A: Handler<Die>,
    {
        self.put(Die);
        self.come_back().await;
    }

    /// Waits through the death that the test has put into the mailbox, up to the next life.
    pub(crate) async fn come_back(&self) {
        settle().await;
        assert!(!self.slot.is_alive(), "it is dead");
        while !self.slot.is_alive() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Ends it for good.
    pub(crate) async fn stop(&self) {
        self.supervised.stop();
        settle().await;
        assert!(!self.slot.is_alive(), "it is gone");
    }
}
