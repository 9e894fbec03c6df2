//! Which clusters should exist, and how far along its life each of them is.
//!
//! It says what may be done and keeps what was done, and talks to nobody. Held by the factory of Clusters, it outlives each
//! life of that actor, and with it the publishers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::actors::link::Link;
use crate::actors::messages::{
    ClusterError, ClusterReport, ClusterSeats, ClusterWindows, Drain, Introduce, RosterChanged,
    Spawned,
};
use crate::domain::{ClusterId, ClusterState, Policy, Seq};
use crate::telemetry::events::ClusterChanged;

/// A cluster publisher, as Clusters knows it.
pub struct Publisher {
    /// For windows, handed to the main publisher.
    pub windows: Link<ClusterWindows>,
    /// For its introduction to the hubs.
    pub introduce: Link<Introduce>,
    /// For the end.
    pub drain: Link<Drain>,
    /// Number of the newest window it delivered; 0 before the first.
    pub last_window: Arc<AtomicU64>,
    /// Ends it.
    pub stop: Box<dyn Fn()>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Publisher").finish_non_exhaustive()
    }
}

/// Builds and supervises the publisher of one cluster over a policy that Clusters may change.
pub type PublisherFactory = Rc<dyn Fn(ClusterId, Rc<Cell<Policy>>) -> Publisher>;

/// The desired state. Cheap to clone; every clone is the same state.
#[derive(Debug, Clone, Default)]
pub struct Desired(Rc<RefCell<BTreeMap<ClusterId, Entry>>>);

/// One cluster.
#[derive(Debug)]
struct Entry {
    state: ClusterState,
    policy: Rc<Cell<Policy>>,
    seats: ClusterSeats,
    publisher: Option<Publisher>,
    last_window: Arc<AtomicU64>,
}

impl Entry {
    fn report(&self) -> ClusterReport {
        let last_window = self.last_window.load(Ordering::Acquire);
        ClusterReport {
            id: self.seats.cluster,
            state: self.state,
            policy: self.policy.get(),
            sessions: self.seats.taken.load(Ordering::Acquire),
            last_window_opt: (last_window > 0).then_some(Seq(last_window)),
        }
    }

    fn is_active(&self) -> bool {
        matches!(self.state, ClusterState::Starting | ClusterState::Live)
    }
}

impl Desired {
    // === what is ===

    pub(super) fn report(&self, id: ClusterId) -> Result<ClusterReport, ClusterError> {
        let entries = self.0.borrow();
        entries
            .get(&id)
            .map(Entry::report)
            .ok_or(ClusterError::Unknown)
    }

    pub(super) fn reports(&self) -> Vec<ClusterReport> {
        self.0.borrow().values().map(Entry::report).collect()
    }

    /// Where sessions may sit.
    pub(super) fn roster(&self) -> RosterChanged {
        let entries = self.0.borrow();
        let live = entries
            .values()
            .filter(|entry| entry.state == ClusterState::Live);
        RosterChanged {
            live: live.map(|entry| entry.seats.clone()).collect(),
        }
    }

    /// Clusters on their way out whose publisher is still there.
    pub(super) fn leaving(&self) -> Vec<ClusterId> {
        let entries = self.0.borrow();
        let leaving = entries.iter().filter(|(_, entry)| {
            entry.state == ClusterState::Draining && entry.publisher.is_some()
        });
        leaving.map(|(id, _)| *id).collect()
    }

    pub(super) fn lowest_free(&self) -> Option<ClusterId> {
        let entries = self.0.borrow();
        let taken = |id: &ClusterId| {
            entries
                .get(id)
                .is_some_and(|entry| entry.state != ClusterState::Stopped)
        };
        (1..=9_999)
            .filter_map(|number| ClusterId::try_new(number).ok())
            .find(|id| !taken(id))
    }

    /// Something to take from the publisher of a cluster, as long as it has one.
    pub(super) fn of_publisher<T>(
        &self,
        id: ClusterId,
        take: impl FnOnce(&Publisher) -> T,
    ) -> Option<T> {
        let entries = self.0.borrow();
        entries.get(&id)?.publisher.as_ref().map(take)
    }

