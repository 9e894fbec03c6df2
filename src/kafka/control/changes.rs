//! What is asked of clusters, checked, written and read back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Office;
use super::state::{Outcome, Wanted};
use crate::actors::messages::{
    ChangeClusterPolicy, ClusterError, ClusterReport, SpawnCluster, Spawned,
};
use crate::domain::{ClusterId, ClusterState, Policy};

/// How often a change is tried when others are quicker.
const TRIES: usize = 8;

/// How long a cluster may take until a node serves it.
const SERVE_PATIENCE: Duration = Duration::from_secs(5);

/// What a wish to spawn finds.
enum Found {
    /// Nothing, or one that has stopped.
    Free(Option<Wanted>),
    /// On its way, under the same policy.
    Starting,
    Live,
}

impl Office {
    /// A cluster that delivers, or why there is none.
    pub(super) async fn spawn(&self, spawn: SpawnCluster) -> Result<Spawned, ClusterError> {
        let policy = spawn.policy_opt.unwrap_or(self.config.policy);
        for _ in 0..TRIES {
            self.check_log()?;
            let free = || self.memory.state().lowest_free();
            let id = spawn.id_opt.or_else(free).ok_or(ClusterError::TooMany)?;
            let is_there = match self.find(id, policy)? {
                Found::Live => return self.report(id).map(Spawned::Existing),
                Found::Starting => true,
                Found::Free(known) => self.enter(id, known, policy).await?,
            };
            if is_there {
                return self.until_live(id).await.map(Spawned::New);
            }
        }
        Err(ClusterError::Unavailable)
    }

    fn find(&self, id: ClusterId, policy: Policy) -> Result<Found, ClusterError> {
        let state = self.memory.state();
        let Some(known) = state.cluster(id) else {
            return self.room(None, state.num_active());
        };
        match known.state {
            ClusterState::Draining => Err(ClusterError::Draining),
            ClusterState::Stopped => self.room(Some(known), state.num_active()),
            _ if known.policy != policy => Err(ClusterError::OtherPolicy),
            ClusterState::Starting => Ok(Found::Starting),
            ClusterState::Live => Ok(Found::Live),
        }
    }

    fn room(&self, known: Option<Wanted>, num_active: usize) -> Result<Found, ClusterError> {
        if num_active < self.config.max {
            Ok(Found::Free(known))
        } else {
            Err(ClusterError::TooMany)
        }
    }

    /// Writes that a cluster should begin, after what was known of it. False if somebody else was quicker.
    pub(super) async fn enter(
        &self,
        id: ClusterId,
        known: Option<Wanted>,
        policy: Policy,
    ) -> Result<bool, ClusterError> {
        self.log.make_topics(id).await?;
        let starting = Wanted::after(known, ClusterState::Starting, policy);
        let outcome = self.write(id, starting).await?;
        if outcome.holds && outcome.active > self.config.max {
            // Two nodes had room for one each, and this was the later one.
            let undone = Wanted::after(Some(starting), ClusterState::Stopped, policy);
            if !self.write(id, undone).await?.holds {
                self.retire(id).await?;
            }
            return Err(ClusterError::TooMany);
        }
        Ok(outcome.holds)
    }

    /// Waits until a node serves the cluster, and hubs and registry of this one know of it.
    async fn until_live(&self, id: ClusterId) -> Result<ClusterReport, ClusterError> {
        let live = self.memory.until(|memory| match memory.cluster(id)?.state {
            ClusterState::Live => memory.is_told(id).then_some(Ok(())),
            ClusterState::Starting => None,
            ClusterState::Draining | ClusterState::Stopped => Some(Err(ClusterError::Draining)),
        });
        let live = tokio::time::timeout(SERVE_PATIENCE, live).await;
        live.map_err(|_| ClusterError::NotServed)??;
        self.report(id)
    }

