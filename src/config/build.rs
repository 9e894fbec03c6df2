//! The configuration of a node, and how it is loaded.

use std::{borrow::Cow, fmt, time::Duration};

use super::layers::{Given, Layers, Sources};
use super::librdkafka;
use super::mistakes::Mistakes;
use super::value;
use super::values::Values;
use crate::actors::{
    clusters::ClustersConfig, ingest::IngestConfig, registry::RegistryConfig,
    session_hub::HubConfig, window_merger::MergerConfig,
};
use crate::domain::{Roles, WindowSize};
use crate::http::{HttpConfig, limits::LimitsConfig};
use crate::kafka::{client::ClientsConfig, topics::TopicsConfig};
use crate::telemetry::LogConfig;

/// Everything a node needs to know.
#[derive(Clone)]
pub struct Config {
    /// The HTTP side.
    pub http: HttpConfig,
    /// Rate limits.
    pub limits: LimitsConfig,
    /// What the node does.
    pub roles: Roles,
    /// Size of all windows.
    pub window: WindowSize,
    /// How far append times may go back in a partition of Kafka.
    pub lateness: Duration,
    /// From requests to batches.
    pub ingest: IngestConfig,
    /// From partitions to whole windows.
    pub merger: MergerConfig,
    /// Most streams at a time.
    pub streams_max: usize,
    /// Clusters and the policy of new ones.
    pub clusters: ClustersConfig,
    /// Registered clients and sessions.
    pub registry: RegistryConfig,
    /// What a hub keeps and how it watches its sessions.
    pub hub: HubConfig,
    /// Names and sizes of topics.
    pub topics: TopicsConfig,
    /// How to reach Kafka, if there is one.
    pub kafka: ClientsConfig,
    /// Bearer token of the admin routes; without one the node generates its own.
    pub admin_token: Option<String>,
    /// Logs.
    pub log: LogConfig,
    /// Longest time a drain may take.
    pub shutdown_timeout: Duration,
}

/// The configuration, and how it came to be.
#[derive(Debug)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// One row per setting, in the order of the table.
    pub rows: Vec<Row>,
}

/// One setting as it may be shown to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `section.key`.
    pub key: Cow<'static, str>,
    /// As it was written; that of a secret says only whether it is set.
    pub value: String,
    /// `default`, `emostream.toml:window.size`, `EMOSTREAM_WINDOW_SIZE`, `--window`.
    pub source: String,
}

/// Reads and checks every setting.
///
/// # Errors
///
/// All mistakes of all sources at once.
pub fn load(sources: Sources<'_>) -> Result<Loaded, Mistakes> {
    let (layers, mut mistakes) = Layers::collect(sources);
    let mut values = Values::default();
    for (setting, given) in layers.iter() {
        match value::check(setting, given) {
            Ok(value) => values.insert(setting.key, value),
            Err(sentence) => mistakes.push(sentence),
        }
    }
    for (key, given) in layers.librdkafka() {
        if let Err(sentence) = librdkafka::check(key, given) {
            mistakes.push(sentence);
        }
    }
    mistakes.extend(values.contradictions());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let rows = layers
        .iter()
        .map(|(setting, given)| values.row(setting, given));
    let own = layers.librdkafka();
    let rows = rows.chain(own.clone().map(|(key, given)| librdkafka::row(key, given)));
    let text = |(key, given): (&String, &Given)| (key.clone(), given.raw.as_text());
    Ok(Loaded {
        rows: rows.collect(),
        config: values.into_config(own.map(text).collect()),
    })
}

