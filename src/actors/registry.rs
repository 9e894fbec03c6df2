//! Who is registered, and who sits where.
//!
//! - Receives: [`Register`], [`Deregister`], [`PlaceSession`] from HTTP; [`RosterChanged`] from Clusters; on Kafka also
//!   [`LeasesLearned`] and [`HeldLeases`] from Control, which tells the nodes of each other's registrations.
//! - Emits: nothing; it answers.
//! - Owns: the leases. A lease ends when it is given up, or `registry.lease` after it was last renewed, but never while a
//!   session is open that its client came with under it.
//! - When it is asked more than it can answer: askers wait for a place in its mailbox.
//! - When it dies: Clusters sends the roster again; registrations are gone, and clients register again when they find no
//!   lease. Sessions keep their seats.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, MessageResult};
use tokio::time::Instant;

use crate::actors::messages::{
    self, ClusterSeats, Deregister, HeldLeases, LeasesLearned, PlaceSession, PlacementError,
    Register, Registered, RosterChanged, Seat,
};
use crate::domain::ClusterId;

const MAILBOX: usize = 4_096;
const SWEEP: Duration = Duration::from_millis(500);

/// Settings under `registry` and `session`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryConfig {
    /// How long a registration stands without a session.
    pub lease: Duration,
    /// Registrations there may be.
    pub max_clients: usize,
    /// Sessions there may be.
    pub max_sessions: usize,
}

/// The actor.
#[derive(Debug)]
pub struct Registry {
    config: RegistryConfig,
    live: Vec<ClusterSeats>,
    leases: HashMap<String, Lease>,
    /// Leases by cluster.
    registered: HashMap<ClusterId, usize>,
}

#[derive(Debug)]
struct Lease {
    cluster: ClusterId,
    ends: Instant,
    /// Shared with the seats of the client's open sessions.
    presence: Arc<()>,
}

impl Lease {
    fn has_session(&self) -> bool {
        Arc::strong_count(&self.presence) > 1
    }
}

impl Registry {
    /// An empty registry, without clusters until Clusters names them.
    pub fn new(config: RegistryConfig) -> Self {
        Self {
            config,
            live: Vec::new(),
            leases: HashMap::new(),
            registered: HashMap::new(),
        }
    }

    /// The wish if it can be granted, else the cluster with the fewest sessions or registrations, whichever are more.
    fn choose(&self, wish: Option<ClusterId>) -> Result<&ClusterSeats, PlacementError> {
        match wish {
            Some(wish) => self.seats(wish).ok_or(PlacementError::UnknownCluster),
            None => self
                .live
                .iter()
                .min_by_key(|seats| self.load(seats))
                .ok_or(PlacementError::NoCluster),
        }
    }

    /// Asked for every session, so it counts nothing anew.
    fn load(&self, seats: &ClusterSeats) -> usize {
        let registered = self
            .registered
            .get(&seats.cluster)
            .copied()
            .unwrap_or_default();
        seats.taken.load(Ordering::Acquire).max(registered)
    }

    fn enter(&mut self, client_id: String, lease: Lease) {
        *self.registered.entry(lease.cluster).or_default() += 1;
        if let Some(former) = self.leases.insert(client_id, lease) {
            self.uncount(former.cluster);
        }
    }

    fn forget(&mut self, client_id: &str) {
        if let Some(former) = self.leases.remove(client_id) {
            self.uncount(former.cluster);
        }
    }

    /// Another node may not know yet that a cluster has left. Before the first roster nobody here knows which have.
    fn learn(&mut self, learned: messages::Lease) {
        let known = self.leases.get(&learned.client_id);
        if known.is_none() && self.leases.len() >= self.config.max_clients {
            return;
        }
        let wish = self.choose(Some(learned.cluster));
        let place = wish.or_else(|_| self.choose(None));
        let lease = Lease {
            cluster: place.map_or(learned.cluster, |seats| seats.cluster),
            ends: Instant::now() + learned.remaining,
            presence: known.map_or_else(Arc::default, |lease| lease.presence.clone()),
        };
        self.enter(learned.client_id, lease);
    }

    fn uncount(&mut self, cluster: ClusterId) {
        if let Some(registered) = self.registered.get_mut(&cluster) {
            *registered = registered.saturating_sub(1);
        }
    }

    fn count_registered(&mut self) {
        self.registered.clear();
        for lease in self.leases.values() {
            *self.registered.entry(lease.cluster).or_default() += 1;
        }
    }

