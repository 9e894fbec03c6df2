//! Joins the stages into a running node. The only place that names every actor.
//!
//! The pipeline is built from its far end backwards, so that each stage is given the next one and no stage is ever half
//! built. Stages that are one per node live on the main thread; each HTTP worker has an ingest and a hub of its own.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix_web::dev::ServerHandle;

use crate::actors::clock::Clock;
use crate::actors::cluster_publisher::{ClusterPublisher, ClusterShare, HubLinks};
use crate::actors::clusters::{Clusters, Desired, Neighbours, Publisher, PublisherFactory};
use crate::actors::ingest::Ingest;
use crate::actors::link::{Alive, Slot};
use crate::actors::main_publisher::MainPublisher;
use crate::actors::messages::SpawnCluster;
use crate::actors::outbox::Outbox;
use crate::actors::registry::Registry;
use crate::actors::session_hub::SessionHub;
use crate::actors::streams::Streams;
use crate::actors::supervisor::Supervision;
use crate::actors::window_aggregator::WindowAggregator;
use crate::actors::window_merger::WindowMerger;
use crate::config::Config;
use crate::domain::{ClusterId, PartialMerge, TumblingWindows};
use crate::http::auth::AdminToken;
use crate::http::limits::Limits;
use crate::http::state::{Offices, Readiness, Shared};
use crate::telemetry::Metrics;

mod drain;
mod server;

use server::WorkerPlan;

/// How often rate limits forget who has been quiet.
const FORGET_INTERVAL: Duration = Duration::from_secs(10);

/// A running node.
#[derive(Debug)]
pub struct Node {
    addresses: Vec<SocketAddr>,
    generated_token_opt: Option<String>,
    shutdown_timeout: Duration,
    stages: Stages,
    shared: Arc<Shared>,
    supervision: Supervision,
    server: ServerHandle,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not to be had.
    #[error(
        "can't listen on {address} ({error}); choose another address with --bind or `http.bind`"
    )]
    Bind {
        /// The address, as configured.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The system has no random numbers for an admin token.
    #[error("can't generate an admin token ({0}); set one with --admin-token or `admin.token`")]
    Token(getrandom::Error),
    /// A metric was refused.
    #[error("can't set up metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A stage did not come up.
    #[error("the stage {0} did not come up; see the log")]
    Stage(String),
}

/// How a node ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was handed on and everyone was told.
    Drained,
    /// `shutdown.timeout` came first.
    DrainTimedOut,
    /// A stage could not be kept alive.
    StageFailed(String),
}

/// Where the stages of a node are found.
#[derive(Debug, Clone)]
struct Stages {
    ingests: Vec<Arc<Slot<Ingest>>>,
    aggregators: Vec<Arc<Slot<WindowAggregator>>>,
    merger: Arc<Slot<WindowMerger>>,
    main_publisher: Arc<Slot<MainPublisher>>,
    clusters: Arc<Slot<Clusters>>,
    registry: Arc<Slot<Registry>>,
    hubs: Vec<Arc<Slot<SessionHub>>>,
}

/// What every stage is built with.
#[derive(Debug, Clone)]
struct Ground {
    clock: Clock,
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
    supervision: Supervision,
}

impl Node {
    /// Binds, builds every stage, and returns when all of them are up and the first clusters deliver.
    ///
    /// Runs on the thread of an actix system, which then is the home of the stages that are one per node.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new()?);
        let supervision = Supervision::new(metrics.clone());
        let ground = Ground {
            clock: Clock::system(),
            streams: Arc::new(Streams::new(config.streams_max)),
            metrics,
            supervision: supervision.clone(),
        };
        let num_workers = server::num_workers(&config.http);
        let stages = Stages::new(num_workers, config.merger.partitions);
        let (admin, generated_token_opt) = admin_token(&config)?;
        let shared = Arc::new(stages.shared(&config, admin, &ground));
        stages.build(&config, &ground);
        let plan = WorkerPlan::new(&config, &stages, &ground, shared.clone());
        let (server, addresses) = server::run(&config, num_workers, plan)?;
        stages.until_up(&shared.readiness).await?;
        spawn_initial_clusters(&shared.offices, config.clusters.initial).await?;
        forget_quiet_clients(shared.limits.clone());
        tracing::info!(?addresses, workers = num_workers, "node started");
        Ok(Self {
            addresses,
            generated_token_opt,
            shutdown_timeout: config.shutdown_timeout,
            stages,
            shared,
            supervision,
            server,
        })
    }

    /// Where it listens, in the order of `http.bind`, with the ports that were given for 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The admin token if it was generated.
    pub fn generated_token(&self) -> Option<&str> {
        self.generated_token_opt.as_deref()
    }

    /// Serves until `stop` or until a stage can't be kept alive; then drains and ends.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Outcome {
        let failed_opt = tokio::select! {
            () = stop => None,
            stage = self.supervision.gave_up() => Some(stage),
        };
        if let Some(stage) = failed_opt {
            tracing::error!(stage, "stage could not be kept alive, the node ends");
            self.server.stop(false).await;
            return Outcome::StageFailed(stage);
        }
        self.drain().await
    }
}

impl Stages {
    fn new(num_workers: usize, partitions: usize) -> Self {
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
    fn build(&self, config: &Config, ground: &Ground) {
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

    fn shared(&self, config: &Config, admin: AdminToken, ground: &Ground) -> Shared {
        Shared {
            config: config.http.clone(),
            window: config.window,
            policy: config.clusters.policy,
            streams: ground.streams.clone(),
            limits: Arc::new(Limits::new(config.limits)),
            admin,
            metrics: ground.metrics.clone(),
            readiness: Readiness::new(self.named()),
            offices: Offices {
                spawn: self.clusters.link(),
                change: self.clusters.link(),
                retire: self.clusters.link(),
                list: self.clusters.link(),
                register: self.registry.link(),
                deregister: self.registry.link(),
                place: self.registry.link(),
            },
        }
    }

    /// Every stage by name, in flow order.
    fn named(&self) -> Vec<(String, Arc<dyn Alive>)> {
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
        for (worker, hub) in self.hubs.iter().enumerate() {
            named.push((format!("session_hub_{worker}"), hub.clone()));
        }
        named
    }

    /// Waits until every stage has begun its life; the workers start on threads of their own.
    async fn until_up(&self, readiness: &Readiness) -> Result<(), StartError> {
        const PATIENCE: Duration = Duration::from_secs(10);
        const LOOK: Duration = Duration::from_millis(1);
        let up = async {
            while !readiness.stages.iter().all(|(_, stage)| stage.is_alive()) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.map_err(|_| {
            let down = readiness.stages.iter().find(|(_, stage)| !stage.is_alive());
            StartError::Stage(down.map(|(name, _)| name.clone()).unwrap_or_default())
        })
    }
}

/// The configured token, or a generated one that has to be shown.
fn admin_token(config: &Config) -> Result<(AdminToken, Option<String>), StartError> {
    if let Some(token) = &config.admin_token {
        return Ok((AdminToken::new(token), None));
    }
    let token = AdminToken::generate().map_err(StartError::Token)?;
    Ok((AdminToken::new(&token), Some(token)))
}

async fn spawn_initial_clusters(offices: &Offices, initial: u16) -> Result<(), StartError> {
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

fn forget_quiet_clients(limits: Arc<Limits>) {
    actix::spawn(async move {
        loop {
            tokio::time::sleep(FORGET_INTERVAL).await;
            limits.forget_the_quiet();
        }
    });
}

#[cfg(test)]
mod tests;
