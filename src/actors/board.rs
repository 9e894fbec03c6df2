//! What a hub and the sessions of its worker look at together: per stream the ring of cumulative totals, per cluster how
//! far it has delivered and the frames encoded for that.
//!
//! A board stays on one thread, so there is no lock and no global map between a window and a socket. It belongs to the
//! worker, not to the hub: when the hub is rebuilt, sessions keep their places.

mod audience;
mod reading;
mod ring;
mod shelf;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;

use self::audience::Audience;
use self::ring::Ring;
use crate::actors::close::Close;
use crate::actors::frames::Hello;
use crate::actors::messages::{ClusterSeats, Seat};
use crate::actors::streams::Streams;
use crate::actors::subscriber::Subscriber;
use crate::domain::{
    ClusterId, History, Policy, Seq, Standing, StreamName, Tally, Window, WindowSize,
};
use crate::telemetry::Metrics;
use crate::telemetry::events::SessionClosed;

/// Who comes, and what for.
#[derive(Debug)]
pub struct Arrival {
    /// Name of the new session.
    pub session: String,
    /// Whose session.
    pub client_id: String,
    /// The stream it watches.
    pub stream: StreamName,
    /// The last window it has seen, if it comes back.
    pub since: Option<Seq>,
}

/// The cluster of the seat has left this hub; take another seat.
#[derive(Debug)]
pub struct Retired(pub Arrival);

/// Sessions of one cluster that watch one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The stream.
    pub stream: StreamName,
    /// The cluster.
    pub cluster: ClusterId,
    /// How many they were.
    pub num_sessions: usize,
}

/// How long a worker whose hub is behind may keep who asks waiting.
const CATCH_UP: Duration = Duration::from_millis(500);

/// The board of one worker.
#[derive(Debug)]
pub struct Board {
    window: WindowSize,
    retention: usize,
    /// Everything after this window is known here.
    floor: Seq,
    next_key: Cell<u64>,
    draining: Cell<bool>,
    /// Windows cannot come for now.
    interrupted: Cell<bool>,
    clusters: RefCell<HashMap<ClusterId, Policy>>,
    rings: RefCell<HashMap<StreamName, Ring>>,
    /// Told of every delivery.
    delivered: Notify,
    audience: Audience,
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
}

