//! What the control topic says: a fold of its records in their order, so that every node that has read as far knows the same.
//!
//! A cluster's record carries a revision, and holds if it is above the one that is known: of two nodes that change the same
//! cluster at once, the first in the log is right and the other one finds out by reading. Compaction keeps the last record
//! of a key, whether it held or not; a cluster whose last record did not hold is therefore *unsettled* until what holds is
//! written again.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::domain::{ClusterId, ClusterState, EpochMs, Policy, StreamName, UserId};
use crate::kafka::record::control::ControlRecord;

/// Clusters' records whose outcome is remembered for those who wrote them.
const MAX_OUTCOMES: usize = 1_024;

/// Nodes whose viewers are known.
const MAX_NODES: usize = 10_000;

/// A cluster as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is in its life.
    pub state: ClusterState,
    /// Its policy.
    pub policy: Policy,
    /// The number of its last change.
    pub revision: u64,
}

impl Wanted {
    /// Whether it delivers, or will.
    pub fn is_active(&self) -> bool {
        matches!(self.state, ClusterState::Starting | ClusterState::Live)
    }

    /// The change that follows on what was known of a cluster. It holds unless somebody else has changed it since.
    pub fn after(known: Option<Self>, state: ClusterState, policy: Policy) -> Self {
        Self {
            state,
            policy,
            revision: known.map_or(0, |known| known.revision).saturating_add(1),
        }
    }

    /// The record that says so.
    pub fn record(self, id: ClusterId) -> ControlRecord {
        ControlRecord::Cluster {
            id,
            state: self.state,
            policy: self.policy,
            revision: self.revision,
        }
    }
}

/// A registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLease {
    /// Where the client's sessions sit.
    pub cluster: ClusterId,
    /// Until when.
    pub lease_end: EpochMs,
}

/// The viewers of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewed {
    /// How many watch each stream.
    pub streams: BTreeMap<StreamName, u64>,
    /// Until when that stands.
    pub until: EpochMs,
}

/// What came of a cluster's record as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it holds.
    pub holds: bool,
    /// Clusters that were live after it.
    pub live: usize,
    /// Clusters that were starting or live after it.
    pub active: usize,
}

/// What a record has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A cluster.
    Cluster(ClusterId),
    /// A client's registration.
    Client(UserId),
}

/// The state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlState {
    max_clients: usize,
    clusters: BTreeMap<ClusterId, Wanted>,
    clients: HashMap<UserId, ClientLease>,
    audiences: BTreeMap<String, Viewed>,
    unsettled: BTreeSet<ClusterId>,
    outcomes: VecDeque<(i64, Outcome)>,
    next: i64,
}

impl ControlState {
    /// Of a topic of which nothing is read. It knows so many clients at most.
    pub fn new(max_clients: usize) -> Self {
        Self {
            max_clients,
            ..Self::default()
        }
    }

    /// Takes a record. One that was read before changes nothing.
    pub fn apply(&mut self, record: ControlRecord, offset: i64) -> Option<Effect> {
        if offset < self.next {
            return None;
        }
        self.next = offset + 1;
        match record {
            ControlRecord::Cluster {
                id,
                state,
                policy,
                revision,
            } => {
                let wanted = Wanted {
                    state,
                    policy,
                    revision,
                };
                let holds = self.apply_cluster(id, wanted);
                self.note_outcome(offset, holds);
                holds.then_some(Effect::Cluster(id))
            }
            ControlRecord::ClusterGone(id) => {
                self.unsettled.remove(&id);
                let gone = self.clusters.remove(&id);
                gone.map(|_| Effect::Cluster(id))
            }
            ControlRecord::Client {
                client_id,
                cluster,
                lease_end,
            } => {
                let is_known = self.clients.contains_key(&client_id);
                if !is_known && self.clients.len() >= self.max_clients {
                    return None;
                }
                let lease = ClientLease { cluster, lease_end };
                self.clients.insert(client_id.clone(), lease);
                Some(Effect::Client(client_id))
            }
            ControlRecord::ClientGone(client_id) => {
                self.clients.remove(&client_id);
                Some(Effect::Client(client_id))
            }
            ControlRecord::Viewers {
                node,
                streams,
                until,
            } => {
                if self.audiences.contains_key(&node) || self.audiences.len() < MAX_NODES {
                    self.audiences.insert(node, Viewed { streams, until });
                }
                None
            }
            ControlRecord::ViewersGone(node) => {
                self.audiences.remove(&node);
                None
            }
        }
    }

