//! Keeps actors alive.
//!
//! actix's own supervisor keeps the old value and does not survive a panic. This one holds a *factory*: it builds the
//! actor, watches its life to the end (also through a panic), and builds a new one after a growing pause. What has to
//! outlive the actor (a fold, a board) is held by the factory and lent to each life. An actor that dies
//! [`MAX_DEATHS`] times within [`DEATH_SPAN`] cannot be kept alive: the node is told and ends.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context};
use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::actors::link::Slot;
use crate::telemetry::events::ActorDied;
use crate::telemetry::{Metrics, panic_text};

/// Deaths of one actor within [`DEATH_SPAN`] that end the process.
pub const MAX_DEATHS: usize = 5;
/// The span in which deaths are counted.
pub const DEATH_SPAN: Duration = Duration::from_secs(60);

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a life ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Nothing left to do; not rebuilt.
    Done,
    /// Asked to stop; not rebuilt.
    Asked,
    /// The stage it feeds is gone for good; rebuilt.
    DownstreamGone,
    /// It gave up by itself; rebuilt.
    Failed(String),
    /// It panicked; rebuilt.
    Panicked(String),
    /// It must not go on, and another life would not change that; the node ends.
    Hopeless(String),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => formatter.write_str("done"),
            Self::Asked => formatter.write_str("asked to stop"),
            Self::DownstreamGone => formatter.write_str("downstream gone"),
            Self::Failed(reason) => write!(formatter, "failed: {reason}"),
            Self::Panicked(reason) => write!(formatter, "panicked: {reason}"),
            Self::Hopeless(reason) => formatter.write_str(reason),
        }
    }
}

/// Lent to each life, so that an actor that stops itself can say why.
#[derive(Debug, Clone, Default)]
pub struct Lifeline(Rc<RefCell<Option<Exit>>>);

impl Lifeline {
    /// Names the reason; the actor stops its context itself.
    pub fn leave(&self, exit: Exit) {
        *self.0.borrow_mut() = Some(exit);
    }

    fn exit(&self) -> Exit {
        self.0.borrow_mut().take().unwrap_or(Exit::Done)
    }
}

/// Supervision of one node. Cheap to clone; every clone reports to the same place.
#[derive(Debug, Clone)]
pub struct Supervision {
    metrics: Arc<Metrics>,
    gave_up: watch::Sender<Option<String>>,
}

impl Supervision {
    /// Supervision that counts deaths in `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            gave_up: watch::Sender::new(None),
        }
    }

    /// Waits until an actor can't be kept alive, and names it; with the reason, if it said that there is no hope.
    pub async fn gave_up(&self) -> String {
        let mut given_up = self.gave_up.subscribe();
        match given_up.wait_for(Option::is_some).await {
            Ok(name) => name.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Builds the actor on this thread and keeps it alive in `slot` until it is done or asked to stop.
    pub fn keep_alive<A>(
        &self,
        name: impl Into<String>,
        slot: Arc<Slot<A>>,
        factory: impl FnMut(&Lifeline) -> A + 'static,
    ) -> Supervised<A>
    where
        A: Actor<Context = Context<A>>,
    {
        let ending = Rc::new(Notify::new());
        let life = Lives {
            name: name.into(),
            slot: slot.clone(),
            ending: ending.clone(),
            supervision: self.clone(),
            deaths: VecDeque::new(),
        };
        actix::spawn(life.run(factory));
        Supervised { slot, ending }
    }
}

/// An actor under supervision.
#[derive(Debug)]
pub struct Supervised<A: Actor> {
    /// Where it is found.
    pub slot: Arc<Slot<A>>,
    ending: Rc<Notify>,
}

impl<A: Actor> Supervised<A> {
    /// Ends the present life and builds no other.
    pub fn stop(&self) {
        self.ending.notify_one();
    }
}

struct Lives<A: Actor> {
    name: String,
    slot: Arc<Slot<A>>,
    ending: Rc<Notify>,
    supervision: Supervision,
    deaths: VecDeque<Instant>,
}

impl<A: Actor<Context = Context<A>>> Lives<A> {
    async fn run(mut self, mut factory: impl FnMut(&Lifeline) -> A) {
        loop {
            let exit = tokio::select! {
                exit = live(&self.slot, &mut factory) => exit,
                () = self.ending.notified() => Exit::Asked,
            };
            self.slot.clear();
            let Some(pause) = self.mourn(&exit) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.ending.notified() => return,
            }
        }
    }

    /// How long to wait before the next life; `None` if there is none.
    fn mourn(&mut self, exit: &Exit) -> Option<Duration> {
        if matches!(exit, Exit::Done | Exit::Asked) {
            tracing::debug!(actor = self.name, %exit, "actor ended");
            return None;
        }
        let now = Instant::now();
        self.deaths.push_back(now);
        while self
            .deaths
            .front()
            .is_some_and(|death| now - *death > DEATH_SPAN)
        {
            self.deaths.pop_front();
        }
        let is_hopeless = matches!(exit, Exit::Hopeless(_));
        let lives_on = self.deaths.len() < MAX_DEATHS && !is_hopeless;
        let pause_opt = lives_on.then(|| pause_after(self.deaths.len()));
        ActorDied {
            actor: &self.name,
            exit: &exit.to_string(),
            rebuilt_in_opt: pause_opt,
        }
        .emit(&self.supervision.metrics);
        if !lives_on {
            let said = match exit {
                Exit::Hopeless(reason) => format!("{}: {reason}", self.name),
                _ => self.name.clone(),
            };
            self.supervision.gave_up.send_replace(Some(said));
        }
        pause_opt
    }
}

/// Four times as long with every death in the span, so that the last one before it is given up is the longest.
fn pause_after(deaths: usize) -> Duration {
    let earlier = deaths.saturating_sub(1).min(MAX_DEATHS) as u32;
    (FIRST_PAUSE * 4u32.pow(earlier)).min(LONGEST_PAUSE)
}

/// One life: built, run to its end.
async fn live<A>(slot: &Slot<A>, factory: &mut impl FnMut(&Lifeline) -> A) -> Exit
where
    A: Actor<Context = Context<A>>,
{
    let lifeline = Lifeline::default();
    let actor = match std::panic::catch_unwind(AssertUnwindSafe(|| factory(&lifeline))) {
        Ok(actor) => actor,
        Err(panic) => return Exit::Panicked(panic_text(&*panic).to_owned()),
    };
    let context = Context::new();
    let address = context.address();
    let mut life = context.into_future(actor);
    slot.fill(address);
    match AssertUnwindSafe(&mut life).catch_unwind().await {
        Ok(()) => lifeline.exit(),
        Err(panic) => {
            // The context polls the actor once more when it is dropped, which may panic again.
            let _second = std::panic::catch_unwind(AssertUnwindSafe(|| drop(life)));
            Exit::Panicked(panic_text(&*panic).to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
