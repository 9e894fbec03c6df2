//! A node's part of the pipeline where Kafka connects the nodes: every edge is a topic, and each stage of the node's roles is
//! a thread behind an actor.

use std::rc::Rc;
use std::sync::Arc;

use super::{Ground, StartError, broker};
use crate::actors::door::Entrance;
use crate::actors::link::{Alive, Link, Slot};
use crate::actors::messages::Drain;
use crate::actors::registry::Registry;
use crate::actors::session_hub::SessionHub;
use crate::config::Config;
use crate::domain::Role;
use crate::http::state::Offices;
use crate::kafka::admin::AdminError;
use crate::kafka::aggregate::{self, AggregateSetup};
use crate::kafka::control::log::KafkaLog;
use crate::kafka::control::memory::Memory;
use crate::kafka::control::reader::ReaderSetup;
use crate::kafka::control::{self, Control, ControlConfig};
use crate::kafka::forward::{ForwardSetup, Route};
use crate::kafka::health::Health;
use crate::kafka::merge::{self, MergeSetup};
use crate::kafka::sink::{ReactionSink, ReactionWriter, WriterSetup};
use crate::kafka::source::{SourceLinks, SourceSetup};
use crate::kafka::table::ClusterTable;
use crate::kafka::thread::{Threaded, Work};
use crate::kafka::transaction::Member;

/// Where the stages are found. Those of roles that the node does not have are not there.
#[derive(Clone)]
pub(super) struct KafkaStages {
    pub(super) hubs: Vec<Arc<Slot<SessionHub>>>,
    ingests: Vec<Arc<Slot<ReactionSink>>>,
    writer_opt: Option<Arc<ReactionWriter>>,
    control: Arc<Slot<Control>>,
    clusters: Arc<dyn Alive>,
    registry: Arc<Slot<Registry>>,
    /// In flow order.
    threads: Vec<Stage>,
}

impl std::fmt::Debug for KafkaStages {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.named().into_iter().map(|(name, _)| name).collect();
        formatter.debug_tuple("KafkaStages").field(&names).finish()
    }
}

/// Control, which on a node with clients can do its work only where a cluster is live.
struct Clusters {
    control: Arc<Slot<Control>>,
    table_opt: Option<Arc<ClusterTable>>,
}

impl Alive for Clusters {
    fn is_alive(&self) -> bool {
        let table = self.table_opt.as_ref();
        self.control.is_alive() && table.is_none_or(|table| table.has_live())
    }
}

/// A stage on a thread.
#[derive(Debug, Clone)]
struct Stage {
    health: Arc<Health>,
    slot: Arc<Slot<Threaded>>,
}

/// What the stages of a node are built with.
struct Site<'a> {
    config: &'a Config,
    ground: &'a Ground,
    table: Arc<ClusterTable>,
}

impl KafkaStages {
    /// Waits for a broker, sees to the topics, and builds the stages of the node's roles, far end first. The memory tells
    /// when the clusters are known.
    pub(super) async fn build(
        config: &Config,
        num_workers: usize,
        ground: &Ground,
    ) -> Result<(Self, Memory), StartError> {
        broker::prepare(config).await?;
        let site = Site {
            config,
            ground,
            table: Arc::default(),
        };
        let roles = config.roles;
        let hubs: Vec<Arc<Slot<SessionHub>>> = (0..num_workers).map(|_| Arc::default()).collect();
        let registry = site.registry();
        let memory = Memory::new(config.registry.max_clients);
        let (control, reader) = site.control(&registry, &hubs, memory.clone())?;
        let mut threads = Vec::new();
        if roles.has(Role::Session) {
            threads.push(site.source(&hubs));
        }
        if roles.has(Role::Cluster) {
            threads.push(site.forwarder("cluster_publisher", Route::Cluster));
        }
        if roles.has(Role::Publisher) {
            let scale = config.clusters.policy.scale;
            threads.push(site.forwarder("main_publisher", Route::Publisher { scale }));
        }
        if roles.has(Role::Aggregator) {
            threads.push(site.merger());
            threads.push(site.aggregator());
        }
        let takes_reactions = roles.has(Role::Api) || roles.has(Role::Session);
        let mut writer_opt = None;
        if takes_reactions {
            let (writer, stage) = site.writer()?;
            writer_opt = Some(writer);
            threads.push(stage);
        }
        threads.push(reader);
        threads.reverse();
        let clusters = Clusters {
            control: control.clone(),
            table_opt: takes_reactions.then(|| site.table.clone()),
        };
        let num_ingests = if takes_reactions { num_workers } else { 0 };
        let stages = Self {
            hubs,
            ingests: (0..num_ingests).map(|_| Arc::default()).collect(),
            writer_opt,
            control,
            clusters: Arc::new(clusters),
            registry,
            threads,
        };
        Ok((stages, memory))
    }

