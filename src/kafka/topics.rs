//! The topics: their names, what each needs, and what is wrong with those there are.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::domain::ClusterId;

/// Setting of a topic: what becomes of old records.
pub const CLEANUP: &str = "cleanup.policy";
/// Setting of a topic: whose clock a record's time is from.
pub const TIMESTAMPS: &str = "message.timestamp.type";
/// Setting of a topic: how long records stay, in milliseconds; -1 is for ever.
pub const RETENTION: &str = "retention.ms";
/// Setting of a topic: how many replicas a record has to be on to be acknowledged.
pub const IN_SYNC: &str = "min.insync.replicas";

/// The shortest retention of what is still to be counted, in milliseconds: an hour. A longer outage loses reactions.
const SHORTEST_RETENTION: i64 = 3_600_000;

/// Names and sizes of all topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsConfig {
    /// Reactions as they were accepted.
    pub reactions: String,
    /// Counts of single input partitions.
    pub partials: String,
    /// Whole windows.
    pub aggregated: String,
    /// Running totals.
    pub totals: String,
    /// Windows for a cluster: this and the cluster's number.
    pub cluster_prefix: String,
    /// Windows for a cluster's subscribers: this and the cluster's number.
    pub subscriber_prefix: String,
    /// Clusters and clients that should exist.
    pub control: String,
    /// Partitions of each, but of the last.
    pub partitions: u16,
    /// Replicas of each; without it as many as the broker gives by default.
    pub replicas: Option<u16>,
}

/// What a topic needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// How many partitions it is made with.
    pub partitions: u16,
}

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reactions as they were accepted.
    Reactions,
    /// Counts of single input partitions.
    Partials,
    /// Whole windows.
    Aggregated,
    /// Running totals.
    Totals,
    /// Windows for a cluster.
    Cluster,
    /// Windows for a cluster's subscribers.
    Subscriber,
    /// Clusters and clients that should exist.
    Control,
}

impl Role {
    /// Whether of each key only the newest record is kept.
    pub fn is_compacted(self) -> bool {
        matches!(self, Self::Totals | Self::Control)
    }

    /// The settings it is made with.
    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Reactions => &[(CLEANUP, "delete"), (TIMESTAMPS, "LogAppendTime")],
            // A segment is compacted once it is closed, and whoever starts reads all that is left.
            Self::Totals | Self::Control => &[
                (CLEANUP, "compact"),
                ("segment.ms", "600000"),
                ("min.cleanable.dirty.ratio", "0.1"),
            ],
            Self::Partials | Self::Aggregated | Self::Cluster | Self::Subscriber => {
                &[(CLEANUP, "delete")]
            }
        }
    }

    /// Who writes it, and who reads it.
    pub fn between(self) -> (&'static str, &'static str) {
        match self {
            Self::Reactions => ("api", "aggregator"),
            Self::Partials | Self::Totals => ("aggregator", "aggregator"),
            Self::Aggregated => ("aggregator", "publisher"),
            Self::Cluster => ("publisher", "cluster"),
            Self::Subscriber => ("cluster", "session"),
            Self::Control => ("every role", "every role"),
        }
    }
}

impl TopicsConfig {
    /// The topic that a cluster's publisher reads.
    pub fn cluster(&self, id: ClusterId) -> String {
        format!("{}{id}", self.cluster_prefix)
    }

    /// The topic that a cluster's sessions read.
    pub fn subscriber(&self, id: ClusterId) -> String {
        format!("{}{id}", self.subscriber_prefix)
    }

    /// What the two topics of a cluster need.
    pub fn of_cluster(&self, id: ClusterId) -> [Topic; 2] {
        [
            self.topic(self.cluster(id), Role::Cluster),
            self.topic(self.subscriber(id), Role::Subscriber),
        ]
    }

    /// What every topic needs, in the order that records go.
    pub fn all(&self, clusters: impl IntoIterator<Item = ClusterId>) -> Vec<Topic> {
        let mut topics = vec![
            self.topic(self.reactions.clone(), Role::Reactions),
            self.topic(self.partials.clone(), Role::Partials),
            self.topic(self.totals.clone(), Role::Totals),
            self.topic(self.aggregated.clone(), Role::Aggregated),
        ];
        topics.extend(clusters.into_iter().flat_map(|id| self.of_cluster(id)));
        topics.push(Topic {
            partitions: 1,
            ..self.topic(self.control.clone(), Role::Control)
        });
        topics
    }

    /// The clusters that these topics are of.
    pub fn clusters_of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<ClusterId> {
        let number = |name: &str| {
            let number = name
                .strip_prefix(&self.cluster_prefix)
                .or_else(|| name.strip_prefix(&self.subscriber_prefix))?;
            let id = ClusterId::try_new(number.parse().ok()?).ok()?;
            // Numbers have more than one spelling, a topic has one.
            (id.to_string() == number).then_some(id)
        };
        let mut clusters: Vec<ClusterId> = names.into_iter().filter_map(number).collect();
        clusters.sort();
        clusters.dedup();
        clusters
    }

