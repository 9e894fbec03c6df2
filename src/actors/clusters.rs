//! Which clusters should exist, and makes it so.
//!
//! - Receives: [`SpawnCluster`], [`ChangeClusterPolicy`], [`RetireCluster`], [`ListClusters`] from the admin routes.
//! - Emits: requests to the main publisher, to cluster publishers, to hubs and to the registry, each awaited: a cluster is
//!   live when windows reach every hub through it.
//! - Owns: the desired state, which its factory keeps, and the cluster publishers, which it supervises.
//! - When a stage does not answer: a spawn is undone and refused; a retirement tries again until it is done.
//! - When it dies: desired state and publishers live on. A main publisher or registry that was rebuilt is told again, at
//!   the next look.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{Actor, AsyncContext, AtomicResponse, Context, Handler, MessageResult, ResponseFuture};

use crate::actors::link::{Gone, Link};
use crate::actors::messages::{
    AddCluster, ChangeClusterPolicy, ClusterError, ClusterReport, ClusterSeats, ClusterWindows,
    Drain, Introduce, ListClusters, MoveSessions, RemoveCluster, RetireCluster, RosterChanged,
    SpawnCluster, Spawned,
};
use crate::domain::{ClusterId, ClusterState, Policy, Seq};
use crate::telemetry::events::ClusterChanged;

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

/// Desired state, which outlives the lives of its actor.
pub type SharedClusters = Rc<RefCell<BTreeMap<ClusterId, Entry>>>;

/// One cluster.
#[derive(Debug)]
pub struct Entry {
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

/// The actor.
pub struct Clusters {
    config: ClustersConfig,
    entries: SharedClusters,
    neighbours: Neighbours,
    factory: PublisherFactory,
    /// The lives of main publisher and registry that know everything.
    told: (u64, u64),
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
        entries: SharedClusters,
        neighbours: Neighbours,
        factory: PublisherFactory,
    ) -> Self {
        Self {
            config,
            entries,
            neighbours,
            factory,
            told: (0, 0),
        }
    }

    /// Checks a wish to spawn; `Ok(None)` means that the cluster has to be made.
    fn existing(
        &self,
        spawn: &SpawnCluster,
        id: ClusterId,
    ) -> Result<Option<Spawned>, ClusterError> {
        let entries = self.entries.borrow();
        let active = entries.values().filter(|entry| entry.is_active()).count();
        match entries.get(&id).map(|entry| (entry.state, entry)) {
            Some((ClusterState::Draining, _)) => Err(ClusterError::Draining),
            Some((ClusterState::Starting, _)) => Err(ClusterError::Unavailable),
            Some((ClusterState::Live, entry)) => {
                let wish = spawn.policy_opt.unwrap_or(self.config.policy);
                if entry.policy.get() == wish {
                    Ok(Some(Spawned::Existing(entry.report())))
                } else {
                    Err(ClusterError::OtherPolicy)
                }
            }
            Some((ClusterState::Stopped, _)) | None if active >= self.config.max => {
                Err(ClusterError::TooMany)
            }
            Some((ClusterState::Stopped, _)) | None => Ok(None),
        }
    }

    fn lowest_free(&self) -> Option<ClusterId> {
        let entries = self.entries.borrow();
        let taken = |id: &ClusterId| {
            entries
                .get(id)
                .is_some_and(|entry| entry.state != ClusterState::Stopped)
        };
        (1..=9_999)
            .filter_map(|number| ClusterId::try_new(number).ok())
            .find(|id| !taken(id))
    }

    /// Enters a cluster that is starting, and builds its publisher.
    fn build(&self, id: ClusterId, policy: Policy) {
        let policy = Rc::new(Cell::new(policy));
        let publisher = (self.factory)(id, policy.clone());
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
        self.entries.borrow_mut().insert(id, entry);
        self.changed(id);
    }

    fn changed(&self, id: ClusterId) {
        if let Some(entry) = self.entries.borrow().get(&id) {
            ClusterChanged {
                cluster: id,
                state: entry.state.as_str(),
            }
            .emit();
        }
    }

    fn set_state(&self, id: ClusterId, state: ClusterState) {
        if let Some(entry) = self.entries.borrow_mut().get_mut(&id) {
            entry.state = state;
        }
        self.changed(id);
    }

    fn roster(&self) -> RosterChanged {
        let entries = self.entries.borrow();
        let live = entries
            .values()
            .filter(|entry| entry.state == ClusterState::Live);
        RosterChanged {
            live: live.map(|entry| entry.seats.clone()).collect(),
        }
    }

    fn report(&self, id: ClusterId) -> Result<ClusterReport, ClusterError> {
        let entries = self.entries.borrow();
        entries
            .get(&id)
            .map(Entry::report)
            .ok_or(ClusterError::Unknown)
    }

    /// Connects a starting cluster from its far end: hubs first, then windows, then sessions.
    async fn connect(
        neighbours: Neighbours,
        entries: SharedClusters,
        id: ClusterId,
    ) -> Result<(), Gone> {
        let (windows, introduce) = {
            let entries = entries.borrow();
            let publisher = entries.get(&id).and_then(|entry| entry.publisher.as_ref());
            let publisher = publisher.ok_or(Gone)?;
            (publisher.windows.clone(), publisher.introduce.clone())
        };
        until_alive(&introduce).await;
        if !introduce.ask(Introduce).await? {
            return Err(Gone);
        }
        let added = AddCluster {
            id,
            publisher: windows,
        };
        neighbours.add.ask(added).await
    }

