//! Hands windows to the sessions of one worker, and watches them from outside.
//!
//! - Receives: [`SubscriberWindows`] and [`ClusterAnnounced`] from cluster publishers, [`MoveSessions`] from Clusters,
//!   [`DeliveryChanged`] and [`StreamsStand`] from the source on Kafka, [`CloseSessions`] when the node drains.
//! - Emits: nothing by mailbox. It writes the board, and from there into the sockets that are free; it wakes the sessions of
//!   others. [`SLICE`] at a time with a yield between, so that the worker's requests do not wait for the whole crowd.
//! - Owns: nothing that its worker does not keep; see [`Board`].
//! - When a session's socket is full: nothing happens; its cursor stays behind and takes one merged frame later.
//! - When it dies: sessions keep their places on the board, and publishers send each stream's newest window again.
//!
//! A session whose peer stops reading is not polled any more, its own timers included. So silence is judged here, and the
//! kernel ends a socket that takes nothing for `session.stall_timeout` (`TCP_USER_TIMEOUT`, set when it connects).

use std::rc::Rc;
use std::time::Duration;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{Actor, AsyncContext, Context, Handler};
use tokio::time::Instant;

use crate::actors::board::{Board, Place};
use crate::actors::close::Close;
use crate::actors::messages::{
    CloseSessions, ClusterAnnounced, DeliveryChanged, MoveSessions, StreamsStand, SubscriberWindows,
};
use crate::actors::subscriber::{Subscriber, Verdict, Watch};
use crate::domain::WindowSize;

/// Sessions that are served before the worker turns to other work.
pub const SLICE: usize = 64;
/// The pause between slices when sessions are sent away, so that they do not all come back at once.
const FAREWELL_PAUSE: Duration = Duration::from_millis(5);

/// The pause between slices of pings, and how long all of them may take.
const PING_PAUSE: Duration = Duration::from_millis(20);
const PING_SPREAD: Duration = Duration::from_secs(2);

const MAILBOX: usize = 256;

/// Settings under `session`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubConfig {
    /// How far back a session may come with `since`.
    pub retention: Duration,
    /// Silence after which a session is closed.
    pub stall_timeout: Duration,
    /// Silence after which a session without traffic is pinged.
    pub ping_interval: Duration,
}

impl HubConfig {
    /// `retention` in windows, at least one.
    pub fn retained_windows(&self, window: WindowSize) -> usize {
        (self.retention.as_millis() as usize)
            .div_ceil(window.as_ms() as usize)
            .max(1)
    }

    fn watch(&self) -> Watch {
        Watch {
            stall_timeout: self.stall_timeout,
            ping_interval: self.ping_interval,
        }
    }

    /// How long nobody is looked at.
    fn watch_interval(&self) -> Duration {
        (self.stall_timeout / 15).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }

    /// The same, where a time-out ends sooner. All sessions are looked at, so that it is not waited for to the millisecond.
    fn next_look(&self, rest: Duration) -> Duration {
        let interval = self.watch_interval();
        rest.clamp(interval / 8, interval)
    }
}

/// The actor.
#[derive(Debug)]
pub struct SessionHub {
    config: HubConfig,
    board: Rc<Board>,
    farewell_begun: bool,
    /// Pings are on their way out: those who are due now come after them.
    is_pinging: bool,
}

impl SessionHub {
    /// A hub over its worker's board.
    pub fn new(config: HubConfig, board: Rc<Board>) -> Self {
        Self {
            config,
            board,
            farewell_begun: false,
            is_pinging: false,
        }
    }

