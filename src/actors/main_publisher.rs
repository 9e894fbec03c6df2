//! Hands every whole window to every live cluster.
//!
//! - Receives: [`WindowsClosed`], [`AddCluster`], [`RemoveCluster`], [`Drain`].
//! - Emits: [`ClusterWindows`] to each cluster publisher.
//! - Owns: an outbox per cluster, and each stream's newest window for the cluster that joins next.
//! - When a cluster's mailbox is full: kept, then absorbed; see [`crate::actors::outbox`]. One slow cluster never holds
//!   the others.
//! - When it dies: the merger sends each stream's newest window again, and Clusters adds the clusters again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};

use crate::actors::messages::{AddCluster, ClusterWindows, Drain, RemoveCluster, WindowsClosed};
use crate::actors::outbox::Outbox;
use crate::domain::{ClusterId, StreamName, Window};
use crate::telemetry::Metrics;

const MAILBOX: usize = 256;
const RETRY: Duration = Duration::from_millis(50);

/// The actor.
#[derive(Debug)]
pub struct MainPublisher {
    clusters: BTreeMap<ClusterId, Outbox<ClusterWindows>>,
    newest: HashMap<StreamName, Arc<Window>>,
    metrics: Arc<Metrics>,
}

impl MainPublisher {
    /// A publisher without clusters.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            clusters: BTreeMap::new(),
            newest: HashMap::new(),
            metrics,
        }
    }

    fn flush(&mut self) -> usize {
        let mut waiting = 0;
        for outbox in self.clusters.values_mut() {
            outbox.flush(|windows| ClusterWindows { windows });
            waiting += outbox.len();
        }
        waiting
    }
}

impl Actor for MainPublisher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(RETRY, |publisher, _| {
            publisher.flush();
        });
    }
}

impl Handler<WindowsClosed> for MainPublisher {
    type Result = ();

    fn handle(&mut self, closed: WindowsClosed, _: &mut Self::Context) {
        for window in &closed.windows {
            self.newest.insert(window.stream.clone(), window.clone());
        }
        for outbox in self.clusters.values_mut() {
            outbox.push(&closed.windows);
        }
        self.flush();
    }
}

impl Handler<AddCluster> for MainPublisher {
    type Result = ();

    /// A cluster that is known keeps its outbox: its publisher is the same in all its lives.
    fn handle(&mut self, added: AddCluster, _: &mut Self::Context) {
        if self.clusters.contains_key(&added.id) {
            return;
        }
        let mut outbox = Outbox::new("cluster_windows", added.publisher, self.metrics.clone());
        let newest: Vec<_> = self.newest.values().cloned().collect();
        outbox.push(&newest);
        self.clusters.insert(added.id, outbox);
        self.flush();
    }
}

impl Handler<RemoveCluster> for MainPublisher {
    type Result = ();

    fn handle(&mut self, removed: RemoveCluster, _: &mut Self::Context) {
        self.clusters.remove(&removed.id);
    }
}

impl Handler<Drain> for MainPublisher {
    type Result = usize;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> usize {
        self.flush()
    }
}
