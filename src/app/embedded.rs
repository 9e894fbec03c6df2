//! The pipeline of one process: every edge is a bounded mailbox.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{Ground, StartError};
use crate::actors::cluster_publisher::{ClusterPublisher, ClusterShare, HubLinks};
use crate::actors::clusters::{Clusters, Desired, Neighbours, Publisher, PublisherFactory};
use crate::actors::credit::Credit;
use crate::actors::door::{Deposits, Entrance};
use crate::actors::ingest::Ingest;
use crate::actors::link::{Alive, Link, Slot};
use crate::actors::main_publisher::MainPublisher;
use crate::actors::messages::{Drain, SpawnCluster};
use crate::actors::outbox::Outbox;
use crate::actors::registry::Registry;
use crate::actors::session_hub::SessionHub;
use crate::actors::window_aggregator::WindowAggregator;
use crate::actors::window_merger::WindowMerger;
use crate::config::Config;
use crate::domain::{ClusterId, PartialMerge, TumblingWindows};
use crate::http::state::Offices;

/// Where the stages are found.
#[derive(Debug, Clone)]
pub(super) struct Stages {
    pub(super) ingests: Vec<Arc<Slot<Ingest>>>,
    pub(super) aggregators: Vec<Arc<Slot<WindowAggregator>>>,
    pub(super) merger: Arc<Slot<WindowMerger>>,
    pub(super) main_publisher: Arc<Slot<MainPublisher>>,
    pub(super) clusters: Arc<Slot<Clusters>>,
    pub(super) registry: Arc<Slot<Registry>>,
    pub(super) hubs: Vec<Arc<Slot<SessionHub>>>,
}

impl Stages {
    pub(super) fn new(num_workers: usize, partitions: usize) -> Self {
        Self {
            ingests: (0..num_workers).map(|_| Arc::default()).collect(),
            aggregators: (0..partitions).map(|_| Arc::default()).collect(),
            merger: Arc::default(),
            main_publisher: Arc::default(),
            clusters: Arc::default(),
            registry: Arc::default(),
            hubs: (0..num_workers).map(|_| Arc::default()).collect(),
        }
    }

    /// Builds the stages that are one per node, far end first. The hubs before them and the ingests behind them are
    /// built by the workers.
    pub(super) fn build(&self, config: &Config, ground: &Ground) {
        let registry = config.registry.clone();
        ground
            .supervision
            .keep_alive("registry", self.registry.clone(), move |_| {
                Registry::new(registry.clone())
            });
        self.build_clusters(config, ground);
        let metrics = ground.metrics.clone();
        ground
            .supervision
            .keep_alive("main_publisher", self.main_publisher.clone(), move |_| {
                MainPublisher::new(metrics.clone())
            });
        self.build_merger(config, ground);
        self.build_aggregators(config, ground);
    }

    fn build_clusters(&self, config: &Config, ground: &Ground) {
        let neighbours = Neighbours {
            add: self.main_publisher.link(),
            remove: self.main_publisher.link(),
            roster: self.registry.link(),
            hubs: self.hubs.iter().map(Slot::link).collect(),
        };
        let desired = Desired::default();
        let factory = self.publisher_factory(ground);
        let settings = config.clusters.clone();
        ground
            .supervision
            .keep_alive("clusters", self.clusters.clone(), move |_| {
                Clusters::new(
                    settings.clone(),
                    desired.clone(),
                    neighbours.clone(),
                    factory.clone(),
                )
            });
    }

    fn publisher_factory(&self, ground: &Ground) -> PublisherFactory {
        let hubs: Vec<_> = self
            .hubs
            .iter()
            .map(|hub| HubLinks {
                windows: hub.link(),
                announcements: hub.link(),
            })
            .collect();
        let ground = ground.clone();
        Rc::new(move |id: ClusterId, policy| {
            let share = ClusterShare {
                id,
                policy,
                last_window: Arc::new(AtomicU64::new(0)),
            };
            let slot: Arc<Slot<ClusterPublisher>> = Arc::default();
            let last_window = share.last_window.clone();
            let (hubs, metrics) = (hubs.clone(), ground.metrics.clone());
            let name = format!("cluster_publisher_{id}");
            let supervised = ground.supervision.keep_alive(name, slot.clone(), move |_| {
                ClusterPublisher::new(share.clone(), &hubs, &metrics)
            });
            Publisher {
                windows: slot.link(),
                introduce: slot.link(),
                drain: slot.link(),
                last_window,
                stop: Box::new(move || supervised.stop()),
            }
        })
    }