    /// The topic begins anew.
    pub fn forget(&mut self) {
        *self = Self::new(self.max_clients);
    }

    /// Everything up to here is read, also what was no record of ours.
    pub fn pass(&mut self, next: i64) {
        self.next = self.next.max(next);
    }

    fn apply_cluster(&mut self, id: ClusterId, wanted: Wanted) -> bool {
        let known = self.clusters.get(&id).copied();
        let holds = known.is_none_or(|known| wanted.revision > known.revision);
        if holds {
            self.clusters.insert(id, wanted);
        }
        if holds {
            self.unsettled.remove(&id);
        } else if known != Some(wanted) {
            self.unsettled.insert(id);
        }
        // The same once more settles nothing: to whom compaction has left only the one that does not hold, it is no newer.
        holds
    }

    fn note_outcome(&mut self, offset: i64, holds: bool) {
        let outcome = Outcome {
            holds,
            live: self.in_state(ClusterState::Live).count(),
            active: self.num_active(),
        };
        if self.outcomes.len() == MAX_OUTCOMES {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back((offset, outcome));
    }

    // === what is ===

    /// The offset to read next.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// A cluster.
    pub fn cluster(&self, id: ClusterId) -> Option<Wanted> {
        self.clusters.get(&id).copied()
    }

    /// Every cluster there is, and those that have stopped.
    pub fn clusters(&self) -> &BTreeMap<ClusterId, Wanted> {
        &self.clusters
    }

    /// Clusters in this state.
    pub fn in_state(&self, state: ClusterState) -> impl Iterator<Item = ClusterId> + '_ {
        let there = self.clusters.iter();
        there
            .filter(move |(_, wanted)| wanted.state == state)
            .map(|(id, _)| *id)
    }

    /// How many clusters deliver, or will.
    pub fn num_active(&self) -> usize {
        self.clusters
            .values()
            .filter(|wanted| wanted.is_active())
            .count()
    }

    /// The lowest number that no cluster has, but those that have stopped.
    pub fn lowest_free(&self) -> Option<ClusterId> {
        let is_taken = |id: &ClusterId| {
            let wanted = self.clusters.get(id);
            wanted.is_some_and(|wanted| wanted.state != ClusterState::Stopped)
        };
        (1..=9_999)
            .filter_map(|number| ClusterId::try_new(number).ok())
            .find(|id| !is_taken(id))
    }

    /// Clusters whose last record does not hold.
    pub fn unsettled(&self) -> &BTreeSet<ClusterId> {
        &self.unsettled
    }

    /// What came of the cluster's record at this offset, unless it is long ago.
    pub fn outcome(&self, offset: i64) -> Option<Outcome> {
        let mut outcomes = self.outcomes.iter();
        outcomes
            .find(|(at, _)| *at == offset)
            .map(|(_, outcome)| *outcome)
    }

    /// A client's registration, also one that has run out.
    pub fn client(&self, client_id: &UserId) -> Option<ClientLease> {
        self.clients.get(client_id).copied()
    }

    /// The viewers of every node that has told of them, also where that stands no more.
    pub fn audiences(&self) -> &BTreeMap<String, Viewed> {
        &self.audiences
    }

    /// Every registration.
    pub fn clients(&self) -> impl Iterator<Item = (&UserId, &ClientLease)> {
        self.clients.iter()
    }
}

#[cfg(test)]
mod tests;
