//! The stages of a node, whichever way their edges are joined.

use std::sync::Arc;

use super::embedded::{self, Stages};
use super::on_kafka::KafkaStages;
use super::{Ground, StartError};
use crate::actors::door::Entrance;
use crate::actors::link::{Alive, Link, Slot};
use crate::actors::messages::Drain;
use crate::actors::session_hub::SessionHub;
use crate::config::Config;
use crate::domain::{EpochMs, Seq};
use crate::http::state::Offices;
use crate::kafka::control::memory::Memory;

/// What a node is made of.
#[derive(Debug, Clone)]
pub(super) enum Pipeline {
    /// All of it in this process.
    Embedded(Stages),
    /// This node's part of what Kafka connects.
    OnKafka(Box<KafkaStages>),
}

impl Pipeline {
    /// Builds the stages that are one per node. Those of the workers come with [`Pipeline::build_ingest`] and the hubs.
    pub(super) async fn build(
        config: &Config,
        num_workers: usize,
        ground: &Ground,
    ) -> Result<(Self, Coming), StartError> {
        if config.kafka.bootstrap.is_some() {
            let (stages, memory) = KafkaStages::build(config, num_workers, ground).await?;
            return Ok((Self::OnKafka(Box::new(stages)), Coming::OnKafka(memory)));
        }
        let stages = Stages::new(num_workers, config.merger.partitions);
        stages.build(config, ground);
        let coming = Coming::Embedded(Box::new(stages.offices()), config.clusters.initial);
        Ok((Self::Embedded(stages), coming))
    }

    /// Every stage by name, in flow order.
    pub(super) fn named(&self) -> Vec<(String, Arc<dyn Alive>)> {
        let mut named = match self {
            Self::Embedded(stages) => stages.named(),
            Self::OnKafka(stages) => stages.named(),
        };
        for (worker, hub) in self.hubs().iter().enumerate() {
            named.push((format!("session_hub_{worker}"), hub.clone()));
        }
        named
    }

    /// Where requests go.
    pub(super) fn offices(&self) -> Offices {
        match self {
            Self::Embedded(stages) => stages.offices(),
            Self::OnKafka(stages) => stages.offices(),
        }
    }

    /// Whether Kafka connects the stages.
    pub(super) fn is_on_kafka(&self) -> bool {
        matches!(self, Self::OnKafka(_))
    }

    /// Whom to ask to hand on what it holds: those of one group at once, the groups in flow order.
    pub(super) fn drains(&self) -> Vec<Vec<Link<Drain>>> {
        match self {
            Self::Embedded(stages) => stages.drains().into_iter().map(|one| vec![one]).collect(),
            Self::OnKafka(stages) => stages.drains(),
        }
    }

    /// The hub of every worker.
    pub(super) fn hubs(&self) -> &[Arc<Slot<SessionHub>>] {
        match self {
            Self::Embedded(stages) => &stages.hubs,
            Self::OnKafka(stages) => &stages.hubs,
        }
    }

    /// Builds what takes the reactions of one worker, on its thread.
    pub(super) fn build_ingest(&self, worker: usize, config: &Config, ground: &Ground) -> Entrance {
        match self {
            Self::Embedded(stages) => stages.build_ingest(worker, config, ground),
            Self::OnKafka(stages) => stages.build_ingest(worker, ground),
        }
    }

    /// The window after which every window that there is comes to the hubs. From Kafka they come from as far back as a
    /// session may.
    pub(super) fn known_after(&self, config: &Config, ground: &Ground) -> Seq {
        let now = ground.clock.now();
        let retention_ms = match self {
            Self::Embedded(_) => 0,
            Self::OnKafka(_) => config.hub.retention.as_millis() as u64,
        };
        let since = EpochMs(now.0.saturating_sub(retention_ms));
        config.window.seq_at(since).prev()
    }
}

/// The clusters that should exist from the start.
pub(super) enum Coming {
    /// To be spawned here.
    Embedded(Box<Offices>, u16),
    /// To be read, and spawned if no node has done so yet.
    OnKafka(Memory),
}

impl Coming {
    /// Returns once they are known, and deliver if they are of this node alone.
    pub(super) async fn until_here(self) -> Result<(), StartError> {
        match self {
            Self::Embedded(offices, initial) => {
                embedded::spawn_initial_clusters(&offices, initial).await
            }
            Self::OnKafka(memory) => {
                memory.until_ready().await;
                Ok(())
            }
        }
    }
}