    fn build_merger(&self, config: &Config, ground: &Ground) {
        let now = config.window.seq_at(ground.clock.now());
        let merger = config.merger.clone();
        let idle_after = merger.idle_windows(config.window);
        let merge = PartialMerge::new(merger.partitions, now.prev(), idle_after);
        let merge = Rc::new(RefCell::new(merge));
        let (window, next, held) = (config.window, self.main_publisher.clone(), ground.clone());
        ground
            .supervision
            .keep_alive("window_merger", self.merger.clone(), move |_| {
                WindowMerger::new(
                    window,
                    merger.deadline,
                    merge.clone(),
                    Outbox::new("windows", next.link(), held.metrics.clone()),
                    held.clock.clone(),
                    held.streams.clone(),
                    held.metrics.clone(),
                )
            });
    }

    fn build_aggregators(&self, config: &Config, ground: &Ground) {
        let now = config.window.seq_at(ground.clock.now());
        for (partition, slot) in self.aggregators.iter().enumerate() {
            let fold = TumblingWindows::new(config.window, now.prev());
            let aggregator = WindowAggregator {
                partition,
                window: config.window,
                fold: Rc::new(RefCell::new(fold)),
                waiting: Rc::default(),
                retry_is_due: false,
                merger: self.merger.link(),
                clock: ground.clock.clone(),
                streams: ground.streams.clone(),
                metrics: ground.metrics.clone(),
            };
            let name = format!("window_aggregator_{partition}");
            ground
                .supervision
                .keep_alive(name, slot.clone(), move |_| aggregator.clone());
        }
    }

    /// Every stage by name, in flow order, but for the hubs.
    pub(super) fn named(&self) -> Vec<(String, Arc<dyn Alive>)> {
        let mut named: Vec<(String, Arc<dyn Alive>)> = Vec::new();
        for (worker, ingest) in self.ingests.iter().enumerate() {
            named.push((format!("ingest_{worker}"), ingest.clone()));
        }
        for (partition, aggregator) in self.aggregators.iter().enumerate() {
            named.push((format!("window_aggregator_{partition}"), aggregator.clone()));
        }
        named.push(("window_merger".to_owned(), self.merger.clone()));
        named.push(("main_publisher".to_owned(), self.main_publisher.clone()));
        named.push(("clusters".to_owned(), self.clusters.clone()));
        named.push(("registry".to_owned(), self.registry.clone()));
        named
    }

    /// Where requests go.
    pub(super) fn offices(&self) -> Offices {
        Offices {
            spawn: self.clusters.link(),
            change: self.clusters.link(),
            retire: self.clusters.link(),
            list: self.clusters.link(),
            register: self.registry.link(),
            deregister: self.registry.link(),
            place: self.registry.link(),
        }
    }

    /// Whom to ask to hand on what it holds, in flow order.
    pub(super) fn drains(&self) -> Vec<Link<Drain>> {
        let ingests = self.ingests.iter().map(Slot::link);
        let aggregators = self.aggregators.iter().map(Slot::link);
        let rest = [
            self.merger.link(),
            self.main_publisher.link(),
            self.clusters.link(),
        ];
        ingests.chain(aggregators).chain(rest).collect()
    }

    /// Builds the ingest of a worker on its thread.
    pub(super) fn build_ingest(&self, worker: usize, config: &Config, ground: &Ground) -> Entrance {
        let (stages, held) = (self.clone(), ground.clone());
        let credit = Rc::new(Credit::new(config.ingest.max_backlog));
        let given = credit.clone();
        let slot = self.ingests[worker].clone();
        let name = format!("ingest_{worker}");
        let config = config.ingest.clone();
        ground.supervision.keep_alive(name, slot, move |_| {
            Ingest::new(
                config.clone(),
                worker,
                given.clone(),
                stages.aggregators.iter().map(Slot::link).collect(),
                held.streams.clone(),
                held.metrics.clone(),
            )
        });
        Entrance {
            asked: self.ingests[worker].link(),
            deposits_opt: Some(Deposits {
                link: self.ingests[worker].link(),
                credit,
            }),
        }
    }
}

/// Clusters from the start.
pub(super) async fn spawn_initial_clusters(
    offices: &Offices,
    initial: u16,
) -> Result<(), StartError> {
    for number in 1..=initial {
        let failed = || StartError::Stage(format!("cluster_publisher_{number}"));
        let spawn = SpawnCluster {
            id_opt: ClusterId::try_new(u64::from(number)).ok(),
            policy_opt: None,
        };
        let spawned = offices.spawn.ask(spawn).await.map_err(|_| failed())?;
        spawned.map_err(|_| failed())?;
    }
    Ok(())
}