impl Board {
    /// An empty board that keeps `retention` windows per stream, and will be told of every window after `floor`.
    pub fn new(
        window: WindowSize,
        retention: usize,
        floor: Seq,
        streams: Arc<Streams>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            window,
            retention,
            floor,
            next_key: Cell::new(0),
            draining: Cell::new(false),
            interrupted: Cell::new(false),
            clusters: RefCell::default(),
            rings: RefCell::default(),
            delivered: Notify::new(),
            audience: Audience::new(streams.clone(), metrics.clone()),
            streams,
            metrics,
        }
    }

    // === windows come ===

    /// A cluster delivers here, under this policy from the next window on.
    pub fn announce(&self, cluster: ClusterId, policy: Policy) {
        self.clusters.borrow_mut().insert(cluster, policy);
    }

    /// Takes windows that a cluster delivers. Returns where sessions are behind now: nowhere yet where the cluster has not
    /// been announced, whose first session will stand at the newest window of the ring.
    pub fn deliver(
        &self,
        cluster: ClusterId,
        policy: Policy,
        windows: &[Arc<Window>],
    ) -> Vec<Place> {
        let mut clusters = self.clusters.borrow_mut();
        let held = clusters.get_mut(&cluster);
        let is_announced = held.map(|held| *held = policy).is_some();
        let mut behind = Vec::new();
        let mut rings = self.rings.borrow_mut();
        for window in windows {
            self.note_newest(&window.stream, window.seq);
            let ring = self.ring(&mut rings, &window.stream);
            ring.history.push(window.clone());
            if !is_announced {
                continue;
            }
            let head = ring.head(cluster);
            if window.seq > head.seq {
                head.seq = window.seq;
                head.shelf.clear();
                let place = Place {
                    stream: window.stream.clone(),
                    cluster,
                    num_sessions: head.subscribers.len(),
                };
                if !behind.contains(&place) {
                    behind.push(place);
                }
            }
        }
        self.delivered.notify_waiters();
        behind
    }

    /// Takes where streams stand of which no window has come.
    pub fn stand(&self, standings: &[Standing]) {
        let mut rings = self.rings.borrow_mut();
        for standing in standings {
            self.note_newest(&standing.stream, standing.seq);
            self.ring(&mut rings, &standing.stream)
                .history
                .stand(standing);
        }
        self.delivered.notify_waiters();
    }

    fn note_newest(&self, stream: &StreamName, seq: Seq) {
        if let Some(row) = self.streams.row(stream) {
            row.newest.fetch_max(seq.0, Ordering::AcqRel);
        }
    }

    /// Windows cannot come for now, or come again. True if that is news, of which every session is then to be told.
    pub fn interrupt(&self, interrupted: bool) -> bool {
        self.interrupted.replace(interrupted) != interrupted
    }

    /// Tells a session whether windows can come, if it does not know.
    pub fn tell_delivery(&self, subscriber: &Subscriber) {
        subscriber.tell_delivery(self.interrupted.get());
    }

    /// Waits until this worker knows every window of the stream that another one has delivered by now, at most
    /// half a second: who has seen a window on one worker must not find another one behind it.
    pub async fn caught_up(&self, stream: &StreamName) {
        let Some(row) = self.streams.row(stream) else {
            return;
        };
        let newest = Seq(row.newest.load(Ordering::Acquire));
        let known = async {
            loop {
                let delivered = self.delivered.notified();
                if self.totals(stream).0 >= newest {
                    return;
                }
                delivered.await;
            }
        };
        // A hub that is dead or far behind: what this worker has is all there is to say.
        let _ = tokio::time::timeout(CATCH_UP, known).await;
    }

    // === sessions come and go ===

    /// Seats a session and greets it.
    pub fn attach(&self, seat: Seat, arrival: Arrival) -> Result<Rc<Subscriber>, Retired> {
        let cluster = seat.cluster();
        if !self.clusters.borrow().contains_key(&cluster) {
            return Err(Retired(arrival));
        }
        let key = self.next_key.replace(self.next_key.get() + 1);
        let mut rings = self.rings.borrow_mut();
        let ring = self.ring(&mut rings, &arrival.stream);
        let (seen, totals, recovered) = ring.stand(arrival.since);
        let subscriber = Rc::new(Subscriber::new(
            key,
            arrival.session,
            arrival.client_id,
            arrival.stream,
            seat,
            seen,
        ));
        ring.head(cluster)
            .subscribers
            .insert(key, subscriber.clone());
        self.audience.comes(&subscriber.stream(), cluster);
        self.greet(&subscriber, &totals, recovered);
        if self.draining.get() {
            self.close(&subscriber, Close::Draining);
        }
        Ok(subscriber)
    }

    /// The session watches another stream, and is greeted there.
    pub fn subscribe(&self, subscriber: &Rc<Subscriber>, stream: StreamName) {
        let mut rings = self.rings.borrow_mut();
        let left = subscriber.stream();
        if let Some(ring) = rings.get_mut(&left) {
            ring.head(subscriber.cluster())
                .subscribers
                .remove(&subscriber.key);
        }
        self.audience.turns(&left, &stream);
        let ring = self.ring(&mut rings, &stream);
        let (seen, totals, _) = ring.stand(None);
        subscriber.watch(stream, seen);
        ring.head(subscriber.cluster())
            .subscribers
            .insert(subscriber.key, subscriber.clone());
        self.greet(subscriber, &totals, false);
    }

    /// The session's connection is gone.
    pub fn detach(&self, subscriber: &Subscriber) {
        let (stream, cluster) = (subscriber.stream(), subscriber.cluster());
        if let Some(ring) = self.rings.borrow_mut().get_mut(&stream) {
            ring.head(cluster).subscribers.remove(&subscriber.key);
        }
        self.audience.leaves(&stream, cluster);
    }

    /// Moves every session of a cluster that leaves to the emptiest of the others. The cursor keeps its place: all
    /// clusters share the stream's grid of windows. Returns how many moved.
    pub fn move_sessions(&self, from: ClusterId, to: &[ClusterSeats]) -> usize {
        self.clusters.borrow_mut().remove(&from);
        let mut moved = 0;
        for ring in self.rings.borrow_mut().values_mut() {
            let Some(left) = ring.heads.remove(&from) else {
                continue;
            };
            for (key, subscriber) in left.subscribers {
                let Some(target) = emptiest(to) else {
                    continue;
                };
                subscriber.change_seat(target);
                ring.head(target.cluster)
                    .subscribers
                    .insert(key, subscriber);
                self.audience.moves(from, target.cluster);
                moved += 1;
            }
        }
        moved
    }

    /// Ends a session from outside.
    pub fn close(&self, subscriber: &Subscriber, reason: Close) {
        if subscriber.close(reason) {
            SessionClosed {
                reason: reason.as_str(),
                session: &subscriber.session,
            }
            .emit(&self.metrics);
        }
    }

    /// Shows every session, and takes note of how many are slow.
    pub fn look_at_all(&self, mut look: impl FnMut(&Rc<Subscriber>)) {
        let mut num_slow = 0;
        let rings = self.rings.borrow();
        for head in rings.values().flat_map(|ring| ring.heads.values()) {
            for subscriber in head.subscribers.values() {
                num_slow += usize::from(head.seq > subscriber.seen() && subscriber.is_held_up());
                look(subscriber);
            }
        }
        self.audience.are_slow(num_slow);
    }

    /// Every session there is; from the first call with `draining`, those that still come are closed at once.
    pub fn subscribers(&self, draining: bool) -> Vec<Rc<Subscriber>> {
        self.draining.set(self.draining.get() || draining);
        let rings = self.rings.borrow();
        let heads = rings.values().flat_map(|ring| ring.heads.values());
        heads
            .flat_map(|head| head.subscribers.values().cloned())
            .collect()
    }

    // === what they read ===

    /// The newest windows of a stream, oldest first.
    pub fn windows(&self, stream: &StreamName, limit: usize) -> Vec<Arc<Window>> {
        let rings = self.rings.borrow();
        let ring = rings.get(stream);
        ring.map_or_else(Vec::new, |ring| ring.history.last(limit).cloned().collect())
    }

    /// The exact totals of a stream and the window they reach.
    pub fn totals(&self, stream: &StreamName) -> (Seq, Arc<Tally>) {
        match self.rings.borrow().get(stream) {
            Some(ring) => (ring.history.newest_seq(), ring.history.totals()),
            None => (self.floor, Arc::default()),
        }
    }

    // === helpers ===

    fn ring<'a>(
        &self,
        rings: &'a mut HashMap<StreamName, Ring>,
        stream: &StreamName,
    ) -> &'a mut Ring {
        rings.entry(stream.clone()).or_insert_with(|| Ring {
            history: History::new(self.floor, self.retention),
            heads: HashMap::new(),
        })
    }

    fn greet(&self, subscriber: &Subscriber, totals: &Tally, recovered: bool) {
        let hello = Hello {
            session: &subscriber.session,
            client_id: &subscriber.client_id,
            cluster: subscriber.cluster(),
            stream: &subscriber.stream(),
            window: self.window,
            seq: subscriber.seen(),
            recovered,
            viewers: self.audience.viewers(&subscriber.stream()),
            totals,
        };
        subscriber.notify(hello.encode());
        self.tell_delivery(subscriber);
    }
}

fn emptiest(seats: &[ClusterSeats]) -> Option<&ClusterSeats> {
    seats
        .iter()
        .min_by_key(|seats| seats.taken.load(Ordering::Acquire))
}

#[cfg(test)]
mod tests;
