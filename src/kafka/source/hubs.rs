//! The hubs of a session node, and what waits for each.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::actors::link::Link;
use crate::actors::messages::{DeliveryChanged, StreamsStand, SubscriberWindows};
use crate::actors::outbox::{MAX_WAITING, Outbox};
use crate::domain::{ClusterId, Policy, Standing, Window};
use crate::kafka::health::Health;
use crate::telemetry::Metrics;

/// What is absent for less time than that is no news for a session.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a hub that was behind or gone is tried again.
const FLUSH: Duration = Duration::from_millis(50);

/// The ways to a hub.
#[derive(Debug, Clone)]
pub struct SourceLinks {
    /// For windows.
    pub windows: Link<SubscriberWindows>,
    /// For whether they come.
    pub delivery: Link<DeliveryChanged>,
    /// For where streams stand.
    pub standings: Link<StreamsStand>,
}

/// All hubs.
pub(super) struct Hubs {
    hubs: Vec<Hub>,
    clusters: HashMap<ClusterId, Cluster>,
    /// Where streams stand of which no window has come.
    standings: Arc<[Standing]>,
    metrics: Arc<Metrics>,
    flushed_at: Instant,
    has_news: bool,
    silent_since: Option<Instant>,
}

struct Hub {
    links: SourceLinks,
    /// The life that was told, and what.
    told: (u64, bool),
    /// The life that knows where streams stand.
    stands: Option<u64>,
}

/// What waits of one cluster, for each hub.
struct Cluster {
    policy: Policy,
    outboxes: Vec<Outbox<SubscriberWindows>>,
}

impl Hubs {
    pub(super) fn new(links: &[SourceLinks], metrics: Arc<Metrics>) -> Self {
        let hub = |links: &SourceLinks| Hub {
            links: links.clone(),
            told: (0, false),
            stands: None,
        };
        Self {
            hubs: links.iter().map(hub).collect(),
            clusters: HashMap::new(),
            standings: Arc::default(),
            metrics,
            flushed_at: Instant::now(),
            has_news: false,
            silent_since: None,
        }
    }

    /// Queues a window for every hub.
    pub(super) fn push(&mut self, id: ClusterId, policy: Policy, window: Arc<Window>) {
        let hubs = &self.hubs;
        let metrics = &self.metrics;
        let cluster = self.clusters.entry(id).or_insert_with(|| {
            let outbox = |hub: &Hub| {
                let link = hub.links.windows.clone();
                Outbox::new("subscriber_windows", link, metrics.clone())
            };
            Cluster {
                policy,
                outboxes: hubs.iter().map(outbox).collect(),
            }
        });
        if cluster.policy != policy {
            cluster.flush(id);
            cluster.policy = policy;
        }
        for outbox in &mut cluster.outboxes {
            outbox.push(std::slice::from_ref(&window));
        }
        self.has_news = true;
    }

    /// Forgets the clusters that are not to be kept.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&ClusterId) -> bool) {
        self.clusters.retain(|id, _| is_kept(id));
    }

    /// Hands on what waits: when there is something new, and every now and then to a hub that was behind or is new.
    pub(super) fn flush(&mut self) {
        if !self.has_news && self.flushed_at.elapsed() < FLUSH {
            return;
        }
        self.has_news = false;
        self.flushed_at = Instant::now();
        for (id, cluster) in &mut self.clusters {
            cluster.flush(*id);
        }
    }

    /// Tells every hub that does not know it whether windows can come.
    pub(super) fn tell(&mut self, health: &Health) {
        self.silent_since = match health.is_silent() {
            true => Some(self.silent_since.unwrap_or_else(Instant::now)),
            false => None,
        };
        let interrupted = self
            .silent_since
            .is_some_and(|since| since.elapsed() >= PATIENCE);
        for hub in &mut self.hubs {
            let news = (hub.links.delivery.life(), interrupted);
            let told = hub.told != news
                && hub
                    .links
                    .delivery
                    .try_send(DeliveryChanged { interrupted })
                    .is_ok();
            if told {
                hub.told = news;
            }
        }
    }

    /// Every hub is to know where these streams stand.
    pub(super) fn stand(&mut self, standings: Vec<Standing>) {
        self.standings = standings.into();
        for hub in &mut self.hubs {
            hub.stands = None;
        }
    }

    /// Tells every hub that does not know it where streams stand.
    pub(super) fn tell_standings(&mut self) {
        if self.standings.is_empty() {
            return;
        }
        for hub in &mut self.hubs {
            let life = hub.links.standings.life();
            if hub.stands != Some(life) {
                let standings = self.standings.clone();
                let told = hub.links.standings.try_send(StreamsStand { standings });
                hub.stands = told.is_ok().then_some(life);
            }
        }
    }

    /// Whether so much waits for a hub that no more should be read.
    pub(super) fn are_behind(&self) -> bool {
        self.outboxes().any(|outbox| outbox.len() > MAX_WAITING / 2)
    }

    /// Whether nothing waits.
    pub(super) fn are_empty(&self) -> bool {
        let stands = |hub: &Hub| hub.stands == Some(hub.links.standings.life());
        let are_told = self.standings.is_empty() || self.hubs.iter().all(stands);
        are_told && self.outboxes().all(Outbox::is_empty)
    }

    fn outboxes(&self) -> impl Iterator<Item = &Outbox<SubscriberWindows>> {
        self.clusters.values().flat_map(|cluster| &cluster.outboxes)
    }
}

impl Cluster {
    fn flush(&mut self, id: ClusterId) {
        let policy = self.policy;
        for outbox in &mut self.outboxes {
            outbox.flush(|windows| SubscriberWindows {
                cluster: id,
                policy,
                windows,
            });
        }
    }
}