    fn watch(&mut self, ctx: &mut Context<Self>) {
        let (now, watch) = (Instant::now(), self.config.watch());
        let mut silent = Vec::new();
        let mut soonest = watch.stall_timeout;
        self.board
            .look_at_all(|subscriber| match subscriber.judge(now, watch) {
                Verdict::Fine => {}
                Verdict::Waiting(rest) => soonest = soonest.min(rest),
                Verdict::Ping => silent.push(subscriber.clone()),
                Verdict::Stalled => self.board.close(subscriber, Close::Stalled),
            });
        if !silent.is_empty() && !self.is_pinging {
            self.is_pinging = true;
            let pause = ping_pause(silent.len());
            let pinging = in_slices(silent, Some(pause), Subscriber::ping);
            ctx.spawn(wrap_future::<_, Self>(pinging).map(|(), hub, _| hub.is_pinging = false));
        }
        ctx.run_later(self.config.next_look(soonest), Self::watch);
    }
}

impl Actor for SessionHub {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_later(self.config.watch_interval(), Self::watch);
    }
}

impl Handler<SubscriberWindows> for SessionHub {
    type Result = ();

    fn handle(&mut self, delivered: SubscriberWindows, _: &mut Self::Context) {
        let behind = self
            .board
            .deliver(delivered.cluster, delivered.policy, &delivered.windows);
        for place in behind {
            if place.num_sessions > SLICE {
                actix::spawn(push_in_slices(self.board.clone(), place));
            } else {
                self.board.push_next(&place, None, SLICE);
            }
        }
    }
}

impl Handler<ClusterAnnounced> for SessionHub {
    type Result = ();

    fn handle(&mut self, announced: ClusterAnnounced, _: &mut Self::Context) {
        self.board.announce(announced.cluster, announced.policy);
    }
}

impl Handler<DeliveryChanged> for SessionHub {
    type Result = ();

    fn handle(&mut self, changed: DeliveryChanged, _: &mut Self::Context) {
        if self.board.interrupt(changed.interrupted) {
            let (board, all) = (self.board.clone(), self.board.subscribers(false));
            // What is said is how it stands when a session's turn comes.
            let tell = move |subscriber: &Subscriber| board.tell_delivery(subscriber);
            actix::spawn(in_slices(all, None, tell));
        }
    }
}

impl Handler<StreamsStand> for SessionHub {
    type Result = ();

    fn handle(&mut self, told: StreamsStand, _: &mut Self::Context) {
        self.board.stand(&told.standings);
    }
}

impl Handler<MoveSessions> for SessionHub {
    type Result = usize;

    fn handle(&mut self, moving: MoveSessions, _: &mut Self::Context) -> usize {
        self.board.move_sessions(moving.from, &moving.to)
    }
}

impl Handler<CloseSessions> for SessionHub {
    type Result = usize;

    fn handle(&mut self, _: CloseSessions, _: &mut Self::Context) -> usize {
        let open = self.board.subscribers(true);
        let num_open = open.len();
        if !self.farewell_begun {
            self.farewell_begun = true;
            let board = self.board.clone();
            let close = move |subscriber: &Subscriber| board.close(subscriber, Close::Draining);
            actix::spawn(in_slices(open, Some(FAREWELL_PAUSE), close));
        }
        num_open
    }
}

async fn push_in_slices(board: Rc<Board>, place: Place) {
    let mut served = None;
    while let Some(last) = board.push_next(&place, served, SLICE) {
        served = Some(last);
        tokio::task::yield_now().await;
    }
}

/// Does something for each of them, with a pause between slices: none is a turn for other work.
async fn in_slices(all: Vec<Rc<Subscriber>>, pause: Option<Duration>, act: impl Fn(&Subscriber)) {
    for slice in all.chunks(SLICE) {
        slice.iter().for_each(|subscriber| act(subscriber));
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => tokio::task::yield_now().await,
        }
    }
}

/// Sessions that came together are silent together. Their pings and pongs in one go would hold up a window by as much as
/// sending it twice.
fn ping_pause(num_silent: usize) -> Duration {
    let num_slices = num_silent.div_ceil(SLICE).max(1) as u32;
    (PING_SPREAD / num_slices).min(PING_PAUSE)
}

#[cfg(test)]
mod tests;
