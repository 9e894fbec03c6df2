//! Which clusters should exist, and makes it so.
//!
//! - Receives: [`SpawnCluster`], [`ChangeClusterPolicy`], [`RetireCluster`], [`ListClusters`] from the admin routes.
//! - Emits: requests to the main publisher, to cluster publishers, to hubs and to the registry, each awaited: a cluster is
//!   live when windows reach every hub through it.
//! - Owns: the desired state, which its factory keeps, and the cluster publishers, which it supervises.
//! - When a stage's mailbox is full: it waits, and so does whoever asked it.
//! - When a stage does not answer: a spawn is undone and refused; a retirement tries again until it is done.
//! - When it dies: desired state and publishers live on, and a spawn that was not finished is undone. A main publisher or
//!   registry that was rebuilt is told again, at the next look.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{Actor, AsyncContext, AtomicResponse, Context, Handler, MessageResult, ResponseFuture};

use crate::actors::link::{Gone, Link};
use crate::actors::messages::{
    AddCluster, ChangeClusterPolicy, ClusterError, ClusterReport, Drain, Introduce, ListClusters,
    MoveSessions, RemoveCluster, RetireCluster, RosterChanged, SpawnCluster, Spawned,
};
use crate::domain::{ClusterId, ClusterState, Policy};

mod desired;
#[cfg(test)]
mod tests;

pub use desired::{Desired, Publisher, PublisherFactory};

const MAILBOX: usize = 64;
/// How often rebuilt neighbours are looked for, and unfinished retirements taken up again.
const LOOK: Duration = Duration::from_millis(200);

/// Settings under `clusters`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClustersConfig {
    /// Clusters 1 to this one exist from the start.
    pub initial: u16,
    /// Clusters there may be.
    pub max: usize,
    /// The policy of clusters that are spawned without one.
    pub policy: Policy,
}

/// The stages that have to know which clusters exist.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// The main publisher, for new clusters.
    pub add: Link<AddCluster>,
    /// The main publisher, for clusters that leave.
    pub remove: Link<RemoveCluster>,
    /// The registry.
    pub roster: Link<RosterChanged>,
    /// The hub of every worker.
    pub hubs: Vec<Link<MoveSessions>>,
}

/// The actor.
pub struct Clusters {
    config: ClustersConfig,
    desired: Desired,
    neighbours: Neighbours,
    factory: PublisherFactory,
    /// The lives of main publisher and registry that know everything.
    told: (u64, u64),
    /// Retirements that are being attempted.
    retiring: BTreeSet<ClusterId>,
}

impl std::fmt::Debug for Clusters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Clusters")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Clusters {
    /// Over desired state that an earlier life may have begun.
    pub fn new(
        config: ClustersConfig,
        desired: Desired,
        neighbours: Neighbours,
        factory: PublisherFactory,
    ) -> Self {
        Self {
            config,
            desired,
            neighbours,
            factory,
            told: (0, 0),
            retiring: BTreeSet::new(),
        }
    }

    /// Connects a starting cluster from its far end: hubs first, then windows, then sessions.
    async fn connect(neighbours: Neighbours, desired: Desired, id: ClusterId) -> Result<(), Gone> {
        let ends = desired.of_publisher(id, |publisher| {
            (publisher.windows.clone(), publisher.introduce.clone())
        });
        let (publisher, introduce) = ends.ok_or(Gone)?;
        until_alive(&introduce).await;
        if !introduce.ask(Introduce).await? {
            return Err(Gone);
        }
        neighbours.add.ask(AddCluster { id, publisher }).await
    }

    /// Tells neighbours that were rebuilt, and takes up what was left unfinished.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let lives = (self.neighbours.add.life(), self.neighbours.roster.life());
        if lives != self.told {
            self.told = lives;
            self.tell_again(ctx);
        }
        for id in self.desired.leaving() {
            self.retire(id, ctx);
        }
    }

    /// Nothing else is decided meanwhile: a cluster that left halfway would be brought back.
    fn tell_again(&self, ctx: &mut Context<Self>) {
        let neighbours = self.neighbours.clone();
        let desired = self.desired.clone();
        let telling = async move {
            let roster = desired.roster();
            for seats in &roster.live {
                Self::connect(neighbours.clone(), desired.clone(), seats.cluster).await?;
            }
            neighbours.roster.ask(roster).await
        };
        ctx.wait(
            wrap_future::<_, Self>(telling).map(|told: Result<(), Gone>, clusters, _| {
                if told.is_err() {
                    clusters.told = (0, 0);
                }
            }),
        );
    }

    /// Moves a draining cluster's sessions out of every hub, then ends its publisher. One attempt at a time: a hub that is
    /// busy would find the same request in its mailbox again and again.
    fn retire(&mut self, id: ClusterId, ctx: &mut Context<Self>) {
        if !self.retiring.insert(id) {
            return;
        }
        let neighbours = self.neighbours.clone();
        let desired = self.desired.clone();
        let retiring = async move {
            // Who is live may change between two answers, so each request says it anew.
            neighbours.roster.ask(desired.roster()).await?;
            for hub in &neighbours.hubs {
                let to = desired.roster().live;
                hub.ask(MoveSessions { from: id, to }).await?;
            }
            neighbours.remove.ask(RemoveCluster { id }).await
        };
        ctx.spawn(wrap_future::<_, Self>(retiring).map(
            move |retired: Result<(), Gone>, clusters, _| {
                clusters.retiring.remove(&id);
                if retired.is_ok() {
                    clusters.desired.end(id);
                }
            },
        ));
    }
}

