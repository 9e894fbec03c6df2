//! Two hundred sessions, each with a manner of its own, and what each of them held in the end.

use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::account::Account;
use super::plan::{NUM_SENDERS, React, STREAMS};
use super::session::Session;

pub(crate) const NUM_SESSIONS: usize = 200;
/// The cluster that is retired, and the one that is spawned, in the middle.
pub(crate) const RETIRED: u64 = 2;
pub(crate) const SPAWNED: u64 = 9;

/// SO_RCVBUF of a slow session, in bytes; the kernel rounds up to its least.
const SLOW_RECEIVE_BUFFER: u32 = 2_048;
/// A window long before any that the server still has.
const LONG_AGO: u64 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Watches and sends.
    Sending,
    /// Watches from before the first reaction to the last.
    Steady,
    /// Reads in fits and starts, from a small buffer.
    Slow,
    /// Leaves, and comes back with `since`.
    Returning,
    /// Comes in the middle, to the cluster spawned there.
    Late,
    /// Comes in the middle, with a `since` from long ago.
    Stranger,
}

impl Manner {
    pub(crate) fn of(index: usize) -> Self {
        match index {
            _ if index < NUM_SENDERS => Self::Sending,
            10..50 => Self::Slow,
            50..90 => Self::Returning,
            90..102 => Self::Late,
            102..104 => Self::Stranger,
            _ => Self::Steady,
        }
    }

    /// Whether it is there before the load begins.
    pub(crate) fn is_early(self) -> bool {
        !matches!(self, Self::Late | Self::Stranger)
    }
}

/// What the sessions wait for.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    /// The cluster in the middle delivers.
    pub(crate) spawned: watch::Receiver<bool>,
    /// The last window with a reaction in it, for each of [`STREAMS`].
    pub(crate) last_seq: watch::Receiver<Option<[u64; 2]>>,
}

#[derive(Debug)]
pub(crate) struct Fan {
    pub(crate) index: usize,
    pub(crate) manner: Manner,
    pub(crate) address: SocketAddr,
    pub(crate) rng: Rng,
    pub(crate) reacts: Vec<React>,
    pub(crate) signals: Signals,
}

/// What a session held when the last window had come.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) manner: Manner,
    pub(crate) first_cluster: u64,
    pub(crate) moves: Vec<u64>,
    pub(crate) account: Account,
}

impl Fan {
    fn stream(&self) -> usize {
        self.index % STREAMS.len()
    }

    /// Opens its session; the first three clusters are asked for in turn, one in eight has no wish.
    pub(crate) async fn enter(&self) -> Session {
        let cluster = match self.index {
            _ if self.manner == Manner::Late => SPAWNED.to_string(),
            index if index % 8 == 7 || !self.manner.is_early() => "auto".to_owned(),
            index => (index / 2 % 3 + 1).to_string(),
        };
        let session = self.connect(&format!("&cluster={cluster}")).await;
        if cluster != "auto" {
            assert_eq!(
                session.account.cluster.to_string(),
                cluster,
                "not the cluster asked for"
            );
        }
        session
    }

    async fn connect(&self, more: &str) -> Session {
        let query = format!(
            "stream={}&client_id=fan-{}{more}",
            STREAMS[self.stream()],
            self.index
        );
        let buffer = (self.manner == Manner::Slow).then_some(SLOW_RECEIVE_BUFFER);
        Session::open(self.address, &query, buffer).await
    }

    /// Behaves in its manner until the last window, in `session` if it had to be early.
    pub(crate) async fn attend(mut self, early: Option<Session>, load: Duration) -> Report {
        let mut session = match early {
            Some(session) => session,
            None => self.come_late().await,
        };
        let first_cluster = session.account.cluster;
        match self.manner {
            Manner::Sending => self.send(&mut session, load).await,
            Manner::Slow => self.read_in_fits(&mut session).await,
            Manner::Returning => session = self.leave_and_return(session, load).await,
            Manner::Steady | Manner::Late | Manner::Stranger => {}
        }
        let mut last_seq = self.signals.last_seq.clone();
        session.watch(has_value(&mut last_seq)).await;
        let last = last_seq.borrow().expect("it has a value")[self.stream()];
        session.read_through(last).await;
        Report {
            manner: self.manner,
            first_cluster,
            moves: session.moves,
            account: session.account,
        }
    }

    async fn come_late(&mut self) -> Session {
        let spawned = self.signals.spawned.wait_for(|&spawned| spawned).await;
        drop(spawned.expect("the test goes on"));
        if self.manner == Manner::Late {
            return self.enter().await;
        }
        let session = self.connect(&format!("&since={LONG_AGO}")).await;
        assert!(
            !session.recovered,
            "recovered from a window that nobody has"
        );
        session
    }

    /// Sends its reacts evenly over `load`, reading all the while.
    async fn send(&mut self, session: &mut Session, load: Duration) {
        let interval = load / u32::try_from(self.reacts.len()).expect("some thousands");
        let mut due = Instant::now();
        for react in &self.reacts {
            session.watch(sleep_until(due)).await;
            session.react(react).await;
            due += interval;
        }
        session.await_answers().await;
    }

    /// Reads for a moment, then not at all for seconds, and so on to the end.
    async fn read_in_fits(&mut self, session: &mut Session) {
        let mut last_seq = self.signals.last_seq.clone();
        while last_seq.borrow().is_none() {
            let fit = Duration::from_millis(self.rng.u64(50..200));
            session.watch(sleep(fit)).await;
            let pause = Duration::from_millis(self.rng.u64(2_000..5_000));
            tokio::select! {
                () = sleep(pause) => {}
                () = has_value(&mut last_seq) => {}
            }
        }
    }

    /// Leaves in good order or by the back door, and is back after a few windows.
    async fn leave_and_return(&mut self, mut session: Session, load: Duration) -> Session {
        let stay = load.mul_f64(0.1 + 0.6 * self.rng.f64());
        session.watch(sleep(stay)).await;
        let left = session.account.clone();
        if self.rng.bool() {
            session.close().await;
        } else {
            drop(session);
        }
        sleep(Duration::from_millis(self.rng.u64(1_200..4_000))).await;

        let mut session = self.connect(&format!("&since={}", left.seq)).await;
        assert!(session.recovered, "not recovered after a short absence");
        let back = &session.account;
        assert_eq!(back.seq, left.seq, "the cursor stands elsewhere");
        assert_eq!(
            (back.total, &back.totals),
            (left.total, &left.totals),
            "at {}",
            left.seq
        );
        assert!(
            session.next_span().await > 1,
            "what was missed comes as one merged frame"
        );
        session
    }
}

async fn has_value<T>(receiver: &mut watch::Receiver<Option<T>>) {
    let value = receiver.wait_for(Option::is_some).await;
    drop(value.expect("the test goes on"));
}
