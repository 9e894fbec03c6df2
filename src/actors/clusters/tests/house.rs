//! Clusters among probes: one in place of each stage that has to know which clusters exist.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::task::JoinHandle;

use crate::actors::clusters::*;
use crate::actors::messages::{ClusterSeats, ClusterWindows};
use crate::testkit::{Desk, Ground, Probe, Stage, mortal, settle};

mortal!(Clusters);

pub(super) const MAX: usize = 4;
/// No cluster, in a comparison.
pub(super) const NONE: [u16; 0] = [];

pub(super) struct House {
    pub(super) ground: Ground,
    pub(super) main_publisher: Probe<AddCluster>,
    pub(super) leavers: Probe<RemoveCluster>,
    pub(super) registry: Probe<RosterChanged>,
    pub(super) hubs: [Probe<MoveSessions>; 2],
    pub(super) publishers: Publishers,
    desired: Desired,
}

/// The publishers of all clusters, behind one door.
pub(super) struct Publishers {
    pub(super) windows: Probe<ClusterWindows>,
    pub(super) introduce: Desk<Introduce>,
    pub(super) drain: Desk<Drain>,
    pub(super) last_window: Arc<AtomicU64>,
    pub(super) built: Rc<RefCell<Vec<Built>>>,
    pub(super) stopped: Rc<RefCell<Vec<u16>>>,
}

/// A publisher that was built: for which cluster, and over which policy.
pub(super) type Built = (u16, Rc<Cell<Policy>>);

impl Publishers {
    fn factory(&self) -> PublisherFactory {
        let (windows, introduce) = (self.windows.link(), self.introduce.link());
        let (drain, last_window) = (self.drain.link(), self.last_window.clone());
        let (built, stopped) = (self.built.clone(), self.stopped.clone());
        Rc::new(move |id: ClusterId, policy| {
            built.borrow_mut().push((id.get(), policy));
            let stopped = stopped.clone();
            Publisher {
                windows: windows.clone(),
                introduce: introduce.clone(),
                drain: drain.clone(),
                last_window: last_window.clone(),
                stop: Box::new(move || stopped.borrow_mut().push(id.get())),
            }
        })
    }
}

impl House {
    pub(super) fn new() -> Self {
        Self {
            ground: Ground::new(),
            main_publisher: Probe::new(),
            leavers: Probe::new(),
            registry: Probe::new(),
            hubs: [Probe::new(), Probe::new()],
            publishers: Publishers {
                windows: Probe::new(),
                introduce: Desk::new(|_| true),
                drain: Desk::new(|_| 2),
                last_window: Arc::default(),
                built: Rc::default(),
                stopped: Rc::default(),
            },
            desired: Desired::default(),
        }
    }

    pub(super) async fn clusters(&self) -> Stage<Clusters> {
        let config = ClustersConfig {
            initial: 0,
            max: MAX,
            policy: Policy::default(),
        };
        let neighbours = Neighbours {
            add: self.main_publisher.link(),
            remove: self.leavers.link(),
            roster: self.registry.link(),
            hubs: self.hubs.iter().map(Probe::link).collect(),
        };
        let (desired, factory) = (self.desired.clone(), self.publishers.factory());
        Stage::start(&self.ground.metrics, move || {
            let (desired, neighbours) = (desired.clone(), neighbours.clone());
            Clusters::new(config.clone(), desired, neighbours, factory.clone())
        })
        .await
    }

    /// Clusters with so many of them alive, of which everyone has heard.
    pub(super) async fn with_live(&mut self, number: u64) -> Stage<Clusters> {
        let clusters = self.clusters().await;
        for id in 1..=number {
            clusters.ask(spawn(id)).await.unwrap();
        }
        a_look().await;
        self.added();
        self.rosters();
        clusters
    }

    /// Clusters that the main publisher was given since the last call.
    pub(super) fn added(&mut self) -> Vec<u16> {
        let added = self.main_publisher.drain();
        added.iter().map(|added| added.id.get()).collect()
    }

    pub(super) fn removed(&mut self) -> Vec<u16> {
        let removed = self.leavers.drain();
        removed.iter().map(|removed| removed.id.get()).collect()
    }

    pub(super) fn rosters(&mut self) -> Vec<Vec<u16>> {
        let rosters = self.registry.drain();
        rosters.iter().map(|roster| seated(&roster.live)).collect()
    }

    /// What a hub was told to move since the last call: from where, and to where.
    pub(super) fn moves(&mut self, hub: usize) -> Vec<(u16, Vec<u16>)> {
        let moves = self.hubs[hub].drain();
        moves
            .iter()
            .map(|moving| (moving.from.get(), seated(&moving.to)))
            .collect()
    }

    pub(super) fn stopped(&self) -> Vec<u16> {
        self.publishers.stopped.borrow().clone()
    }

    pub(super) fn built(&self) -> Vec<u16> {
        let built = self.publishers.built.borrow();
        built.iter().map(|(id, _)| *id).collect()
    }
}

fn seated(seats: &[ClusterSeats]) -> Vec<u16> {
    seats.iter().map(|seats| seats.cluster.get()).collect()
}

pub(super) fn id(number: u64) -> ClusterId {
    ClusterId::try_new(number).unwrap()
}

pub(super) fn spawn(number: u64) -> SpawnCluster {
    SpawnCluster {
        id_opt: Some(id(number)),
        policy_opt: None,
    }
}

pub(super) fn retire(number: u64) -> RetireCluster {
    RetireCluster { id: id(number) }
}

/// Lists nothing below so many.
pub(super) fn policy(min_count: u64) -> Policy {
    Policy {
        min_count,
        ..Policy::default()
    }
}

/// Asks without waiting for the answer.
pub(super) fn begin<M>(
    clusters: &Stage<Clusters>,
    message: M,
) -> JoinHandle<Result<M::Result, Gone>>
where
    M: actix::Message<Result: Send> + Send + 'static,
    Clusters: Handler<M>,
{
    let link = clusters.link();
    actix::spawn(async move { link.ask(message).await })
}

/// Waits until Clusters has looked around once more.
pub(super) async fn a_look() {
    tokio::time::sleep(LOOK).await;
    settle().await;
}

pub(super) async fn states(clusters: &Stage<Clusters>) -> Vec<(u16, ClusterState)> {
    let reports = clusters.ask(ListClusters).await;
    reports
        .iter()
        .map(|report| (report.id.get(), report.state))
        .collect()
}
