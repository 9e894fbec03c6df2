//! Takes reactions in and writes them to Kafka, one actor per HTTP worker, on that worker's thread.
//!
//! - Receives: [`Submit`] from handlers and sessions of the same worker, [`Drain`].
//! - Emits: a record of `emoji_topic` per reaction, through the one [`ReactionWriter`] of the node. A request is answered when
//!   the broker has answered for its last record.
//! - Owns: nothing but the number of reactions that it waits for.
//! - When too many wait: new ones are turned away with [`Shed::Overloaded`]; while the brokers are away with
//!   [`Shed::BrokerAway`], before anything is sent.
//! - When it dies: what it has sent is answered all the same, and is in the books.

mod deliveries;
mod ticket;
mod writer;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler, ResponseFuture};
use tokio::sync::watch;

use crate::actors::messages::{Drain, Shed, Submit};

pub use writer::{ReactionWriter, WriterSetup};

const MAILBOX: usize = 4_096;
/// How long a drain waits before it says what is still there.
const DRAIN_LOOK: Duration = Duration::from_secs(1);

/// The actor.
#[expect(missing_debug_implementations, reason = "the producer has none")]
pub struct ReactionSink {
    writer: Arc<ReactionWriter>,
    /// Reactions whose answer is still to come.
    waiting: Rc<watch::Sender<usize>>,
    draining: bool,
}

impl ReactionSink {
    /// A sink for one worker, over the writer of its node.
    pub fn new(writer: Arc<ReactionWriter>) -> Self {
        Self {
            writer,
            waiting: Rc::new(watch::Sender::new(0)),
            draining: false,
        }
    }
}

/// Reactions that are waited for, as long as it lives.
struct Waits {
    reactions: usize,
    all: Rc<watch::Sender<usize>>,
}

impl Waits {
    fn new(reactions: usize, all: &Rc<watch::Sender<usize>>) -> Self {
        all.send_modify(|waiting| *waiting += reactions);
        Self {
            reactions,
            all: all.clone(),
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.all.send_modify(|waiting| *waiting -= self.reactions);
    }
}

impl Actor for ReactionSink {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Submit> for ReactionSink {
    type Result = ResponseFuture<Result<(), Shed>>;

    fn handle(&mut self, submit: Submit, _: &mut Self::Context) -> Self::Result {
        let reactions = &submit.reactions;
        if reactions.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        if self.draining {
            self.writer.turn_away(reactions, Shed::Draining);
            return Box::pin(std::future::ready(Err(Shed::Draining)));
        }
        let answer = match self.writer.submit(reactions) {
            Ok(answer) => answer,
            Err(shed) => return Box::pin(std::future::ready(Err(shed))),
        };
        let waits = Waits::new(reactions.len(), &self.waiting);
        Box::pin(async move {
            let _waits = waits;
            // An answer that was dropped on the way is one that nobody gave.
            answer.await.unwrap_or(Err(Shed::UnknownOutcome))
        })
    }
}

impl Handler<Drain> for ReactionSink {
    type Result = ResponseFuture<usize>;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        self.draining = true;
        let mut waiting = self.waiting.subscribe();
        Box::pin(async move {
            let settled = waiting.wait_for(|waiting| *waiting == 0);
            let _ = tokio::time::timeout(DRAIN_LOOK, settled).await;
            *waiting.borrow()
        })
    }
}
