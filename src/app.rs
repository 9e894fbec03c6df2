//! Joins the stages into a running node. The only place that names every actor.
//!
//! The pipeline is built from its far end backwards, so that each stage is given the next one and no stage is ever half
//! built. Stages that are one per node live on the main thread; each HTTP worker has an ingest and a hub of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;

use crate::actors::clock::Clock;
use crate::actors::streams::Streams;
use crate::actors::supervisor::Supervision;
use crate::config::Config;
use crate::http::auth::AdminToken;
use crate::http::limits::Limits;
use crate::http::state::{Readiness, Shared};
use crate::kafka::admin::AdminError;
use crate::telemetry::Metrics;

mod broker;
mod drain;
mod embedded;
mod numbers;
mod on_kafka;
mod pipeline;
mod server;

use pipeline::{Coming, Pipeline};
use server::WorkerPlan;

/// How long the stages of a node may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often rate limits forget who has been quiet.
const FORGET_INTERVAL: Duration = Duration::from_secs(10);

/// A running node.
#[derive(Debug)]
pub struct Node {
    addresses: Vec<SocketAddr>,
    generated_token_opt: Option<String>,
    shutdown_timeout: Duration,
    pipeline: Pipeline,
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
    /// Kafka cannot be worked with.
    #[error(transparent)]
    Kafka(#[from] AdminError),
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
        let (admin, generated_token_opt) = admin_token(&config)?;
        let (pipeline, clusters) = Pipeline::build(&config, num_workers, &ground).await?;
        let shared = Arc::new(shared(&config, admin, &pipeline, &ground));
        let plan = WorkerPlan::new(&config, &pipeline, &ground, shared.clone());
        let (server, addresses) = server::run(&config, num_workers, plan)?;
        start_up(shared.clone(), clusters, config.kafka.bootstrap.is_none()).await?;
        forget_quiet_clients(shared.limits.clone());
        tracing::info!(?addresses, workers = num_workers, roles = %config.roles, "node started");
        Ok(Self {
            addresses,
            generated_token_opt,
            shutdown_timeout: config.shutdown_timeout,
            pipeline,
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

/// Waits until the node can do its work, but not for ever. A node on Kafka goes on without: the rest is up to brokers and
/// other nodes, and comes when they do.
async fn start_up(shared: Arc<Shared>, clusters: Coming, is_alone: bool) -> Result<(), StartError> {
    let mut coming = Box::pin(until_up(shared.clone(), clusters));
    if let Ok(up) = tokio::time::timeout(PATIENCE, &mut coming).await {
        return up;
    }
    let mut stages = shared.readiness.stages.iter();
    let down = stages.find(|(_, stage)| !stage.is_alive());
    let stage = down.map_or("clusters", |(name, _)| name.as_str());
    if is_alone {
        return Err(StartError::Stage(stage.to_owned()));
    }
    tracing::warn!(stage, "node is not ready yet");
    actix::spawn(async move {
        if let Err(error) = coming.await {
            tracing::error!(%error, "node does not get ready");
        }
    });
    Ok(())
}

/// Waits until every stage can do its work and the first clusters are there; the workers start on threads of their own.
async fn until_up(shared: Arc<Shared>, clusters: Coming) -> Result<(), StartError> {
    const LOOK: Duration = Duration::from_millis(5);
    let stages = &shared.readiness.stages;
    while !stages.iter().all(|(_, stage)| stage.is_alive()) {
        tokio::time::sleep(LOOK).await;
    }
    clusters.until_here().await?;
    shared.readiness.start();
    Ok(())
}

fn shared(config: &Config, admin: AdminToken, pipeline: &Pipeline, ground: &Ground) -> Shared {
    Shared {
        config: config.http.clone(),
        roles: config.roles,
        window: config.window,
        policy: config.clusters.policy,
        streams: ground.streams.clone(),
        limits: Arc::new(Limits::new(config.limits)),
        admin,
        metrics: ground.metrics.clone(),
        readiness: Readiness::new(pipeline.named()),
        offices: pipeline.offices(),
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
