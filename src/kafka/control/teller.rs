//! Tells the node's own stages what the log says: hubs which clusters deliver, the registry where sessions may sit and who
//! is registered, and hubs again whose sessions have to move.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::memory::Memory;
use crate::actors::clock::Clock;
use crate::actors::link::{Gone, Link};
use crate::actors::messages::{
    ClusterAnnounced, Deregister, HeldLeases, Lease, LeasesLearned, MoveSessions, Register,
    RosterChanged,
};
use crate::actors::streams::Streams;
use crate::domain::{ClusterId, ClusterState, Policy, UserId};

/// Registrations that the registry is told at once.
const LEASES_AT_ONCE: usize = 1_000;

/// A worker's hub.
#[derive(Debug, Clone)]
pub struct HubLinks {
    /// For clusters that begin.
    pub announcements: Link<ClusterAnnounced>,
    /// For clusters that end.
    pub moves: Link<MoveSessions>,
}

/// The stages of this node that have to know.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// The registry, for registrations.
    pub register: Link<Register>,
    /// The registry, for clients that leave.
    pub deregister: Link<Deregister>,
    /// The registry, for what other nodes have registered.
    pub learned: Link<LeasesLearned>,
    /// The registry, for what sessions hold.
    pub held: Link<HeldLeases>,
    /// The registry, for live clusters.
    pub roster: Link<RosterChanged>,
    /// The streams, for how many watch them.
    pub streams: Arc<Streams>,
    /// The hub of every worker; none on a node without sessions.
    pub hubs: Vec<HubLinks>,
}

/// Who is told what.
pub(super) struct Teller {
    memory: Memory,
    clock: Clock,
    neighbours: Neighbours,
    told: RefCell<Told>,
}

/// What neighbours know, and in which of their lives they were told.
#[derive(Default)]
struct Told {
    /// Per hub.
    announced: Vec<(u64, BTreeSet<ClusterId>)>,
    /// None before the first.
    roster_opt: Option<(u64, BTreeSet<ClusterId>)>,
    /// Draining clusters whose sessions have moved.
    moved: BTreeSet<ClusterId>,
    leases: u64,
    /// Clients of whom something is to be told.
    changed: HashSet<UserId>,
}

impl Teller {
    pub(super) fn new(memory: Memory, clock: Clock, neighbours: Neighbours) -> Self {
        let hubs = neighbours.hubs.iter();
        let announced = hubs.map(|_| (0, BTreeSet::new())).collect();
        Self {
            memory,
            clock,
            neighbours,
            told: RefCell::new(Told {
                announced,
                ..Told::default()
            }),
        }
    }

    // === clusters ===

    /// Whether a neighbour was rebuilt, or does not know something yet.
    pub(super) fn is_behind(&self) -> bool {
        let hubs = 0..self.neighbours.hubs.len();
        let is_hub_behind = hubs
            .into_iter()
            .any(|hub| !self.to_announce(hub).is_empty());
        is_hub_behind || self.roster_to_tell().is_some() || !self.to_move().is_empty()
    }

    /// In this order: windows can come, then sessions; and from a cluster that ends no session is left behind.
    pub(super) async fn tell_clusters(&self) -> Result<(), Gone> {
        for (place, hub) in self.neighbours.hubs.iter().enumerate() {
            let life = hub.announcements.life();
            for (cluster, policy) in self.to_announce(place) {
                let announced = ClusterAnnounced { cluster, policy };
                hub.announcements.ask(announced).await?;
                let known = &mut self.told.borrow_mut().announced[place];
                if known.0 != life {
                    *known = (life, BTreeSet::new());
                }
                known.1.insert(cluster);
            }
        }
        if let Some((life, roster)) = self.roster_to_tell() {
            let live: BTreeSet<_> = roster.live.iter().map(|seats| seats.cluster).collect();
            self.neighbours.roster.ask(roster).await?;
            self.told.borrow_mut().roster_opt = Some((life, live.clone()));
            self.memory.set_told(live);
        }
        for id in self.to_move() {
            self.move_from(id).await?;
        }
        Ok(())
    }

