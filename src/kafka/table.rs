//! The clusters as this node knows them, for the threads that carry their windows.
//!
//! Control writes what should be; forwarders and sources read it at every turn, and write down what is: which clusters
//! they serve, and how far each has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::domain::{ClusterId, ClusterState, Policy, Seq};

/// What a cluster should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterRow {
    /// How far along its life.
    pub state: ClusterState,
    /// Its policy, from the next window on.
    pub policy: Policy,
}

impl ClusterRow {
    /// Whether windows go to it: from before it is live, until it has stopped.
    pub fn is_active(&self) -> bool {
        self.state != ClusterState::Stopped
    }
}

/// Every cluster by number.
pub type ClusterRows = BTreeMap<ClusterId, ClusterRow>;

/// The clusters of a node, shared by its threads.
#[derive(Debug, Default)]
pub struct ClusterTable {
    rows: RwLock<Arc<ClusterRows>>,
    version: AtomicU64,
    served: RwLock<Arc<BTreeSet<ClusterId>>>,
    newest: Mutex<HashMap<ClusterId, Seq>>,
}

impl ClusterTable {
    /// Every cluster there is and was.
    pub fn rows(&self) -> Arc<ClusterRows> {
        self.rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The clusters that windows go to.
    pub fn active(&self) -> Vec<ClusterId> {
        let rows = self.rows();
        let active = rows.iter().filter(|(_, row)| row.is_active());
        active.map(|(&id, _)| id).collect()
    }

    /// Whether sessions have a place anywhere.
    pub fn has_live(&self) -> bool {
        let rows = self.rows();
        rows.values().any(|row| row.state == ClusterState::Live)
    }

    /// Rises with every change of [`ClusterTable::rows`].
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Control has read something new.
    pub fn set(&self, rows: ClusterRows) {
        *self.rows.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rows);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// This node hands on the windows of just these clusters. Of several nodes that share a cluster's partitions it is the
    /// one with the first.
    pub fn serve(&self, clusters: BTreeSet<ClusterId>) {
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(clusters);
    }

    /// The clusters whose windows this node hands on.
    pub fn served(&self) -> Arc<BTreeSet<ClusterId>> {
        self.served
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A window of a cluster has passed through this node.
    pub fn delivered(&self, cluster: ClusterId, seq: Seq) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let held = newest.entry(cluster).or_default();
        *held = seq.max(*held);
    }

    /// The newest window of a cluster that has passed through this node.
    pub fn last_window(&self, cluster: ClusterId) -> Option<Seq> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&cluster).copied()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn id(number: u64) -> ClusterId {
        ClusterId::try_new(number).unwrap()
    }

    #[test]
    fn windows_go_to_every_cluster_that_has_not_stopped() {
        let states = [
            ClusterState::Starting,
            ClusterState::Live,
            ClusterState::Draining,
            ClusterState::Stopped,
        ];
        let row = |state| ClusterRow {
            state,
            policy: Policy::default(),
        };
        let table = ClusterTable::default();
        assert!(!table.has_live());
        let before = table.version();
        table.set((1..).map(id).zip(states.map(row)).collect());
        assert!(table.version() > before);
        assert_eq!(table.active(), [id(1), id(2), id(3)]);
        assert!(table.has_live());
        assert_eq!(table.rows().len(), 4);
    }

    #[test]
    fn the_last_window_of_a_cluster_is_its_newest() {
        let table = ClusterTable::default();
        assert_eq!(table.last_window(id(1)), None);
        table.delivered(id(1), Seq(7));
        table.delivered(id(1), Seq(5));
        table.delivered(id(2), Seq(9));
        assert_eq!(table.last_window(id(1)), Some(Seq(7)));
    }
}
