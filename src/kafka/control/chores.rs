//! What has to be done without being asked. Any node may do it, and that several do is harmless: of two records that say the
//! same the first holds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Office;
use super::state::Wanted;
use crate::actors::messages::ClusterError;
use crate::domain::{ClusterId, ClusterState};

/// How long a cluster drains: by then every node has moved its sessions.
const DRAINING: Duration = Duration::from_secs(3);

/// How long the writer of a record that does not hold is left to settle it.
const UNSETTLED: Duration = Duration::from_secs(2);

/// How long the one who retired the last cluster is left to take it back.
const NONE_LIVE: Duration = Duration::from_secs(1);

/// The chores.
pub(super) struct Chores {
    office: Office,
    draining: Since,
    unsettled: Since,
    none_live: Since,
}

/// Since when something is so, as this node has seen it.
#[derive(Default)]
struct Since(RefCell<BTreeMap<ClusterId, Instant>>);

impl Since {
    /// Those for which it is so now, and has been for as long.
    fn last(&self, now_so: impl IntoIterator<Item = ClusterId>, time: Duration) -> Vec<ClusterId> {
        let now = Instant::now();
        let mut since = self.0.borrow_mut();
        let known = now_so
            .into_iter()
            .map(|id| (id, since.get(&id).copied().unwrap_or(now)));
        let known: BTreeMap<_, _> = known.collect();
        *since = known;
        let lasting = since.iter().filter(|(_, begun)| now - **begun >= time);
        lasting.map(|(id, _)| *id).collect()
    }
}

impl Chores {
    pub(super) fn new(office: Office) -> Self {
        Self {
            office,
            draining: Since::default(),
            unsettled: Since::default(),
            none_live: Since::default(),
        }
    }

    /// One round. What fails is taken up again in the next.
    pub(super) async fn do_all(&self) {
        let done = self.do_each().await;
        if let Err(error) = done {
            tracing::debug!(%error, "control could not write, and tries again");
        }
    }

    async fn do_each(&self) -> Result<(), ClusterError> {
        if !self.office.memory.is_ready() {
            self.spawn_initial().await?;
            self.office.memory.set_ready();
        }
        self.take_up().await?;
        self.keep_one_live().await?;
        self.end_drained().await?;
        let unsettled = self.office.memory.state().unsettled().clone();
        for id in self.unsettled.last(unsettled, UNSETTLED) {
            self.office.settle(id).await?;
        }
        Ok(())
    }

    /// Clusters that are wanted from the start, as far as nobody has decided anything about them.
    async fn spawn_initial(&self) -> Result<(), ClusterError> {
        let office = &self.office;
        let numbers = 1..=u64::from(office.config.initial);
        for id in numbers.filter_map(|number| ClusterId::try_new(number).ok()) {
            if office.memory.cluster(id).is_some() {
                continue;
            }
            match office.enter(id, None, office.config.policy).await {
                Ok(_) | Err(ClusterError::TooMany) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Clusters that this node serves are live.
    async fn take_up(&self) -> Result<(), ClusterError> {
        let served = self.office.table.served();
        for id in self.office.memory.in_state(ClusterState::Starting) {
            if served.contains(&id) {
                self.turn(id, ClusterState::Starting, ClusterState::Live)
                    .await?;
            }
        }
        Ok(())
    }

    /// Sessions need a place, even if two nodes have retired the last two clusters at once.
    async fn keep_one_live(&self) -> Result<(), ClusterError> {
        let memory = &self.office.memory;
        let is_any = memory.state().num_active() > 0;
        let draining = memory.in_state(ClusterState::Draining);
        let homeless = draining.into_iter().filter(|_| !is_any);
        match self.none_live.last(homeless, NONE_LIVE).last() {
            Some(id) => {
                self.turn(*id, ClusterState::Draining, ClusterState::Live)
                    .await
            }
            None => Ok(()),
        }
    }

    async fn end_drained(&self) -> Result<(), ClusterError> {
        let draining = self.office.memory.in_state(ClusterState::Draining);
        for id in self.draining.last(draining, DRAINING) {
            if self.office.config.serves {
                self.turn(id, ClusterState::Draining, ClusterState::Stopped)
                    .await?;
            }
        }
        Ok(())
    }

    /// From one state into another, unless it has left the one by now.
    async fn turn(
        &self,
        id: ClusterId,
        from: ClusterState,
        to: ClusterState,
    ) -> Result<(), ClusterError> {
        let known = self.office.memory.cluster(id);
        match known.filter(|known| known.state == from) {
            Some(known) => {
                let turned = Wanted::after(Some(known), to, known.policy);
                self.office.write(id, turned).await.map(drop)
            }
            None => Ok(()),
        }
    }
}