    /// Active clusters that a hub does not know in its present life. One that begins anew is announced anew.
    fn to_announce(&self, hub: usize) -> Vec<(ClusterId, Policy)> {
        let life = self.neighbours.hubs[hub].announcements.life();
        let mut told = self.told.borrow_mut();
        let state = self.memory.state();
        let (told_life, known) = &mut told.announced[hub];
        known.retain(|id| state.cluster(*id).is_some_and(|wanted| wanted.is_active()));
        let is_known = |id: &ClusterId| *told_life == life && known.contains(id);
        let active = state.clusters().iter();
        let active = active.filter(|(id, wanted)| wanted.is_active() && !is_known(id));
        active.map(|(id, wanted)| (*id, wanted.policy)).collect()
    }

    fn roster_to_tell(&self) -> Option<(u64, RosterChanged)> {
        let life = self.neighbours.roster.life();
        let roster = self.memory.roster();
        let live: BTreeSet<_> = roster.live.iter().map(|seats| seats.cluster).collect();
        let is_told = self.told.borrow().roster_opt == Some((life, live));
        (!is_told).then_some((life, roster))
    }

    /// Draining clusters with sessions, or whose sessions were never moved. Without a place to go to they stay.
    fn to_move(&self) -> Vec<ClusterId> {
        let draining = self.memory.in_state(ClusterState::Draining);
        if self.memory.in_state(ClusterState::Live).is_empty() {
            return Vec::new();
        }
        let mut told = self.told.borrow_mut();
        told.moved.retain(|id| draining.contains(id));
        let is_left = |id: &ClusterId| {
            let taken = &self.memory.seats(*id).taken;
            taken.load(Ordering::Acquire) > 0 || !told.moved.contains(id)
        };
        draining.into_iter().filter(is_left).collect()
    }

    async fn move_from(&self, from: ClusterId) -> Result<(), Gone> {
        for hub in &self.neighbours.hubs {
            // Who is live may change between two answers, so each request says it anew.
            let to = self.memory.roster().live;
            if to.is_empty() {
                return Ok(());
            }
            hub.moves.ask(MoveSessions { from, to }).await?;
        }
        self.told.borrow_mut().moved.insert(from);
        Ok(())
    }

    // === registrations ===

    pub(super) fn note_lease(&self, client_id: UserId) {
        self.told.borrow_mut().changed.insert(client_id);
    }

    pub(super) fn has_leases_to_tell(&self) -> bool {
        let told = self.told.borrow();
        told.leases != self.neighbours.learned.life() || !told.changed.is_empty()
    }

    /// A registry that was rebuilt is told of all clients.
    pub(super) async fn tell_leases(&self) -> Result<(), Gone> {
        let life = self.neighbours.learned.life();
        let is_new = self.told.borrow().leases != life;
        if is_new {
            let everyone = self.memory.client_ids();
            let mut told = self.told.borrow_mut();
            told.leases = life;
            told.changed.extend(everyone);
        }
        loop {
            let some: Vec<_> = {
                let changed = &self.told.borrow().changed;
                changed.iter().take(LEASES_AT_ONCE).cloned().collect()
            };
            if some.is_empty() {
                return Ok(());
            }
            {
                let changed = &mut self.told.borrow_mut().changed;
                some.iter()
                    .for_each(|client_id| drop(changed.take(client_id)));
            }
            let learned = self.learned(&some);
            if let Err(gone) = self.neighbours.learned.ask(learned).await {
                self.told.borrow_mut().changed.extend(some);
                return Err(gone);
            }
        }
    }

    /// What the log says of these clients by now.
    fn learned(&self, clients: &[UserId]) -> LeasesLearned {
        let now = self.clock.now().0;
        let mut learned = LeasesLearned::default();
        let state = self.memory.state();
        for client_id in clients {
            let text = client_id.as_str().to_owned();
            match state.client(client_id) {
                None => learned.forgotten.push(text),
                // One that has run out runs out with the registry as well.
                Some(known) if known.lease_end.0 <= now => {}
                Some(known) => learned.held.push(Lease {
                    client_id: text,
                    cluster: known.cluster,
                    remaining: Duration::from_millis(known.lease_end.0 - now),
                }),
            }
        }
        learned
    }
}
