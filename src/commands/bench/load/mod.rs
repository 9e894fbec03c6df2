//! The generator of load: one thread, one epoll loop, messages that are made before the clock starts. It has to cost less
//! than the server it measures, so nothing is allocated per message, and no more of an answer is read than decides.

mod answers;
mod connection;
mod measured;
mod messages;
mod pace;

pub(super) use answers::Dialect;
pub(super) use measured::{Counts, Latencies, Sample};
pub(super) use messages::Messages;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use tokio::time::Instant;

use self::answers::Answer;
use self::connection::Connection;
use self::measured::Snapshot;
use self::pace::Pace;
use super::pacing::Pacing;
use super::process::Usage;

/// Sockets told ready at once.
const EVENTS: usize = 1_024;

/// More than any answer or any burst of frames.
const BUFFER: usize = 64 * 1_024;

/// What is not measured: the first requests, in which every path is taken anew.
const WARM_UP: Duration = Duration::from_millis(300);

/// The longest silence of a server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections to one server, each with one message in flight at most.
#[derive(Debug)]
pub(super) struct Load {
    poll: Poll,
    events: Option<Events>,
    connections: Vec<Connection>,
    /// Those with nothing in flight, the longest idle first.
    idle: VecDeque<usize>,
    /// Those that were told to come back later, and when.
    resting: BinaryHeap<Reverse<(Instant, usize)>>,
    buffer: Vec<u8>,
    /// When a server was heard last.
    heard: Instant,
    /// What has been answered so far.
    counts: Counts,
    latencies: Latencies,
}

/// What came of messages that each had their time.
#[derive(Debug)]
pub(super) struct OpenLoop {
    /// While they were sent.
    pub(super) sample: Sample,
    /// Of all that were accepted.
    pub(super) latencies: Latencies,
    /// How many were sent, and answered in the end.
    pub(super) sent: u64,
}