    /// A name that stands for two topics, if there is one. Checked for the clusters that may exist.
    pub fn ambiguous(&self, clusters: RangeInclusive<u64>) -> Option<String> {
        let clusters = clusters.filter_map(|number| ClusterId::try_new(number).ok());
        let mut names: Vec<String> = self
            .all(clusters)
            .into_iter()
            .map(|topic| topic.name)
            .collect();
        names.sort();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        twice.map(|pair| pair[0].clone())
    }

    fn topic(&self, name: String, role: Role) -> Topic {
        Topic {
            name,
            role,
            partitions: self.partitions,
        }
    }
}

/// A topic as the broker describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// How many partitions it has.
    pub partitions: usize,
    /// How many replicas the partition with the fewest has.
    pub replicas: usize,
    /// Its settings by name.
    pub settings: BTreeMap<String, String>,
    /// How many records it holds at most: markers of transactions and what was compacted are in the number.
    pub records: u64,
}

impl Described {
    /// A setting, as text.
    pub fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }
}

/// The topics of a broker by name, as far as they are ours.
pub type Descriptions = BTreeMap<String, Described>;

/// What is wrong with the topics there are, in plain words: nothing is if it is empty.
pub fn warnings(needed: &[Topic], found: &Descriptions, num_brokers: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    for topic in needed {
        match found.get(&topic.name) {
            Some(described) => topic.judge(described, num_brokers, &mut warnings),
            None => warnings.push(format!("{} is missing", topic.name)),
        }
    }
    warnings.extend(uneven(needed, found));
    let single = needed.iter().filter(|topic| {
        let described = found.get(&topic.name);
        described.is_some_and(|described| described.replicas == 1)
    });
    let num_single = single.count();
    if num_single > 0 {
        warnings.push(format!(
            "{num_single} of {} topics have a single replica: what was acknowledged is gone with that broker's disk",
            needed.len()
        ));
    }
    warnings
}

impl Topic {
    fn judge(&self, found: &Described, num_brokers: usize, warnings: &mut Vec<String>) {
        let name = &self.name;
        let wanted = usize::from(self.partitions);
        if found.partitions != wanted {
            let consequence = match self.role {
                Role::Control => "what is said about clusters and clients has to be in one order",
                _ => "the number of partitions bounds how many instances share its work",
            };
            warnings.push(format!(
                "{name} has {} where {wanted} are configured: {consequence}",
                partitions(found.partitions)
            ));
        }
        let cleanup = found.setting(CLEANUP);
        if self.role.is_compacted() && cleanup != "compact" {
            warnings.push(format!(
                "{name} has {CLEANUP}={cleanup}: it has to be compact, or what is still in force is deleted when it is old"
            ));
        }
        if !self.role.is_compacted() && cleanup.contains("compact") {
            warnings.push(format!(
                "{name} has {CLEANUP}={cleanup}: it has to be delete, as records that share a key are not the same"
            ));
        }
        let timestamps = found.setting(TIMESTAMPS);
        if self.role == Role::Reactions && timestamps != "LogAppendTime" {
            warnings.push(format!(
                "{name} has {TIMESTAMPS}={timestamps}: it has to be LogAppendTime, or windows follow the clocks of producers"
            ));
        }
        let retention = found.setting(RETENTION).parse().unwrap_or(-1);
        let is_counted = matches!(self.role, Role::Reactions | Role::Partials);
        if is_counted && (0..SHORTEST_RETENTION).contains(&retention) {
            warnings.push(format!(
                "{name} has {RETENTION}={retention}: an outage that lasts longer loses reactions that were accepted"
            ));
        }
        self.judge_replicas(found, num_brokers, warnings);
    }

    fn judge_replicas(&self, found: &Described, num_brokers: usize, warnings: &mut Vec<String>) {
        let (name, replicas) = (&self.name, found.replicas);
        if replicas > 1 && found.setting(IN_SYNC) == "1" {
            warnings.push(format!(
                "{name} has {IN_SYNC}=1 of {replicas} replicas: what was acknowledged may be on one disk alone"
            ));
        }
        let required = found.setting(IN_SYNC).parse().unwrap_or(1);
        if replicas < required {
            warnings.push(format!(
                "{name} has {replicas} replicas and {IN_SYNC}={required}: nothing can be written to it"
            ));
        }
        if replicas == required && required > 1 && num_brokers > replicas {
            warnings.push(format!(
                "{name} has {replicas} replicas and {IN_SYNC}={required}: nothing can be written while one broker is away"
            ));
        }
    }
}

/// The merger writes the totals of what it read from a partition of the partials to the one with the same number.
fn uneven(needed: &[Topic], found: &Descriptions) -> Option<String> {
    let of = |role| {
        let topic = needed.iter().find(|topic| topic.role == role)?;
        Some((&topic.name, found.get(&topic.name)?.partitions))
    };
    let (partials, totals) = (of(Role::Partials)?, of(Role::Totals)?);
    (totals.1 < partials.1).then(|| {
        format!(
            "{} has {} and {} has {}: it needs at least as many, one for each whose totals it holds",
            totals.0,
            partitions(totals.1),
            partials.0,
            partitions(partials.1)
        )
    })
}

fn partitions(number: usize) -> String {
    match number {
        1 => "1 partition".to_owned(),
        _ => format!("{number} partitions"),
    }
}

#[cfg(test)]
mod tests;