    /// Tells neighbours that were rebuilt, and takes up what was left unfinished.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let lives = (self.neighbours.add.life(), self.neighbours.roster.life());
        if lives != self.told {
            self.told = lives;
            self.tell_again(ctx);
        }
        let unfinished: Vec<_> = self
            .entries
            .borrow()
            .iter()
            .filter(|(_, entry)| entry.state == ClusterState::Draining && entry.publisher.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in unfinished {
            self.retire(id, ctx);
        }
    }

    fn tell_again(&self, ctx: &mut Context<Self>) {
        let neighbours = self.neighbours.clone();
        let entries = self.entries.clone();
        let roster = self.roster();
        let live: Vec<_> = roster.live.iter().map(|seats| seats.cluster).collect();
        ctx.spawn(
            wrap_future::<_, Self>(async move {
                for id in live {
                    if Self::connect(neighbours.clone(), entries.clone(), id)
                        .await
                        .is_err()
                    {
                        return Err(Gone);
                    }
                }
                neighbours.roster.ask(roster).await
            })
            .map(|told, clusters, _| {
                if told.is_err() {
                    clusters.told = (0, 0);
                }
            }),
        );
    }

    /// Moves a draining cluster's sessions out of every hub, then ends its publisher.
    fn retire(&self, id: ClusterId, ctx: &mut Context<Self>) {
        let neighbours = self.neighbours.clone();
        let roster = self.roster();
        let moving = MoveSessions {
            from: id,
            to: roster.live.clone(),
        };
        ctx.spawn(
            wrap_future::<_, Self>(async move {
                neighbours.roster.ask(roster).await?;
                for hub in &neighbours.hubs {
                    hub.ask(moving.clone()).await?;
                }
                neighbours.remove.ask(RemoveCluster { id }).await
            })
            .map(move |retired: Result<(), Gone>, clusters, _| {
                if retired.is_ok() {
                    clusters.end(id);
                }
            }),
        );
    }

    fn end(&self, id: ClusterId) {
        let publisher = self
            .entries
            .borrow_mut()
            .get_mut(&id)
            .filter(|entry| entry.state == ClusterState::Draining)
            .and_then(|entry| entry.publisher.take());
        if let Some(publisher) = publisher {
            (publisher.stop)();
            self.set_state(id, ClusterState::Stopped);
        }
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
        ctx.run_interval(LOOK, Self::look);
    }
}

impl Handler<SpawnCluster> for Clusters {
    type Result = AtomicResponse<Self, Result<Spawned, ClusterError>>;

    fn handle(&mut self, spawn: SpawnCluster, _: &mut Self::Context) -> Self::Result {
        let Some(id) = spawn.id_opt.or_else(|| self.lowest_free()) else {
            return answer(Err(ClusterError::TooMany));
        };
        match self.existing(&spawn, id) {
            Ok(None) => {}
            Ok(Some(existing)) => return answer(Ok(existing)),
            Err(error) => return answer(Err(error)),
        }
        self.build(id, spawn.policy_opt.unwrap_or(self.config.policy));
        let connect = Self::connect(self.neighbours.clone(), self.entries.clone(), id);
        let connected = wrap_future::<_, Self>(connect).then(move |connected, clusters, _| {
            clusters.set_state(
                id,
                match connected {
                    Ok(()) => ClusterState::Live,
                    Err(Gone) => ClusterState::Draining,
                },
            );
            let roster = clusters.roster();
            let link = clusters.neighbours.roster.clone();
            wrap_future::<_, Self>(async move {
                connected?;
                link.ask(roster).await
            })
        });
        AtomicResponse::new(Box::pin(connected.map(
            move |told: Result<(), Gone>, clusters, _| {
                told?;
                clusters.report(id).map(Spawned::New)
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
        let entries = self.entries.borrow();
        let entry = entries
            .get(&change.id)
            .filter(|entry| entry.state != ClusterState::Stopped)
            .ok_or(ClusterError::Unknown)?;
        entry.policy.set(change.policy);
        Ok(entry.report())
    }
}

impl Handler<RetireCluster> for Clusters {
    type Result = Result<ClusterReport, ClusterError>;

    fn handle(&mut self, retire: RetireCluster, ctx: &mut Self::Context) -> Self::Result {
        let report = self.report(retire.id)?;
        match report.state {
            ClusterState::Stopped => return Err(ClusterError::Unknown),
            ClusterState::Draining => return Ok(report),
            ClusterState::Starting => return Err(ClusterError::Unavailable),
            ClusterState::Live if self.roster().live.len() == 1 => return Err(ClusterError::Last),
            ClusterState::Live => {}
        }
        self.set_state(retire.id, ClusterState::Draining);
        self.retire(retire.id, ctx);
        self.report(retire.id)
    }
}

impl Handler<ListClusters> for Clusters {
    type Result = MessageResult<ListClusters>;

    fn handle(&mut self, _: ListClusters, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.entries.borrow().values().map(Entry::report).collect())
    }
}

impl Handler<Drain> for Clusters {
    type Result = ResponseFuture<usize>;

    /// Passes the word on to every publisher; one that does not answer counts as one item held.
    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        let entries = self.entries.borrow();
        let publishers = entries
            .values()
            .filter_map(|entry| entry.publisher.as_ref());
        let links: Vec<_> = publishers
            .map(|publisher| publisher.drain.clone())
            .collect();
        Box::pin(async move {
            let mut held = 0;
            for link in links {
                held += link.ask(Drain).await.unwrap_or(1);
            }
            held
        })
    }
}