    /// Another policy.
    pub(super) async fn change_policy(
        &self,
        change: ChangeClusterPolicy,
    ) -> Result<ClusterReport, ClusterError> {
        for _ in 0..TRIES {
            self.check_log()?;
            let known = self.present(change.id)?;
            let changed = Wanted::after(Some(known), known.state, change.policy);
            if known.policy == change.policy || self.write(change.id, changed).await?.holds {
                return self.report(change.id);
            }
        }
        Err(ClusterError::Unavailable)
    }

    /// A cluster begins to end. One that is still starting may, since it may be that nobody serves it.
    pub(super) async fn retire(&self, id: ClusterId) -> Result<ClusterReport, ClusterError> {
        for _ in 0..TRIES {
            self.check_log()?;
            let known = self.present(id)?;
            if known.state == ClusterState::Draining {
                return self.report(id);
            }
            let is_live = known.state == ClusterState::Live;
            if is_live && self.memory.in_state(ClusterState::Live).len() == 1 {
                return Err(ClusterError::Last);
            }
            let draining = Wanted::after(Some(known), ClusterState::Draining, known.policy);
            let outcome = self.write(id, draining).await?;
            if outcome.holds && is_live && outcome.live == 0 {
                // The others were retired elsewhere at the same moment.
                let undone = Wanted::after(Some(draining), ClusterState::Live, known.policy);
                self.write(id, undone).await?;
                return Err(ClusterError::Last);
            }
            if outcome.holds {
                return self.report(id);
            }
        }
        Err(ClusterError::Unavailable)
    }

    /// Writes a change that was decided upon, and reads what came of it.
    pub(super) async fn write(
        &self,
        id: ClusterId,
        wanted: Wanted,
    ) -> Result<Outcome, ClusterError> {
        let offset = self.log.append(&wanted.record(id)).await?;
        let outcome = self.memory.outcome(offset).await?;
        if !outcome.holds {
            // What holds is written again before the one that does not can be all that compaction leaves. Where this fails,
            // another node does it.
            let _ = self.settle(id).await;
        }
        Ok(outcome)
    }

    /// Writes what holds of a cluster whose last record does not.
    pub(super) async fn settle(&self, id: ClusterId) -> Result<(), ClusterError> {
        let is_unsettled = self.memory.state().unsettled().contains(&id);
        let Some(held) = self.memory.cluster(id).filter(|_| is_unsettled) else {
            return Ok(());
        };
        let again = Wanted::after(Some(held), held.state, held.policy);
        let offset = self.log.append(&again.record(id)).await?;
        // Read before anything else is written of this cluster, which would have the same number.
        self.memory.outcome(offset).await?;
        Ok(())
    }

    fn check_log(&self) -> Result<(), ClusterError> {
        if self.memory.is_caught_up() && self.log.is_reachable() {
            Ok(())
        } else {
            Err(ClusterError::Unavailable)
        }
    }

    fn present(&self, id: ClusterId) -> Result<Wanted, ClusterError> {
        let known = self.memory.cluster(id);
        known
            .filter(|known| known.state != ClusterState::Stopped)
            .ok_or(ClusterError::Unknown)
    }

    // === reports ===

    fn report(&self, id: ClusterId) -> Result<ClusterReport, ClusterError> {
        let known = self.memory.cluster(id).ok_or(ClusterError::Unknown)?;
        Ok(self.report_of(id, known))
    }

    fn report_of(&self, id: ClusterId, known: Wanted) -> ClusterReport {
        ClusterReport {
            id,
            state: known.state,
            policy: known.policy,
            sessions: self.memory.seats(id).taken.load(Ordering::Acquire),
            last_window_opt: self.table.last_window(id),
        }
    }

    /// Every cluster there is, and those that have stopped.
    pub(super) fn reports(&self) -> Vec<ClusterReport> {
        let clusters = self.memory.state().clusters().clone();
        let reports = clusters.into_iter();
        reports
            .map(|(id, known)| self.report_of(id, known))
            .collect()
    }
}
