//! Leaving in order: not ready, hand on what is held, tell sessions, close.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Node, Outcome};
use crate::actors::link::{Gone, Link, Slot};
use crate::actors::messages::{CloseSessions, Drain};

/// How soon a stage that still holds something is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(5);
/// Share of `shutdown.timeout` after which sessions that do not read are left behind.
const PATIENCE: f64 = 0.5;
/// The same for stages on Kafka, which come before.
const KAFKA_PATIENCE: f64 = 0.4;

impl Node {
    /// Drains within `shutdown.timeout`.
    pub(super) async fn drain(self) -> Outcome {
        let begun = Instant::now();
        tracing::info!(timeout_s = self.shutdown_timeout.as_secs_f64(), "draining");
        self.shared.readiness.drain();
        let drained = tokio::time::timeout(self.shutdown_timeout, self.hand_on_and_close()).await;
        self.server.stop(false).await;
        let took_ms = begun.elapsed().as_millis() as u64;
        match drained {
            Ok(0) => tracing::info!(took_ms, "drained"),
            Ok(left_behind) => tracing::warn!(
                took_ms,
                left_behind,
                "drained, sessions that did not read were cut"
            ),
            Err(_) => {
                tracing::warn!(took_ms, "drain did not complete in time");
                return Outcome::DrainTimedOut;
            }
        }
        Outcome::Drained
    }

    /// Down the pipeline, then out. Returns how many sessions were left behind.
    async fn hand_on_and_close(&self) -> usize {
        let handed_on = self.hand_on();
        match self.pipeline.is_on_kafka() {
            false => handed_on.await,
            // What a stage has not handed on is on Kafka still, and brokers that hang must not keep sessions from being told.
            true => {
                let patience = self.shutdown_timeout.mul_f64(KAFKA_PATIENCE);
                if tokio::time::timeout(patience, handed_on).await.is_err() {
                    tracing::warn!("stages left behind, kafka does not let them end");
                }
            }
        }
        self.server.pause().await;
        self.close_sessions().await
    }

    async fn hand_on(&self) {
        for stages in self.pipeline.drains() {
            join_all(stages.iter().map(until_empty)).await;
        }
    }

    async fn close_sessions(&self) -> usize {
        let hubs: Vec<Link<CloseSessions>> = self.pipeline.hubs().iter().map(Slot::link).collect();
        let patience = self.shutdown_timeout.mul_f64(PATIENCE);
        let give_up = Instant::now() + patience;
        loop {
            let mut open = 0;
            for hub in &hubs {
                open += hub.ask(CloseSessions).await.unwrap_or(0);
            }
            if open == 0 || Instant::now() >= give_up {
                return open;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
}

/// Asks a stage to drain until it holds nothing any more. A stage that is being rebuilt is asked again.
async fn until_empty(stage: &Link<Drain>) {
    loop {
        match stage.ask(Drain).await {
            Ok(0) => return,
            Ok(_) | Err(Gone) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}
