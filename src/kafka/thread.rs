//! A thread behind an actor. librdkafka's calls block, so they stay off the arbiters: the stage lives on a thread of its
//! own, and the actor is its face.
//!
//! - Receives: [`Drain`], which asks the thread to end in order and is answered once it has.
//! - Emits: what its thread does.
//! - Owns: the thread.
//! - When it dies: the thread is asked to end. When the thread ends by itself, so does the actor, and its exit says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::watch;

use super::health::Health;
use crate::actors::messages::Drain;
use crate::actors::supervisor::{Exit, Lifeline};

/// Whether a thread has been asked to end. It has to look several times a second.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// True once it was asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why a thread ended without being asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Another life may do better.
    #[error("{0}")]
    Passing(String),
    /// No other life would.
    #[error("{0}")]
    Final(String),
}

impl Failure {
    /// A failure that another life may not meet.
    pub fn passing(cause: impl std::fmt::Display) -> Self {
        Self::Passing(cause.to_string())
    }
}

/// What a thread does until it is asked to stop.
pub type Work = Box<dyn FnOnce(&Stop) -> Result<(), Failure> + Send>;

/// The actor.
pub struct Threaded {
    work: Option<Work>,
    health: Arc<Health>,
    lifeline: Lifeline,
    stop: Stop,
    ended: watch::Sender<bool>,
    /// Drained: the face stays, so that whoever asks again finds it done.
    stays: bool,
}

impl std::fmt::Debug for Threaded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = self.health.stage();
        formatter
            .debug_struct("Threaded")
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}

/// The thread has ended.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended(Result<(), Failure>);

impl Threaded {
    /// One life of a stage that does this work.
    pub fn new(health: Arc<Health>, lifeline: &Lifeline, work: Work) -> Self {
        Self {
            work: Some(work),
            health,
            lifeline: lifeline.clone(),
            stop: Stop::default(),
            ended: watch::Sender::new(false),
            stays: false,
        }
    }

    fn begin(&mut self, ctx: &mut Context<Self>) {
        let Some(work) = self.work.take() else {
            return;
        };
        let (stop, face) = (self.stop.clone(), ctx.address());
        let thread = std::thread::Builder::new().name(self.health.stage().to_owned());
        self.health.set_running(true);
        let begun = thread.spawn(move || {
            let work = std::panic::AssertUnwindSafe(|| work(&stop));
            let done = std::panic::catch_unwind(work).unwrap_or_else(|panic| {
                let text = crate::telemetry::panic_text(&*panic);
                Err(Failure::Passing(format!("panicked: {text}")))
            });
            // A face that is gone has asked for the end, and waits for nothing.
            let _ = face.try_send(Ended(done));
        });
        if let Err(error) = begun {
            self.end(Err(Failure::passing(error)), ctx);
        }
    }

    fn end(&mut self, done: Result<(), Failure>, ctx: &mut Context<Self>) {
        self.health.set_running(false);
        self.ended.send_replace(true);
        if self.stays {
            if let Err(failure) = done {
                tracing::warn!(stage = self.health.stage(), %failure, "stage failed while draining");
            }
            return;
        }
        self.lifeline.leave(match done {
            Ok(()) => Exit::Asked,
            Err(Failure::Passing(cause)) => Exit::Failed(cause),
            Err(Failure::Final(cause)) => Exit::Hopeless(cause),
        });
        ctx.stop();
    }
}

impl Actor for Threaded {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.begin(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.stop.ask();
        self.health.set_running(false);
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.stop.ask();
    }
}

impl Handler<Ended> for Threaded {
    type Result = ();

    fn handle(&mut self, ended: Ended, ctx: &mut Self::Context) {
        self.end(ended.0, ctx);
    }
}

impl Handler<Drain> for Threaded {
    type Result = ResponseFuture<usize>;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        self.stays = true;
        self.stop.ask();
        let mut ended = self.ended.subscribe();
        Box::pin(async move {
            // The sender lives as long as the actor does, and it answers before it is gone.
            let _ = ended.wait_for(|ended| *ended).await;
            0
        })
    }
}

#[cfg(test)]
mod tests;
