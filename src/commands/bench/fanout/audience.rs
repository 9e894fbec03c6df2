//! The crowd before a server: one thread and one epoll loop that hold all sessions, and the reactions that flow meanwhile.
//!
//! It has to be cheaper than the server it measures. So it parses no JSON, keeps no memory per frame, and tells how long it
//! has waited for the server: a loop that does not wait is the bottleneck.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use mio::{Events, Poll};
use tokio::time::Instant;

use super::reactions::{FIRST_TOKEN, Reactions};
use super::seen::Seen;
use super::session::{Door, Manner, Scene, Session};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::sources;

/// Sockets told ready at once.
const EVENTS: usize = 4_096;

/// More than a socket usually holds: a read that does not fill it has read all there is.
const BUFFER: usize = 64 * 1_024;

/// The longest wait for sockets, so that deadlines and conditions are looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// How often a session that trickles reads its byte.
const TRICKLE: Duration = Duration::from_secs(1);

/// How long a crowd may take to come in, for each thousand of them and at least.
const PATIENCE: Duration = Duration::from_secs(10);

/// The crowd before one server.
#[derive(Debug)]
pub(super) struct Audience {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    door: Door,
    server: SocketAddr,
    sessions: Vec<Session>,
    reactions: Option<Reactions>,
    waited: Duration,
    trickled: Instant,
    /// What it has seen so far.
    pub(super) seen: Seen,
}

impl Audience {
    /// Nobody yet.
    pub(super) fn before(address: &str, door: Door) -> Result<Self, Failure> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            buffer: vec![0; BUFFER],
            door,
            server: sources::parse(address)?,
            sessions: Vec::new(),
            reactions: None,
            waited: Duration::ZERO,
            trickled: Instant::now(),
            seen: Seen::default(),
        })
    }

    pub(super) fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// That many more sessions come in, at most `at_once` of them at the same time. False if some did not.
    pub(super) fn join(
        &mut self,
        num: usize,
        manner: impl Fn(usize) -> Manner,
        at_once: usize,
    ) -> Result<bool, Failure> {
        let first = self.sessions.len();
        let fresh = (first..first + num).map(|number| Session::new(number, manner(number)));
        self.sessions.extend(fresh);
        self.enter(first, at_once)
    }

    /// All who have left come back, each from where it stood. False if some did not.
    pub(super) fn come_back(&mut self, at_once: usize) -> Result<bool, Failure> {
        self.enter(0, at_once)
    }

    /// Sessions come in from number `first` on, until each is open or was refused.
    fn enter(&mut self, first: usize, at_once: usize) -> Result<bool, Failure> {
        let num = self.sessions.len() - first;
        let before = self.num_settled();
        let deadline = Instant::now() + PATIENCE * (1 + num as u32 / 1_000);
        let mut num_begun = 0;
        loop {
            let num_settled = self.num_settled() - before;
            if num_settled >= num || Instant::now() >= deadline {
                let mut entered = self.sessions[first..].iter();
                return Ok(entered.all(Session::is_open));
            }
            while num_begun < num.min(num_settled + at_once) {
                self.begin(first + num_begun)?;
                num_begun += 1;
            }
            self.turn(deadline)?;
        }
    }

    /// How many have come in or were refused, in all.
    fn num_settled(&self) -> usize {
        self.seen.num_opened + self.seen.ends.len()
    }

    fn begin(&mut self, number: usize) -> io::Result<()> {
        let scene = Scene {
            door: &self.door,
            server: self.server,
            registry: self.poll.registry(),
            seen: &mut self.seen,
            buffer: &mut self.buffer,
            waited: self.waited,
        };
        self.sessions[number].begin(&scene)
    }

    /// All of them go at once, without a word.
    pub(super) fn leave(&mut self) {
        self.sessions.iter_mut().for_each(Session::leave);
    }

    /// All of them go, and nothing is remembered of them.
    pub(super) fn forget(&mut self) {
        self.leave();
        self.sessions.clear();
    }

    /// Reactions flow from now on, so many per second, until [`Self::quieten`].
    pub(super) fn react(&mut self, per_second: u32) -> Result<(), Failure> {
        let reactions = Reactions::begin(self.server, per_second, self.poll.registry())?;
        self.reactions = Some(reactions);
        Ok(())
    }

    /// No further reaction is sent. Waits for the answers to those that were, and tells what became of all of them.
    pub(super) fn quieten(&mut self, patience: Duration) -> Result<Reactions, Failure> {
        if let Some(reactions) = &mut self.reactions {
            reactions.stop();
        }
        let answered = |audience: &Self| audience.reactions().is_none_or(Reactions::is_answered);
        self.run_until(Instant::now() + patience, answered)?;
        Ok(self.reactions.take().unwrap_or_default())
    }

    pub(super) fn reactions(&self) -> Option<&Reactions> {
        self.reactions.as_ref()
    }

    /// Runs until the condition holds, and says so, or until the deadline.
    pub(super) fn run_until(
        &mut self,
        deadline: Instant,
        is_done: impl Fn(&Self) -> bool,
    ) -> Result<bool, Failure> {
        loop {
            if is_done(self) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            self.turn(deadline)?;
        }
    }

    /// Runs for so long.
    pub(super) fn run_for(&mut self, time: Duration) -> Result<(), Failure> {
        self.run_until(Instant::now() + time, |_| false).map(drop)
    }

    /// Waits for sockets once, and serves those that are ready.
    fn turn(&mut self, deadline: Instant) -> Result<(), Failure> {
        let now = Instant::now();
        self.trickle(now);
        let mut wake = deadline.min(now + GLANCE);
        if let Some(reactions) = &mut self.reactions {
            reactions.send_due(now)?;
            wake = reactions.next_due().map_or(wake, |due| wake.min(due));
        }
        let timeout = wake.saturating_duration_since(now);
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        self.waited += now.elapsed();
        let mut scene = Scene {
            door: &self.door,
            server: self.server,
            registry: self.poll.registry(),
            seen: &mut self.seen,
            buffer: &mut self.buffer,
            waited: self.waited,
        };
        for event in &self.events {
            let token = event.token().0;
            if let Some(session) = self.sessions.get_mut(token) {
                session.on_event(event, &mut scene);
            } else if let Some(reactions) = &mut self.reactions
                && token >= FIRST_TOKEN
            {
                reactions.on_answer(token, scene.buffer)?;
            }
        }
        Ok(())
    }

    fn trickle(&mut self, now: Instant) {
        if now - self.trickled < TRICKLE {
            return;
        }
        self.trickled = now;
        let trickling = self
            .sessions
            .iter_mut()
            .filter(|session| session.manner() == Manner::Trickles && session.is_open());
        for session in trickling {
            session.nibble(&mut self.seen);
        }
    }
}