impl Load {
    /// Connects, each connection from another address, and shakes hands where the dialect does.
    pub(super) fn open(server: SocketAddr, num: u32, dialect: Dialect) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(num as usize);
        for index in 0..num {
            let mut connection = Connection::open(server, index, dialect)
                .with_context(|| format!("connection {index} to {server}"))?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(connection.source(), Token(index as usize), interest)?;
            connections.push(connection);
        }
        Ok(Self {
            poll,
            events: Some(Events::with_capacity(EVENTS)),
            idle: (0..connections.len()).collect(),
            resting: BinaryHeap::new(),
            connections,
            buffer: vec![0; BUFFER],
            heard: Instant::now(),
            counts: Counts::default(),
            latencies: Latencies::default(),
        })
    }

    /// Closed loop: every connection sends its next message as soon as the one before is answered. Tells what happened
    /// while `duration` lasted; what is in flight then is awaited, and no part of that.
    pub(super) fn saturate(
        &mut self,
        messages: &mut Messages,
        duration: Duration,
        server: &dyn Fn() -> Usage,
    ) -> anyhow::Result<Sample> {
        self.run(messages, &mut Pace::closed(Instant::now() + WARM_UP))?;
        let before = Snapshot::take(server(), self.counts);
        self.run(messages, &mut Pace::closed(Instant::now() + duration))?;
        let after = Snapshot::take(server(), self.counts);
        self.drain(messages)?;
        Ok(before.until(&after))
    }

    /// Open loop: each message has its intended time, however those before it fare. One that finds no connection free
    /// waits; those that still wait at the end are not sent.
    pub(super) fn offer(
        &mut self,
        messages: &mut Messages,
        pacing: Pacing,
        server: &dyn Fn() -> Usage,
    ) -> anyhow::Result<OpenLoop> {
        self.run(messages, &mut Pace::closed(Instant::now() + WARM_UP))?;
        self.drain(messages)?;
        self.measure(messages, pacing, false, server)
    }

    /// The same, of messages that are given up where they find no connection free, once it has gone on for so long.
    pub(super) fn insist(
        &mut self,
        messages: &mut Messages,
        pacing: Pacing,
        settling: Duration,
        server: &dyn Fn() -> Usage,
    ) -> anyhow::Result<OpenLoop> {
        let before = Pacing {
            duration: settling,
            ..pacing
        };
        self.run(messages, &mut Pace::open(before, Instant::now(), true))?;
        self.measure(messages, pacing, true, server)
    }

    fn measure(
        &mut self,
        messages: &mut Messages,
        pacing: Pacing,
        is_fleeting: bool,
        server: &dyn Fn() -> Usage,
    ) -> anyhow::Result<OpenLoop> {
        self.latencies = Latencies::expecting(pacing.num_sends());
        let num_before = self.counts.answers();
        let before = Snapshot::take(server(), self.counts);
        self.run(
            messages,
            &mut Pace::open(pacing, Instant::now(), is_fleeting),
        )?;
        let after = Snapshot::take(server(), self.counts);
        self.drain(messages)?;
        Ok(OpenLoop {
            sample: before.until(&after),
            latencies: std::mem::take(&mut self.latencies),
            sent: self.counts.answers() - num_before,
        })
    }

    /// What has been answered since it was opened.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    fn run(&mut self, messages: &mut Messages, pace: &mut Pace) -> anyhow::Result<()> {
        loop {
            let now = Instant::now();
            if pace.is_over(now) {
                return Ok(());
            }
            self.rouse(now);
            while let Some(&index) = self.idle.front()
                && let Some(due) = pace.next(now)
            {
                self.idle.pop_front();
                self.connections[index].send(messages, due, now)?;
            }
            if self.idle.is_empty() {
                pace.miss(now);
            }
            let wait = pace.wait(now, !self.idle.is_empty());
            let rest = self.resting.peek().map(|Reverse((end, _))| *end - now);
            self.turn(messages, pace, wait.into_iter().chain(rest).min())?;
        }
    }

    /// Those who have rested long enough may send again.
    fn rouse(&mut self, now: Instant) {
        while let Some(Reverse((end, index))) = self.resting.pop() {
            if end > now {
                self.resting.push(Reverse((end, index)));
                return;
            }
            self.idle.push_back(index);
        }
    }

    /// Awaits what is in flight.
    fn drain(&mut self, messages: &mut Messages) -> anyhow::Result<()> {
        while self.missing() > 0 {
            self.turn(messages, &mut Pace::Silent, None)?;
        }
        Ok(())
    }

    /// Waits for sockets, and hears them. A connection whose answer has come sends on at once, if the pace has a message.
    fn turn(
        &mut self,
        messages: &mut Messages,
        pace: &mut Pace,
        wait: Option<Duration>,
    ) -> anyhow::Result<()> {
        let mut events = self
            .events
            .take()
            .unwrap_or_else(|| Events::with_capacity(EVENTS));
        match self.poll.poll(&mut events, Some(wait.unwrap_or(PATIENCE))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
            polled => polled?,
        }
        if !events.is_empty() {
            self.heard = Instant::now();
        } else if self.heard.elapsed() >= PATIENCE && self.missing() > 0 {
            return Err(anyhow!(
                "the server is silent, {} answers are missing",
                self.missing()
            ));
        }
        for event in &events {
            self.hear(event, messages, pace)?;
        }
        self.events = Some(events);
        Ok(())
    }

    fn missing(&self) -> usize {
        self.connections.len() - self.idle.len() - self.resting.len()
    }

    fn hear(
        &mut self,
        event: &Event,
        messages: &mut Messages,
        pace: &mut Pace,
    ) -> anyhow::Result<()> {
        let index = event.token().0;
        let connection = &mut self.connections[index];
        if event.is_writable() {
            connection.write_on(messages)?;
        }
        if !event.is_readable() {
            return Ok(());
        }
        let Some((flight, answer)) = connection.read(&mut self.buffer)? else {
            return Ok(());
        };
        let now = Instant::now();
        let reactions = messages.answered(flight.message, answer);
        self.counts.add(answer, reactions);
        if matches!(answer, Answer::Accepted(_)) {
            self.latencies.add(flight.due, flight.sent, now);
        }
        if let Answer::Shed(rest) = answer
            && !rest.is_zero()
        {
            self.resting.push(Reverse((now + rest, index)));
            return Ok(());
        }
        match pace.next(now) {
            Some(due) => self.connections[index].send(messages, due, now)?,
            None => self.idle.push_back(index),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
