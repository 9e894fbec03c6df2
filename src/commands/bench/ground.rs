//! Topics and groups of a run's own on somebody's broker. Their names begin with `bench_`, and they are deleted in the end.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::failure::Failure;
use super::process::{self, Usage};
use crate::kafka::admin::Admin;
use crate::kafka::client::{ClientsConfig, Identity, Use};
use crate::kafka::topics::{Role, Topic, TopicsConfig};

/// How long the broker may take to delete.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a member that has ended is waited for: more than a session.
const SESSION: Duration = Duration::from_secs(15);

/// Between two tries to delete.
const PAUSE: Duration = Duration::from_millis(500);

/// As many partitions as the topics of CONTRACT have.
const PARTITIONS: u16 = 3;

/// The ground of one run; cleared when it goes out of scope.
pub(super) struct Ground {
    pub(super) clients: ClientsConfig,
    pub(super) topics: TopicsConfig,
    prefix: String,
    runtime: Runtime,
    /// The broker's process, if it runs on this machine.
    broker: Option<u32>,
}

impl Ground {
    /// Looks for the broker, and names what the run will take.
    pub(super) fn take(bootstrap: &str) -> Result<Self, Failure> {
        let prefix = format!("bench_{}_{:08x}_", std::process::id(), fastrand::u32(..));
        let clients = ClientsConfig {
            bootstrap: Some(bootstrap.to_owned()),
            identity: Identity {
                group: prefix.trim_end_matches('_').to_owned(),
                instance: 0,
            },
            ..ClientsConfig::default()
        };
        Admin::new(&clients)?.survey()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            topics: topics(&prefix),
            broker: broker(bootstrap),
            clients,
            prefix,
            runtime,
        })
    }

    /// A topic for records of a role, created now.
    pub(super) fn create(&self, name: &str, role: Role) -> Result<(), Failure> {
        let topic = Topic {
            name: name.to_owned(),
            role,
            partitions: self.topics.partitions,
        };
        let topics = [topic];
        let admin = Admin::new(&self.clients)?;
        self.runtime.block_on(async {
            admin.create_missing(&topics, &self.topics).await?;
            admin.describe(&topics).await
        })?;
        Ok(())
    }

    /// A name of this run.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The flags that put a node on this ground.
    pub(super) fn flags(&self) -> Vec<String> {
        let topics = &self.topics;
        let settings = [
            ("kafka.bootstrap", self.clients.bootstrap()),
            ("kafka.group", &self.clients.identity.group),
            ("kafka.topic_reactions", &topics.reactions),
            ("kafka.topic_partials", &topics.partials),
            ("kafka.topic_totals", &topics.totals),
            ("kafka.topic_aggregated", &topics.aggregated),
            ("kafka.topic_cluster", &topics.cluster_prefix),
            ("kafka.topic_subscriber", &topics.subscriber_prefix),
            ("kafka.topic_control", &topics.control),
        ];
        let flags = settings
            .into_iter()
            .flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]);
        flags.collect()
    }

    /// What the broker has used, if it runs on this machine and may be seen.
    pub(super) fn broker_usage(&self) -> Option<Usage> {
        self.broker.map(process::of)
    }

    async fn clear(&self) -> Result<(), Failure> {
        let mut settings = self.clients.client(Use::Admin);
        settings.set_log_level(RDKafkaLogLevel::Emerg);
        let client: AdminClient<DefaultClientContext> = settings.create()?;
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let metadata = client.inner().fetch_metadata(None, PATIENCE)?;
        let names = metadata.topics().iter().map(|topic| topic.name());
        let ours: Vec<&str> = names
            .filter(|name| name.starts_with(&self.prefix))
            .collect();
        if !ours.is_empty() {
            client.delete_topics(&ours, &options).await?;
        }
        // A stage that counts keeps its place in its group beyond its end, until its session is over.
        let deadline = Instant::now() + SESSION;
        loop {
            let groups = client.inner().fetch_group_list(None, PATIENCE)?;
            let names = groups.groups().iter().map(|group| group.name());
            let group = &self.clients.identity.group;
            let ours: Vec<&str> = names.filter(|name| name.starts_with(group)).collect();
            if ours.is_empty() || Instant::now() >= deadline {
                break;
            }
            client.delete_groups(&ours, &options).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Err(error) = self.runtime.block_on(self.clear()) {
            super::super::exit::complain(&format!(
                "topics of this run are left behind, their names begin with {}: {error:?}",
                self.prefix
            ));
        }
    }
}

fn topics(prefix: &str) -> TopicsConfig {
    let name = |name| format!("{prefix}{name}");
    TopicsConfig {
        reactions: name("emoji_topic"),
        partials: name("emoji_topic_partials"),
        aggregated: name("emoji_topic_aggregated"),
        totals: name("emoji_topic_totals"),
        cluster_prefix: name("cluster_topic_"),
        subscriber_prefix: name("subscriber_topic_"),
        control: name("emostream_control"),
        partitions: PARTITIONS,
        replicas: None,
    }
}

/// The process behind a bootstrap address of this machine.
fn broker(bootstrap: &str) -> Option<u32> {
    let first = bootstrap.split(',').next()?;
    let (host, port) = first.rsplit_once(':')?;
    let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    is_here.then(|| process::listening_on(port.parse().ok()?))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ClusterId;

    #[test]
    fn no_topic_of_a_run_is_one_of_an_existing_system() {
        let mine = topics("bench_1_");
        let clusters = || (1..=3).filter_map(|number| ClusterId::try_new(number).ok());
        let all = mine.all(clusters());
        assert!(all.iter().all(|topic| topic.name.starts_with("bench_1_")));
        assert_eq!(mine.ambiguous(1..=64), None);
    }
}
