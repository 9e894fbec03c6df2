//! From which topics to which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ForwardSetup;
use crate::domain::{ClusterId, Scale, Seq, Window};
use crate::kafka::context::TopicPartition;
use crate::kafka::record::window;
use crate::kafka::survey::Known;
use crate::kafka::table::ClusterRow;
use crate::kafka::topics::TopicsConfig;

/// Where a forwarder reads and writes.
#[derive(Debug, Clone, Copy)]
pub enum Route {
    /// Whole windows to every active cluster. The records of another aggregator's window come on any partition, so whoever
    /// the group gives the first partition reads all, and others stand by.
    Publisher {
        /// How counts become final counts on topics that no cluster has shaped.
        scale: Scale,
    },
    /// The windows of each active cluster to its subscribers, under its policy.
    Cluster,
}

/// A topic to write, and whose.
pub(super) type Target = (ClusterId, Arc<str>);

/// What is read and written now: what is there of what should be.
#[derive(Debug, Default)]
pub(super) struct Plan {
    routes: BTreeMap<String, Vec<Target>>,
    is_lacking: bool,
}

impl Route {
    /// The role of what is read, for metrics.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Publisher { .. } => "aggregated",
            Self::Cluster => "cluster",
        }
    }

    /// Joins the topics of the clusters.
    pub(super) fn plan(
        self,
        topics: &TopicsConfig,
        rows: &BTreeMap<ClusterId, ClusterRow>,
        known: &Known,
    ) -> Plan {
        let mut plan = Plan::default();
        let active = rows.iter().filter(|(_, row)| row.is_active());
        for (&id, _) in active {
            let (input, target) = match self {
                Self::Publisher { .. } => (topics.aggregated.clone(), topics.cluster(id)),
                Self::Cluster => (topics.cluster(id), topics.subscriber(id)),
            };
            if known.contains_key(&input) && known.contains_key(&target) {
                let targets = plan.routes.entry(input).or_default();
                targets.push((id, target.into()));
            } else {
                plan.is_lacking = true;
            }
        }
        plan
    }

    /// What is read of what the group has given.
    pub(super) fn to_read(self, assigned: &[TopicPartition], known: &Known) -> Vec<TopicPartition> {
        match self {
            Self::Cluster => assigned.to_vec(),
            Self::Publisher { .. } => {
                let leads = assigned.iter().filter(|(_, partition)| *partition == 0);
                let all = leads.flat_map(|(topic, _)| {
                    let partitions = known.get(topic).copied().unwrap_or_default();
                    (0..partitions).map(|partition| (topic.clone(), partition))
                });
                all.collect()
            }
        }
    }
}

impl Plan {
    /// The topics to read.
    pub(super) fn inputs(&self) -> Vec<&str> {
        self.routes.keys().map(String::as_str).collect()
    }

    /// The topics to write.
    pub(super) fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        self.routes.values().flatten().cloned()
    }

    /// The topics to write what comes from one.
    pub(super) fn targets_of(&self, input: &str) -> Vec<Target> {
        self.routes.get(input).cloned().unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Whether a topic is missing.
    pub(super) fn is_lacking(&self) -> bool {
        self.is_lacking
    }
}

impl ForwardSetup {
    /// A window as the target is to have it.
    pub(super) fn encode(&self, id: ClusterId, whole: &Window) -> Vec<Vec<u8>> {
        match self.route {
            Route::Publisher { scale } => window::encode(whole, self.window, scale),
            Route::Cluster => {
                let rows = self.table.rows();
                let policy = rows.get(&id).map(|row| row.policy).unwrap_or_default();
                window::encode_shaped(whole, self.window, id, &policy)
            }
        }
    }

    /// Says which clusters get their windows from here: those of which the group has given the first partition.
    pub(super) fn table_serves(&self, plan: &Plan, assigned: &[TopicPartition]) {
        if !matches!(self.route, Route::Cluster) {
            return;
        }
        let leads = assigned.iter().filter(|(_, partition)| *partition == 0);
        let served = leads.flat_map(|(topic, _)| plan.targets_of(topic));
        let served: BTreeSet<ClusterId> = served.map(|(id, _)| id).collect();
        self.table.serve(served);
    }

    /// Says how far the clusters have delivered.
    pub(super) fn tell_delivered(&self, written: BTreeMap<ClusterId, Seq>) {
        if matches!(self.route, Route::Cluster) {
            for (id, seq) in written {
                self.table.delivered(id, seq);
            }
        }
    }
}