    fn seats(&self, cluster: ClusterId) -> Option<&ClusterSeats> {
        self.live.iter().find(|seats| seats.cluster == cluster)
    }

    fn sessions(&self) -> usize {
        let taken = |seats: &ClusterSeats| seats.taken.load(Ordering::Acquire);
        self.live.iter().map(taken).sum()
    }

    fn sweep(&mut self, _: &mut Context<Self>) {
        let now = Instant::now();
        let renewed = now + self.config.lease;
        for lease in self.leases.values_mut().filter(|lease| lease.has_session()) {
            lease.ends = renewed;
        }
        self.leases.retain(|_, lease| now < lease.ends);
        self.count_registered();
    }

    /// The lease of a client, unless it has run out since the last sweep.
    fn lease(&self, client_id: &str) -> Option<&Lease> {
        let lease = self.leases.get(client_id)?;
        let stands = lease.has_session() || Instant::now() < lease.ends;
        stands.then_some(lease)
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(SWEEP, Self::sweep);
    }
}

impl Handler<Register> for Registry {
    type Result = Result<Registered, PlacementError>;

    fn handle(&mut self, register: Register, _: &mut Self::Context) -> Self::Result {
        let held = self.lease(&register.client_id);
        if held.is_none() && self.leases.len() >= self.config.max_clients {
            return Err(PlacementError::TooManyClients);
        }
        let wish = register.cluster_opt.or(held.map(|lease| lease.cluster));
        let cluster = self.choose(wish)?.cluster;
        let presence = held.map_or_else(Arc::default, |lease| lease.presence.clone());
        let lease = Lease {
            cluster,
            ends: Instant::now() + self.config.lease,
            presence,
        };
        self.enter(register.client_id, lease);
        Ok(Registered {
            cluster,
            lease: self.config.lease,
        })
    }
}

impl Handler<Deregister> for Registry {
    type Result = Result<bool, PlacementError>;

    fn handle(&mut self, deregister: Deregister, _: &mut Self::Context) -> Self::Result {
        let stood = self.lease(&deregister.client_id).is_some();
        self.forget(&deregister.client_id);
        Ok(stood)
    }
}

impl Handler<LeasesLearned> for Registry {
    type Result = ();

    fn handle(&mut self, learned: LeasesLearned, _: &mut Self::Context) {
        for client_id in learned.forgotten {
            self.forget(&client_id);
        }
        for lease in learned.held {
            self.learn(lease);
        }
    }
}

impl Handler<HeldLeases> for Registry {
    type Result = MessageResult<HeldLeases>;

    fn handle(&mut self, _: HeldLeases, _: &mut Self::Context) -> Self::Result {
        let held = self.leases.iter().filter(|(_, lease)| lease.has_session());
        let held = held.map(|(client_id, lease)| messages::Lease {
            client_id: client_id.clone(),
            cluster: lease.cluster,
            remaining: self.config.lease,
        });
        MessageResult(held.collect())
    }
}

impl Handler<PlaceSession> for Registry {
    type Result = MessageResult<PlaceSession>;

    fn handle(&mut self, place: PlaceSession, _: &mut Self::Context) -> Self::Result {
        if self.sessions() >= self.config.max_sessions {
            return MessageResult(Err(PlacementError::TooManySessions));
        }
        let lease = self.lease(&place.client_id);
        let wish = place.cluster_opt.or(lease.map(|lease| lease.cluster));
        let presence = lease.map(|lease| lease.presence.clone());
        MessageResult(self.choose(wish).map(|seats| Seat::take(seats, presence)))
    }
}

impl Handler<RosterChanged> for Registry {
    type Result = ();

    /// Registrations for a cluster that has left are placed anew.
    fn handle(&mut self, changed: RosterChanged, _: &mut Self::Context) {
        self.live = changed.live;
        let orphans: Vec<_> = self
            .leases
            .iter()
            .filter(|(_, lease)| self.seats(lease.cluster).is_none())
            .map(|(client_id, _)| client_id.clone())
            .collect();
        for client_id in orphans {
            let Ok(cluster) = self.choose(None).map(|seats| seats.cluster) else {
                return;
            };
            if let Some(lease) = self.leases.get_mut(&client_id) {
                lease.cluster = cluster;
            }
            *self.registered.entry(cluster).or_default() += 1;
        }
        self.count_registered();
    }
}

#[cfg(test)]
mod tests;