    /// Ways to tell every publisher that the node leaves.
    pub(super) fn drains(&self) -> Vec<Link<Drain>> {
        let entries = self.0.borrow();
        let publishers = entries
            .values()
            .filter_map(|entry| entry.publisher.as_ref());
        publishers
            .map(|publisher| publisher.drain.clone())
            .collect()
    }

    // === what may be ===

    /// Checks a wish to spawn; `Ok(None)` means that the cluster has to be made.
    pub(super) fn existing(
        &self,
        id: ClusterId,
        policy: Policy,
        max: usize,
    ) -> Result<Option<Spawned>, ClusterError> {
        let entries = self.0.borrow();
        let active = entries.values().filter(|entry| entry.is_active()).count();
        match entries.get(&id).map(|entry| (entry.state, entry)) {
            Some((ClusterState::Draining, _)) => Err(ClusterError::Draining),
            Some((ClusterState::Starting, _)) => Err(ClusterError::Unavailable),
            Some((ClusterState::Live, entry)) if entry.policy.get() == policy => {
                Ok(Some(Spawned::Existing(entry.report())))
            }
            Some((ClusterState::Live, _)) => Err(ClusterError::OtherPolicy),
            Some((ClusterState::Stopped, _)) | None if active >= max => Err(ClusterError::TooMany),
            Some((ClusterState::Stopped, _)) | None => Ok(None),
        }
    }

    /// Checks a wish to retire; `Ok(true)` means that the retirement has to begin.
    pub(super) fn may_retire(&self, id: ClusterId) -> Result<bool, ClusterError> {
        match self.report(id)?.state {
            ClusterState::Stopped => Err(ClusterError::Unknown),
            ClusterState::Draining => Ok(false),
            ClusterState::Starting => Err(ClusterError::Unavailable),
            ClusterState::Live if self.roster().live.len() == 1 => Err(ClusterError::Last),
            ClusterState::Live => Ok(true),
        }
    }

    // === what changes ===

    /// Enters a cluster that is starting.
    pub(super) fn enter(&self, id: ClusterId, policy: Policy, factory: &PublisherFactory) {
        let policy = Rc::new(Cell::new(policy));
        let publisher = factory(id, policy.clone());
        let seats = ClusterSeats {
            cluster: id,
            taken: Arc::new(AtomicUsize::new(0)),
        };
        let entry = Entry {
            state: ClusterState::Starting,
            policy,
            seats,
            last_window: publisher.last_window.clone(),
            publisher: Some(publisher),
        };
        self.0.borrow_mut().insert(id, entry);
        self.changed(id);
    }

    pub(super) fn set_state(&self, id: ClusterId, state: ClusterState) {
        if let Some(entry) = self.0.borrow_mut().get_mut(&id) {
            entry.state = state;
        }
        self.changed(id);
    }

    /// Sends away what an earlier life was still starting when it ended: nobody will ever finish it.
    pub(super) fn undo_unfinished(&self) {
        let reports = self.reports();
        let starting = reports
            .iter()
            .filter(|report| report.state == ClusterState::Starting);
        for report in starting {
            self.set_state(report.id, ClusterState::Draining);
        }
    }

    pub(super) fn change_policy(
        &self,
        id: ClusterId,
        policy: Policy,
    ) -> Result<ClusterReport, ClusterError> {
        let entries = self.0.borrow();
        let entry = entries
            .get(&id)
            .filter(|entry| entry.state != ClusterState::Stopped)
            .ok_or(ClusterError::Unknown)?;
        entry.policy.set(policy);
        Ok(entry.report())
    }

    /// Ends the publisher of a cluster that nobody needs any more.
    pub(super) fn end(&self, id: ClusterId) {
        let publisher = self
            .0
            .borrow_mut()
            .get_mut(&id)
            .filter(|entry| entry.state == ClusterState::Draining)
            .and_then(|entry| entry.publisher.take());
        if let Some(publisher) = publisher {
            (publisher.stop)();
            self.set_state(id, ClusterState::Stopped);
        }
    }

    fn changed(&self, id: ClusterId) {
        if let Some(entry) = self.0.borrow().get(&id) {
            ClusterChanged {
                cluster: id,
                state: entry.state.as_str(),
            }
            .emit();
        }
    }
}