/// Shows everything but the token.
impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("http", &self.http)
            .field("limits", &self.limits)
            .field("roles", &self.roles)
            .field("window", &self.window)
            .field("lateness", &self.lateness)
            .field("ingest", &self.ingest)
            .field("merger", &self.merger)
            .field("streams_max", &self.streams_max)
            .field("clusters", &self.clusters)
            .field("registry", &self.registry)
            .field("hub", &self.hub)
            .field("topics", &self.topics)
            .field("kafka", &self.kafka)
            .field("admin_token", &self.admin_token.as_ref().map(|_| "hidden"))
            .field("log", &self.log)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{collections::BTreeMap, num::NonZeroU64};

    use super::super::layers::{Flag, SettingsFile};
    use super::*;
    use crate::domain::Scale;

    fn load_with(flags: &[(&str, &str)]) -> Result<Loaded, Mistakes> {
        let flags = flags.iter().map(|(key, value)| Flag {
            name: format!("--set {key}"),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        });
        load(Sources {
            file: SettingsFile::IfPresent("/no/such.toml".into()),
            environment: &BTreeMap::new(),
            flags: flags.collect(),
        })
    }

    fn row(loaded: &Loaded, key: &str) -> String {
        loaded
            .rows
            .iter()
            .find(|row| row.key == key)
            .unwrap()
            .value
            .clone()
    }

    #[test]
    fn the_defaults_are_a_configuration_that_uses_every_setting() {
        let config = load_with(&[]).unwrap().config;
        assert_eq!(
            config.http.bind,
            [
                "127.0.0.1:5000".parse().unwrap(),
                "127.0.0.1:5001".parse().unwrap()
            ]
        );
        assert_eq!(config.http.max_body, 2 * 1024 * 1024);
        assert_eq!(config.http.send_buffer, 16 * 1024);
        assert!(config.http.public_url.is_none());
        assert_eq!(config.window.as_ms(), 2000);
        assert_eq!(config.merger.idle_after, Duration::from_secs(30));
        assert_eq!(config.clusters.policy, crate::domain::Policy::default());
        assert_eq!(config.registry.max_sessions, 100_000);
        assert_eq!(config.shutdown_timeout, Duration::from_secs(10));
        assert!(config.admin_token.is_none());
        assert!(config.limits.user.is_none());
    }

    #[test]
    fn the_policy_of_new_clusters_is_put_together() {
        let set = [
            ("clusters.scale", "50"),
            ("clusters.top_n", "5"),
            ("clusters.min_count", "2"),
        ];
        let policy = load_with(&set).unwrap().config.clusters.policy;
        assert_eq!(policy.scale, Scale::Divisor(NonZeroU64::new(50).unwrap()));
        assert_eq!(policy.top_n.unwrap().get(), 5);
        assert_eq!(policy.min_count, 2);
    }

    #[test]
    fn limits_follow_the_binds_that_are_in_force() {
        let loaded = load_with(&[("http.bind", "0.0.0.0:0")]).unwrap();
        let user = loaded.config.limits.user.as_ref().unwrap();
        assert_eq!((user.per_second.get(), user.burst.get()), (20, 100));
        assert!(loaded.config.limits.total.is_none());
        assert_eq!(row(&loaded, "limits.user"), "auto (20/s burst 100)");
        assert_eq!(row(&load_with(&[]).unwrap(), "limits.user"), "auto (off)");
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let mistakes = load_with(&[
            ("window.size", "2"),
            ("clusters.initial", "65"),
            ("nothing.like", "1"),
            ("log.format", "xml"),
        ]);
        let mistakes = mistakes.unwrap_err();
        assert_eq!(mistakes.sentences().len(), 4, "{mistakes}");
        for key in [
            "window.size",
            "clusters.initial",
            "nothing.like",
            "log.format",
        ] {
            assert!(
                mistakes
                    .sentences()
                    .iter()
                    .any(|sentence| sentence.starts_with(key)),
                "{key}"
            );
        }
        assert!(
            mistakes
                .to_string()
                .starts_with("the configuration has 4 mistakes\n  ")
        );
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        for (key, value) in [
            ("clusters.max", "2"),
            ("ingest.max_backlog", "19999"),
            ("session.retention", "1s"),
        ] {
            assert_eq!(
                load_with(&[(key, value)]).unwrap_err().sentences().len(),
                1,
                "{key}"
            );
        }
    }

    #[test]
    fn settings_of_librdkafka_are_laid_beside_and_shown_without_secrets() {
        let set = [
            ("kafka.bootstrap", "localhost:9092"),
            ("kafka.linger.ms", "20"),
            ("kafka.sasl.password", "hunter2"),
        ];
        let loaded = load_with(&set).unwrap();
        let kafka = &loaded.config.kafka;
        assert_eq!(kafka.bootstrap(), "localhost:9092");
        assert_eq!(kafka.own["linger.ms"], "20");
        assert_eq!(kafka.own["sasl.password"], "hunter2");
        assert_eq!(row(&loaded, "kafka.linger.ms"), "20");
        assert_eq!(row(&loaded, "kafka.sasl.password"), "(set, not shown)");
        assert!(!format!("{loaded:?}").contains("hunter2"));
    }

    #[test]
    fn what_librdkafka_does_not_know_or_must_not_be_told_is_a_mistake() {
        let mistakes = load_with(&[
            ("kafka.bootsrap", "localhost:9092"),
            ("kafka.acks", "1"),
            ("kafka.linger.ms", "soon"),
            ("kafka.topic_partials", "emoji_topic"),
        ]);
        let mistakes = mistakes.unwrap_err();
        for (sentence, beginning) in mistakes.sentences().iter().zip([
            "kafka.acks (--set kafka.acks) cannot be changed: ",
            "kafka.bootsrap (--set kafka.bootsrap) is not a setting, nor one of librdkafka; the nearest is kafka.bootstrap",
            "kafka.linger.ms (--set kafka.linger.ms) is refused by librdkafka: ",
            "kafka.topic_...: emoji_topic stands for two topics",
        ]) {
            assert!(sentence.starts_with(beginning), "{sentence}");
        }
        assert_eq!(mistakes.sentences().len(), 4, "{mistakes}");
    }

    #[test]
    fn the_token_is_neither_shown_nor_printed() {
        let token = "hunter2hunter2hunter2";
        let loaded = load_with(&[("admin.token", token)]).unwrap();
        assert_eq!(loaded.config.admin_token.as_deref(), Some(token));
        assert_eq!(row(&loaded, "admin.token"), "(set, not shown)");
        assert!(!format!("{loaded:?}").contains("hunter2"));
    }
}