/// A publisher that was built a moment ago begins its life on the next turn of its thread.
async fn until_alive(introduce: &Link<Introduce>) {
    while introduce.life() == 0 {
        tokio::task::yield_now().await;
    }
}

impl Actor for Clusters {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.desired.undo_unfinished();
        ctx.run_interval(LOOK, Self::look);
    }
}

impl Handler<SpawnCluster> for Clusters {
    type Result = AtomicResponse<Self, Result<Spawned, ClusterError>>;

    fn handle(&mut self, spawn: SpawnCluster, _: &mut Self::Context) -> Self::Result {
        let Some(id) = spawn.id_opt.or_else(|| self.desired.lowest_free()) else {
            return answer(Err(ClusterError::TooMany));
        };
        let policy = spawn.policy_opt.unwrap_or(self.config.policy);
        match self.desired.existing(id, policy, self.config.max) {
            Ok(None) => {}
            Ok(Some(existing)) => return answer(Ok(existing)),
            Err(error) => return answer(Err(error)),
        }
        self.desired.enter(id, policy, &self.factory);
        let neighbours = self.neighbours.clone();
        let desired = self.desired.clone();
        let spawning = async move {
            Self::connect(neighbours.clone(), desired.clone(), id).await?;
            desired.set_state(id, ClusterState::Live);
            neighbours.roster.ask(desired.roster()).await
        };
        AtomicResponse::new(Box::pin(wrap_future::<_, Self>(spawning).map(
            move |spawned: Result<(), Gone>, clusters, _| {
                if spawned.is_err() {
                    clusters.desired.set_state(id, ClusterState::Draining);
                }
                spawned?;
                clusters.desired.report(id).map(Spawned::New)
            },
        )))
    }
}

fn answer(
    outcome: Result<Spawned, ClusterError>,
) -> AtomicResponse<Clusters, Result<Spawned, ClusterError>> {
    AtomicResponse::new(Box::pin(actix::fut::ready(outcome)))
}

impl Handler<ChangeClusterPolicy> for Clusters {
    type Result = Result<ClusterReport, ClusterError>;

    fn handle(&mut self, change: ChangeClusterPolicy, _: &mut Self::Context) -> Self::Result {
        self.desired.change_policy(change.id, change.policy)
    }
}

impl Handler<RetireCluster> for Clusters {
    type Result = Result<ClusterReport, ClusterError>;

    fn handle(&mut self, retire: RetireCluster, ctx: &mut Self::Context) -> Self::Result {
        if self.desired.may_retire(retire.id)? {
            self.desired.set_state(retire.id, ClusterState::Draining);
            self.retire(retire.id, ctx);
        }
        self.desired.report(retire.id)
    }
}

impl Handler<ListClusters> for Clusters {
    type Result = MessageResult<ListClusters>;

    fn handle(&mut self, _: ListClusters, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.desired.reports())
    }
}

impl Handler<Drain> for Clusters {
    type Result = ResponseFuture<usize>;

    /// Passes the word on to every publisher; one that does not answer counts as one item held.
    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        let links = self.desired.drains();
        Box::pin(async move {
            let mut held = 0;
            for link in links {
                held += link.ask(Drain).await.unwrap_or(1);
            }
            held
        })
    }
}