    /// Every stage by name, in flow order, but for the hubs.
    pub(super) fn named(&self) -> Vec<(String, Arc<dyn Alive>)> {
        let mut named: Vec<(String, Arc<dyn Alive>)> = Vec::new();
        for (worker, ingest) in self.ingests.iter().enumerate() {
            named.push((format!("ingest_{worker}"), ingest.clone()));
        }
        for stage in &self.threads {
            named.push((stage.health.stage().to_owned(), stage.health.clone()));
        }
        named.push(("clusters".to_owned(), self.clusters.clone()));
        named.push(("registry".to_owned(), self.registry.clone()));
        named
    }

    /// Where requests go.
    pub(super) fn offices(&self) -> Offices {
        Offices {
            spawn: self.control.link(),
            change: self.control.link(),
            retire: self.control.link(),
            list: self.control.link(),
            register: self.control.link(),
            deregister: self.control.link(),
            place: self.registry.link(),
        }
    }

    /// Whom to ask to end: first those who still owe an answer to a request, then all that topics keep apart.
    pub(super) fn drains(&self) -> Vec<Vec<Link<Drain>>> {
        let ingests = self.ingests.iter().map(Slot::link);
        let control = std::iter::once(self.control.link());
        let threads = self.threads.iter().map(|stage| stage.slot.link());
        vec![ingests.chain(control).collect(), threads.collect()]
    }

    /// Builds the sink of a worker on its thread. On a node that takes no reactions it is nobody.
    pub(super) fn build_ingest(&self, worker: usize, ground: &Ground) -> Entrance {
        let asking = |slot: &Arc<Slot<ReactionSink>>| Entrance {
            asked: slot.link(),
            deposits_opt: None,
        };
        let (Some(slot), Some(writer)) = (self.ingests.get(worker), &self.writer_opt) else {
            return asking(&Arc::default());
        };
        let writer = writer.clone();
        let name = format!("ingest_{worker}");
        ground.supervision.keep_alive(name, slot.clone(), move |_| {
            ReactionSink::new(writer.clone())
        });
        asking(slot)
    }
}

