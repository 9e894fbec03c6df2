//! Delivers whole windows to the session hubs under one cluster's policy.
//!
//! - Receives: [`ClusterWindows`], [`Introduce`], [`Drain`].
//! - Emits: [`SubscriberWindows`] and [`ClusterAnnounced`] to the hub of every worker.
//! - Owns: an outbox per hub. The policy is a cell shared with Clusters on the same thread, read when windows are handed
//!   on: a change counts from the next window.
//! - When a hub's mailbox is full: kept, then absorbed; see [`crate::actors::outbox`].
//! - When it dies: the main publisher sends each stream's newest window again.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture};

use crate::actors::link::Link;
use crate::actors::messages::{
    ClusterAnnounced, ClusterWindows, Drain, Introduce, SubscriberWindows,
};
use crate::actors::outbox::Outbox;
use crate::domain::{ClusterId, Policy};
use crate::telemetry::Metrics;

const MAILBOX: usize = 256;
const RETRY: Duration = Duration::from_millis(50);

/// A session hub, as a cluster publisher knows it.
#[derive(Debug, Clone)]
pub struct HubLinks {
    /// For windows.
    pub windows: Link<SubscriberWindows>,
    /// For introductions.
    pub announcements: Link<ClusterAnnounced>,
}

/// What Clusters shares with a publisher, on the same thread, through all its lives.
#[derive(Debug, Clone)]
pub struct ClusterShare {
    /// The cluster.
    pub id: ClusterId,
    /// Its policy now.
    pub policy: Rc<Cell<Policy>>,
    /// Number of the newest window it delivered; 0 before the first.
    pub last_window: Arc<AtomicU64>,
}

/// The actor.
#[derive(Debug)]
pub struct ClusterPublisher {
    share: ClusterShare,
    hubs: Vec<(Outbox<SubscriberWindows>, Link<ClusterAnnounced>)>,
}

impl ClusterPublisher {
    /// A publisher for one cluster over all hubs.
    pub fn new(share: ClusterShare, hubs: &[HubLinks], metrics: &Arc<Metrics>) -> Self {
        let outbox = |hub: &HubLinks| {
            Outbox::new("subscriber_windows", hub.windows.clone(), metrics.clone())
        };
        Self {
            share,
            hubs: hubs
                .iter()
                .map(|hub| (outbox(hub), hub.announcements.clone()))
                .collect(),
        }
    }

    fn flush(&mut self) -> usize {
        let cluster = self.share.id;
        let policy = self.share.policy.get();
        let mut waiting = 0;
        for (outbox, _) in &mut self.hubs {
            outbox.flush(|windows| SubscriberWindows {
                cluster,
                policy,
                windows,
            });
            waiting += outbox.len();
        }
        waiting
    }
}

impl Actor for ClusterPublisher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(RETRY, |publisher, _| {
            publisher.flush();
        });
    }
}

impl Handler<ClusterWindows> for ClusterPublisher {
    type Result = ();

    fn handle(&mut self, delivered: ClusterWindows, _: &mut Self::Context) {
        for (outbox, _) in &mut self.hubs {
            outbox.push(&delivered.windows);
        }
        self.flush();
        if let Some(newest) = delivered.windows.iter().map(|window| window.seq.0).max() {
            self.share.last_window.fetch_max(newest, Ordering::AcqRel);
        }
    }
}

impl Handler<Introduce> for ClusterPublisher {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Introduce, _: &mut Self::Context) -> Self::Result {
        let announced = ClusterAnnounced {
            cluster: self.share.id,
            policy: self.share.policy.get(),
        };
        let hubs: Vec<_> = self.hubs.iter().map(|(_, link)| link.clone()).collect();
        Box::pin(async move {
            for hub in hubs {
                if hub.ask(announced).await.is_err() {
                    return false;
                }
            }
            true
        })
    }
}

impl Handler<Drain> for ClusterPublisher {
    type Result = usize;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> usize {
        self.flush()
    }
}
