//! Nodes without a pipeline: Control, its reading thread and a registry, as they stand in a running node, and a hub that
//! keeps what it is told.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use emostream::actors::clock::Clock;
use emostream::actors::link::{Link, Slot};
use emostream::actors::messages::{ClusterAnnounced, MoveSessions, PlaceSession};
use emostream::actors::registry::{Registry, RegistryConfig};
use emostream::actors::streams::Streams;
use emostream::actors::supervisor::{Supervised, Supervision};
use emostream::domain::{ClusterId, Policy};
use emostream::kafka::admin::Admin;
use emostream::kafka::client::ClientsConfig;
use emostream::kafka::control::log::KafkaLog;
use emostream::kafka::control::memory::Memory;
use emostream::kafka::control::reader::ReaderSetup;
use emostream::kafka::control::{Control, ControlConfig, HubLinks, Neighbours};
use emostream::kafka::health::Health;
use emostream::kafka::table::ClusterTable;
use emostream::kafka::thread::Threaded;
use emostream::kafka::topics::TopicsConfig;
use emostream::telemetry::Metrics;

use super::broker::Broker;
use super::clients::PATIENCE;

/// What all nodes of a test share.
pub(crate) struct Cluster {
    pub(crate) address: String,
    pub(crate) topics: TopicsConfig,
    pub(crate) lease: Duration,
    clients: ClientsConfig,
}

/// A node. Dropped, it ends.
pub(crate) struct Node {
    pub(crate) place: Link<PlaceSession>,
    control: Supervised<Control>,
    reader: Supervised<Threaded>,
    registry: Supervised<Registry>,
    table: Arc<ClusterTable>,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    announced: Vec<u16>,
    moved_from: Vec<u16>,
}

impl Cluster {
    /// With topics of its own.
    pub(crate) async fn new(broker: &Broker, prefix: &str) -> Self {
        let name = |role: &str| format!("{prefix}.{role}");
        let topics = TopicsConfig {
            reactions: name("in"),
            partials: name("partials"),
            aggregated: name("out"),
            totals: name("totals"),
            cluster_prefix: name("cluster_"),
            subscriber_prefix: name("subscriber_"),
            control: name("control"),
            partitions: 1,
            replicas: None,
        };
        let clients = ClientsConfig {
            bootstrap: Some(broker.address()),
            ..ClientsConfig::default()
        };
        let admin = Admin::new(&clients).expect("an admin client");
        let needed = topics.all([]);
        let created = admin.create_missing(&needed, &topics).await;
        created.expect("the topics are created");
        Self {
            address: broker.address(),
            topics,
            lease: Duration::from_secs(60),
            clients,
        }
    }

    pub(crate) fn topic_names(&self) -> Vec<String> {
        let admin = Admin::new(&self.clients).expect("an admin client");
        admin.survey().expect("the broker answers").names
    }

    /// A node that wants so many clusters from the start, and is ready.
    pub(crate) async fn node(&self, initial: u16) -> Node {
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let supervision = Supervision::new(metrics.clone());
        let health = Arc::new(Health::new("control", metrics));
        let slot: Arc<Slot<Control>> = Arc::default();
        let reader = ReaderSetup {
            clients: self.clients.clone(),
            topic: self.topics.control.clone(),
            health: health.clone(),
            from: slot.link(),
            read: slot.link(),
        };
        let registry = RegistryConfig {
            lease: self.lease,
            max_clients: 100,
            max_sessions: 100,
        };
        let registry = supervision.keep_alive("registry", Arc::default(), move |_| {
            Registry::new(registry.clone())
        });
        let told: Arc<Mutex<Told>> = Arc::default();
        let neighbours = neighbours(&registry.slot, told.clone());
        let log = KafkaLog::new(&self.clients, &self.topics, health.clone()).expect("a producer");
        let (memory, table) = (Memory::new(100), Arc::<ClusterTable>::default());
        let config = ControlConfig {
            initial,
            max: 50,
            policy: Policy::default(),
            lease: self.lease,
            serves: true,
        };
        let (kept, shared) = (memory.clone(), table.clone());
        let control = supervision.keep_alive("control", slot, move |_| {
            Control::new(
                config.clone(),
                kept.clone(),
                Rc::clone(&log) as Rc<_>,
                shared.clone(),
                Clock::system(),
                neighbours.clone(),
            )
        });
        let reader = supervision.keep_alive("control_reader", Arc::default(), move |lifeline| {
            Threaded::new(health.clone(), lifeline, reader.work())
        });
        let ready = tokio::time::timeout(PATIENCE, memory.until_ready()).await;
        ready.expect("the node is ready");
        Node {
            place: registry.slot.link(),
            control,
            reader,
            registry,
            table,
            told,
        }
    }
}

fn neighbours(registry: &Arc<Slot<Registry>>, told: Arc<Mutex<Told>>) -> Neighbours {
    let hub: Arc<Slot<Hub>> = Arc::default();
    hub.fill(Hub(told).start());
    Neighbours {
        register: registry.link(),
        deregister: registry.link(),
        learned: registry.link(),
        held: registry.link(),
        roster: registry.link(),
        streams: Arc::new(Streams::new(16)),
        hubs: vec![HubLinks {
            announcements: hub.link(),
            moves: hub.link(),
        }],
    }
}

impl Node {
    pub(crate) async fn ask<M>(&self, message: M) -> M::Result
    where
        M: Message<Result: Send> + Send + 'static,
        Control: Handler<M>,
    {
        let link: Link<M> = self.control.slot.link();
        link.ask(message).await.expect("Control is alive")
    }

    /// In place of the cluster forwarder: these are served here.
    pub(crate) fn serve(&self, numbers: impl IntoIterator<Item = u64>) {
        let served = numbers.into_iter();
        let served = served.filter_map(|number| ClusterId::try_new(number).ok());
        self.table.serve(served.collect::<BTreeSet<_>>());
    }

    pub(crate) fn announced(&self) -> Vec<u16> {
        let told = self.told.lock().expect("nobody panics with it");
        told.announced.clone()
    }

    pub(crate) fn moved_from(&self) -> Vec<u16> {
        let told = self.told.lock().expect("nobody panics with it");
        told.moved_from.clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.reader.stop();
        self.control.stop();
        self.registry.stop();
    }
}

struct Hub(Arc<Mutex<Told>>);

impl Actor for Hub {
    type Context = Context<Self>;
}

impl Handler<ClusterAnnounced> for Hub {
    type Result = ();

    fn handle(&mut self, announced: ClusterAnnounced, _: &mut Self::Context) {
        let mut told = self.0.lock().expect("nobody panics with it");
        told.announced.push(announced.cluster.get());
    }
}

impl Handler<MoveSessions> for Hub {
    type Result = usize;

    fn handle(&mut self, moving: MoveSessions, _: &mut Self::Context) -> usize {
        let mut told = self.0.lock().expect("nobody panics with it");
        told.moved_from.push(moving.from.get());
        0
    }
}