impl Site<'_> {
    fn health(&self, stage: &'static str) -> Arc<Health> {
        Arc::new(Health::new(stage, self.ground.metrics.clone()))
    }

    fn keep(&self, health: Arc<Health>, work: impl Fn() -> Work + 'static) -> Stage {
        let slot = Arc::default();
        let stage = Stage { health, slot };
        let held = stage.health.clone();
        let name = held.stage();
        let supervision = &self.ground.supervision;
        supervision.keep_alive(name, stage.slot.clone(), move |lifeline| {
            Threaded::new(held.clone(), lifeline, work())
        });
        stage
    }

    fn registry(&self) -> Arc<Slot<Registry>> {
        let slot: Arc<Slot<Registry>> = Arc::default();
        let config = self.config.registry.clone();
        let supervision = &self.ground.supervision;
        supervision.keep_alive("registry", slot.clone(), move |_| {
            Registry::new(config.clone())
        });
        slot
    }

    fn control(
        &self,
        registry: &Arc<Slot<Registry>>,
        hubs: &[Arc<Slot<SessionHub>>],
        memory: Memory,
    ) -> Result<(Arc<Slot<Control>>, Stage), StartError> {
        let Site { config, ground, .. } = self;
        let health = self.health("control");
        let log = KafkaLog::new(&config.kafka, &config.topics, health.clone())
            .map_err(AdminError::Settings)?;
        let hub = |hub: &Arc<Slot<SessionHub>>| control::HubLinks {
            announcements: hub.link(),
            moves: hub.link(),
        };
        let neighbours = control::Neighbours {
            register: registry.link(),
            deregister: registry.link(),
            learned: registry.link(),
            held: registry.link(),
            roster: registry.link(),
            streams: ground.streams.clone(),
            hubs: hubs.iter().map(hub).collect(),
        };
        let settings = ControlConfig {
            initial: config.clusters.initial,
            max: config.clusters.max,
            policy: config.clusters.policy,
            lease: config.registry.lease,
            serves: config.roles.has(Role::Cluster),
        };
        let slot: Arc<Slot<Control>> = Arc::default();
        let (table, clock) = (self.table.clone(), ground.clock.clone());
        ground
            .supervision
            .keep_alive("clusters", slot.clone(), move |_| {
                Control::new(
                    settings.clone(),
                    memory.clone(),
                    Rc::clone(&log) as Rc<dyn control::log::Log>,
                    table.clone(),
                    clock.clone(),
                    neighbours.clone(),
                )
            });
        let reader = ReaderSetup {
            clients: config.kafka.clone(),
            topic: config.topics.control.clone(),
            health: health.clone(),
            from: slot.link(),
            read: slot.link(),
        };
        Ok((slot, self.keep(health, move || reader.work())))
    }

    fn source(&self, hubs: &[Arc<Slot<SessionHub>>]) -> Stage {
        let Site {
            config,
            ground,
            table,
        } = self;
        let health = self.health("subscriber_source");
        let hub = |hub: &Arc<Slot<SessionHub>>| SourceLinks {
            windows: hub.link(),
            delivery: hub.link(),
            standings: hub.link(),
        };
        let setup = SourceSetup {
            clients: config.kafka.clone(),
            topics: config.topics.clone(),
            window: config.window,
            retention: config.hub.retention,
            table: table.clone(),
            streams: ground.streams.clone(),
            max_streams: config.streams_max,
            clock: ground.clock.clone(),
            health: health.clone(),
            hubs: hubs.iter().map(hub).collect(),
        };
        self.keep(health, move || setup.work())
    }

    fn forwarder(&self, stage: &'static str, route: Route) -> Stage {
        let Site {
            config,
            ground,
            table,
        } = self;
        let health = self.health(stage);
        let setup = ForwardSetup {
            clients: config.kafka.clone(),
            topics: config.topics.clone(),
            route,
            group: config.kafka.identity.group(stage),
            window: config.window,
            max_streams: config.streams_max,
            table: table.clone(),
            clock: ground.clock.clone(),
            health: health.clone(),
        };
        self.keep(health, move || setup.work())
    }

    fn member(&self, stage: &str, health: &Arc<Health>) -> Member {
        let identity = &self.config.kafka.identity;
        Member {
            clients: self.config.kafka.clone(),
            group: identity.group(stage),
            transactional_id: identity.own(stage),
            health: health.clone(),
            clock: self.ground.clock.clone(),
        }
    }

    fn merger(&self) -> Stage {
        let Site { config, ground, .. } = self;
        let health = self.health("window_merger");
        let inputs = aggregate::timing(config.window, config.lateness, config.merger.idle_after);
        let idle_windows = config.merger.idle_windows(config.window);
        let setup = MergeSetup {
            member: self.member("merger", &health),
            partials: config.topics.partials.clone(),
            aggregated: config.topics.aggregated.clone(),
            totals: config.topics.totals.clone(),
            timing: merge::timing(&inputs, config.merger.deadline, idle_windows),
            scale: config.clusters.policy.scale,
            streams: ground.streams.clone(),
        };
        self.keep(health, move || setup.work())
    }

    fn aggregator(&self) -> Stage {
        let Site { config, .. } = self;
        let health = self.health("window_aggregator");
        let setup = AggregateSetup {
            member: self.member("agg", &health),
            reactions: config.topics.reactions.clone(),
            partials: config.topics.partials.clone(),
            timing: aggregate::timing(config.window, config.lateness, config.merger.idle_after),
        };
        self.keep(health, move || setup.work())
    }

    fn writer(&self) -> Result<(Arc<ReactionWriter>, Stage), StartError> {
        let Site { config, ground, .. } = self;
        let health = self.health("ingest");
        let setup = WriterSetup {
            clients: config.kafka.clone(),
            topic: config.topics.reactions.clone(),
            max_backlog: config.ingest.max_backlog,
            clock: ground.clock.clone(),
            streams: ground.streams.clone(),
            health: health.clone(),
        };
        let writer = ReactionWriter::new(setup).map_err(AdminError::Settings)?;
        let writer = Arc::new(writer);
        let held = writer.clone();
        Ok((writer, self.keep(health, move || held.work())))
    }
}
