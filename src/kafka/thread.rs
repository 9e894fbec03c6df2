//! A thread behind an actor. librdkafka's calls block, so they stay off the arbiters: the stage lives on a thread of its
//! own, and the actor is its face.
//!
//! - Receives: [`Drain`], which asks the thread to end in order and is answered once it has.
//! - Emits: what its thread does.
//! - Owns: the thread.
//! - When it dies: the thread is asked to end. When the thread ends by itself, so does the actor, and its exit says why.
//!   A thread that hangs cannot be ended: a call of librdkafka may ignore its time-out (`send_offsets_to_transaction`,
//!   librdkafka#5456). So each turn of a thread is a beat, and a thread that does not beat ends the node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::watch;
use tokio::time::Instant;

use super::health::Health;
use crate::actors::messages::Drain;
use crate::actors::supervisor::{Exit, Lifeline};

/// How long a thread may take for one turn. All that a turn may have to wait out stays below it.
const TURN: Duration = Duration::from_secs(60);

/// Between two looks at a thread's beats.
const LOOK: Duration = Duration::from_secs(5);

/// Whether a thread has been asked to end. It has to look several times a second, and each look is a sign of life.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Signals>);

#[derive(Debug, Default)]
struct Signals {
    is_asked: AtomicBool,
    beats: AtomicU64,
}

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Release);
    }

    /// True once it was asked. Asking is a beat.
    pub fn is_asked(&self) -> bool {
        self.beat();
        self.0.is_asked.load(Ordering::Acquire)
    }

    /// A sign of life, within a turn that waits for several answers.
    pub fn beat(&self) {
        self.0.beats.fetch_add(1, Ordering::Relaxed);
    }

    fn beats(&self) -> u64 {
        self.0.beats.load(Ordering::Relaxed)
    }
}

/// Watches a thread's beats.
#[derive(Debug)]
struct Pulse {
    beats: u64,
    /// When the last of them was seen.
    seen_at: Instant,
    looked_at: Instant,
}

impl Pulse {
    fn new(now: Instant) -> Self {
        Self {
            beats: 0,
            seen_at: now,
            looked_at: now,
        }
    }

    /// For how long there has been no beat, if that is too long. While nobody looked, the whole process may have been
    /// stopped, and its thread with it.
    fn is_missed(&mut self, beats: u64, now: Instant) -> Option<Duration> {
        let was_away = now - self.looked_at > 2 * LOOK;
        self.looked_at = now;
        if was_away || beats != self.beats {
            self.beats = beats;
            self.seen_at = now;
        }
        let missed = now - self.seen_at;
        (missed >= TURN).then_some(missed)
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
        match begun {
            Ok(_) => self.watch(ctx),
            Err(error) => self.end(Err(Failure::passing(error)), ctx),
        }
    }

    fn watch(&self, ctx: &mut Context<Self>) {
        let mut pulse = Pulse::new(Instant::now());
        ctx.run_interval(LOOK, move |stage, ctx| {
            let missed = pulse.is_missed(stage.stop.beats(), Instant::now());
            // Who drains waits no longer than it wants to.
            if let Some(missed) = missed.filter(|_| !stage.stays) {
                stage.lifeline.leave(Exit::Hopeless(format!(
                    "hangs in a call to librdkafka for {} s; the process has to be started anew",
                    missed.as_secs()
                )));
                ctx.stop();
            }
        });
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
