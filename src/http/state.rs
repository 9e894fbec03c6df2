//! What handlers work with: the part that all workers share, and each worker's own.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;

use super::HttpConfig;
use super::arrivals::Arrivals;
use super::auth::AdminToken;
use super::limits::Limits;
use crate::actors::board::Board;
use crate::actors::door::Door;
use crate::actors::link::{Alive, Link};
use crate::actors::messages::{
    ChangeClusterPolicy, Deregister, ListClusters, PlaceSession, Register, RetireCluster,
    SpawnCluster,
};
use crate::actors::streams::Streams;
use crate::domain::{Policy, Roles, StreamName, WindowSize};
use crate::telemetry::Metrics;

/// Requests to the actors that are one per node.
#[derive(Debug, Clone)]
pub struct Offices {
    /// To Clusters.
    pub spawn: Link<SpawnCluster>,
    /// To Clusters.
    pub change: Link<ChangeClusterPolicy>,
    /// To Clusters.
    pub retire: Link<RetireCluster>,
    /// To Clusters.
    pub list: Link<ListClusters>,
    /// To Registry.
    pub register: Link<Register>,
    /// To Registry.
    pub deregister: Link<Deregister>,
    /// To Registry.
    pub place: Link<PlaceSession>,
}

/// Whether the node can do its work.
pub struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    /// Every stage of this node by name.
    pub stages: Vec<(String, Arc<dyn Alive>)>,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Readiness")
            .field("started", &self.started)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}

impl Readiness {
    /// Of a node with these stages that is about to start.
    pub fn new(stages: Vec<(String, Arc<dyn Alive>)>) -> Self {
        Self {
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            stages,
        }
    }

    /// Every stage is up, and what was there before is known.
    pub fn start(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// False while the node starts.
    pub fn has_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// The node is on its way out.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// True once the node is on its way out.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    /// Settings under `http`.
    pub config: HttpConfig,
    /// What the node does.
    pub roles: Roles,
    /// Size of the windows.
    pub window: WindowSize,
    /// The policy of clusters that are spawned without one.
    pub policy: Policy,
    /// Which streams exist, and the ledger.
    pub streams: Arc<Streams>,
    /// Rate limits.
    pub limits: Arc<Limits>,
    /// The admin token.
    pub admin: AdminToken,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Whether the node can do its work.
    pub readiness: Readiness,
    /// The actors that are one per node.
    pub offices: Offices,
}

impl Shared {
    /// The client's address: the peer's, or what trusted proxies say of it, counted from the right of
    /// `X-Forwarded-For`, since everything further left is the client's own word.
    pub fn address(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.map(|peer| peer.ip());
        let Some(place) = self.config.trusted_proxies.checked_sub(1) else {
            return peer;
        };
        let forwarded = headers.get("x-forwarded-for")?.to_str().ok()?;
        forwarded.rsplit(',').nth(place)?.trim().parse().ok()
    }
}

/// The address of the listener that a request came in by.
#[derive(Debug, Clone, Copy)]
pub struct ListensOn(pub SocketAddr);

/// What one worker has for itself, on its own thread.
#[derive(Debug)]
pub struct Worker {
    /// What all workers share.
    pub shared: Arc<Shared>,
    /// The way to its ingest.
    pub door: Rc<Door>,
    /// Bodies that have yet to come.
    pub arrivals: Rc<Arrivals>,
    /// Its board.
    pub board: Rc<Board>,
    /// `main`, so that it is not made anew for each reaction.
    pub main_stream: StreamName,
    /// Whether `main` is known to exist: a stream that came to be stays.
    pub main_is_open: Cell<bool>,
}

impl Worker {
    /// The worker that serves this request.
    ///
    /// # Panics
    ///
    /// If the route was configured without [`super::configure`], which registers the worker.
    pub fn of(request: &HttpRequest) -> &Rc<Worker> {
        #[expect(
            clippy::expect_used,
            reason = "`configure` registers it beside every route"
        )]
        request
            .app_data::<Rc<Worker>>()
            .expect("a worker is registered")
    }
}
