//! Checked values to the `Config` structs that the modules own.

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroU32, time::Duration};

use url::Url;

use super::build::{Config, Row};
use super::layers::Given;
use super::limit::Limit;
use super::mistakes::Mistakes;
use super::setting::Setting;
use super::table::SETTINGS;
use super::value::Value;
use crate::actors::{
    clusters::ClustersConfig, ingest::IngestConfig, registry::RegistryConfig,
    session_hub::HubConfig, window_merger::MergerConfig,
};
use crate::domain::{Policy, Roles, Scale, WindowSize};
use crate::http::{HttpConfig, limits::LimitsConfig};
use crate::kafka::client::{ClientsConfig, Identity};
use crate::kafka::topics::TopicsConfig;
use crate::telemetry::{LogConfig, LogFormat};

/// Checked values by key. [`Values::into_config`] takes each exactly once; the table gives each the type it is taken as.
#[derive(Default)]
pub(super) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    pub(super) fn insert(&mut self, key: &'static str, value: Value) {
        self.0.insert(key, value);
    }

    /// Settings that are fine alone but not together.
    pub(super) fn contradictions(&self) -> Mistakes {
        let mut mistakes = Mistakes::default();
        for (smaller, larger) in [
            ("clusters.initial", "clusters.max"),
            ("ingest.max_batch", "ingest.max_backlog"),
        ] {
            if let (Some(Value::Number(low)), Some(Value::Number(high))) =
                (self.0.get(smaller), self.0.get(larger))
                && low > high
            {
                mistakes.push(format!(
                    "{smaller} is {low}: expected at most {larger}, which is {high}"
                ));
            }
        }
        if let (Some(Value::Duration(retention)), Some(Value::Window(size))) =
            (self.0.get("session.retention"), self.0.get("window.size"))
            && retention.as_millis() < u128::from(size.as_ms())
        {
            mistakes.push(format!(
                "session.retention is {}: expected at least one window.size, which is {}ms",
                humantime::format_duration(*retention),
                size.as_ms()
            ));
        }
        if let (Some(Value::Roles(roles)), Some(Value::Brokers(None))) =
            (self.0.get("node.roles"), self.0.get("kafka.bootstrap"))
            && !roles.is_all()
        {
            mistakes.push(format!(
                "node.roles is {roles}: without kafka.bootstrap nothing connects nodes, so one has to have all roles"
            ));
        }
        if let Some(name) = self.ambiguous_topic() {
            mistakes.push(format!(
                "kafka.topic_...: {name} stands for two topics; each needs a name of its own"
            ));
        }
        mistakes
    }

    /// Two topics may meet in one name, also by a cluster's number.
    fn ambiguous_topic(&self) -> Option<String> {
        let is_whole = |setting: &Setting| {
            !setting.key.starts_with("kafka.") || self.0.contains_key(setting.key)
        };
        if !SETTINGS.iter().all(is_whole) {
            return None;
        }
        let highest = match self.0.get("clusters.max") {
            Some(Value::Number(highest)) => *highest,
            _ => return None,
        };
        Self(self.0.clone()).topics().ambiguous(1..=highest)
    }

    /// The setting as it may be shown.
    pub(super) fn row(&self, setting: &Setting, given: &Given) -> Row {
        let written = given.raw.as_text();
        let value = match self.0.get(setting.key) {
            Some(Value::Token(None)) => "(generated at start)".to_owned(),
            Some(Value::Token(Some(_))) => "(set, not shown)".to_owned(),
            Some(Value::Limit(limit)) if written == "auto" => {
                format!("auto ({})", limit.resolve(setting.key, self.bind()))
            }
            _ if written.is_empty() => "-".to_owned(),
            _ => written.escape_debug().to_string(),
        };
        Row {
            key: setting.key.into(),
            value,
            source: given.source.clone(),
        }
    }

    fn bind(&self) -> &[SocketAddr] {
        match self.0.get("http.bind") {
            Some(Value::Addresses(addresses)) => addresses,
            _ => &[],
        }
    }

    /// The configuration; every setting has to have its value.
    pub(super) fn into_config(mut self, librdkafka: BTreeMap<String, String>) -> Config {
        let limits = self.limits();
        let config = Config {
            http: self.http(),
            limits,
            roles: self.take("node.roles"),
            window: self.take("window.size"),
            lateness: self.take("pipeline.lateness"),
            ingest: self.ingest(),
            merger: self.merger(),
            streams_max: self.take("streams.max"),
            clusters: self.clusters(),
            registry: self.registry(),
            hub: self.hub(),
            topics: self.topics(),
            kafka: ClientsConfig {
                bootstrap: self.take("kafka.bootstrap"),
                own: librdkafka,
                identity: Identity {
                    group: self.take("kafka.group"),
                    instance: self.take("kafka.instance"),
                },
                start_timeout: self.take("kafka.start_timeout"),
            },
            admin_token: self.take("admin.token"),
            log: self.log(),
            shutdown_timeout: self.take("shutdown.timeout"),
        };
        debug_assert!(
            self.0.is_empty(),
            "every setting has a place in the configuration"
        );
        config
    }

    fn http(&mut self) -> HttpConfig {
        HttpConfig {
            bind: self.take("http.bind"),
            workers: self.take("http.workers"),
            max_body: self.take("http.max_body"),
            body_timeout: self.take("http.body_timeout"),
            max_connections: self.take("http.max_connections"),
            send_buffer: self.take("session.send_buffer"),
            public_url: self.take("http.public_url"),
            allowed_origins: self.take("http.allowed_origins"),
            trusted_proxies: self.take("http.trusted_proxies"),
        }
    }

    /// To be asked while the binds are still there: "auto" depends on them.
    fn limits(&mut self) -> LimitsConfig {
        let bind = self.bind().to_vec();
        let mut rate = |key| self.take::<Limit>(key).resolve(key, &bind).rate();
        LimitsConfig {
            user: rate("limits.user"),
            address: rate("limits.address"),
            socket: rate("limits.socket"),
            total: rate("limits.total"),
        }
    }

    fn ingest(&mut self) -> IngestConfig {
        IngestConfig {
            flush_interval: self.take("ingest.flush_interval"),
            max_batch: self.take("ingest.max_batch"),
            max_backlog: self.take("ingest.max_backlog"),
            max_delay: self.take("ingest.max_delay"),
        }
    }

    fn merger(&mut self) -> MergerConfig {
        MergerConfig {
            partitions: self.take("pipeline.partitions"),
            deadline: self.take("pipeline.merge_deadline"),
            idle_after: self.take("streams.idle_after"),
        }
    }

    fn clusters(&mut self) -> ClustersConfig {
        ClustersConfig {
            initial: self.take("clusters.initial"),
            max: self.take("clusters.max"),
            policy: Policy {
                scale: self.take("clusters.scale"),
                top_n: NonZeroU32::new(self.take("clusters.top_n")),
                min_count: self.take("clusters.min_count"),
            },
        }
    }

    fn registry(&mut self) -> RegistryConfig {
        RegistryConfig {
            lease: self.take("registry.lease"),
            max_clients: self.take("registry.max_clients"),
            max_sessions: self.take("session.max"),
        }
    }

    fn hub(&mut self) -> HubConfig {
        HubConfig {
            retention: self.take("session.retention"),
            stall_timeout: self.take("session.stall_timeout"),
            ping_interval: self.take("session.ping_interval"),
        }
    }

    fn topics(&mut self) -> TopicsConfig {
        let replicas: u16 = self.take("kafka.replicas");
        TopicsConfig {
            reactions: self.take("kafka.topic_reactions"),
            partials: self.take("kafka.topic_partials"),
            totals: self.take("kafka.topic_totals"),
            aggregated: self.take("kafka.topic_aggregated"),
            cluster_prefix: self.take("kafka.topic_cluster"),
            subscriber_prefix: self.take("kafka.topic_subscriber"),
            control: self.take("kafka.topic_control"),
            partitions: self.take("kafka.partitions"),
            replicas: (replicas > 0).then_some(replicas),
        }
    }

    fn log(&mut self) -> LogConfig {
        LogConfig {
            level: self.take("log.level"),
            format: self.take("log.format"),
        }
    }

    fn take<T: FromValue>(&mut self, key: &str) -> T {
        let value = self.0.remove(key).and_then(T::from_value);
        value.unwrap_or_else(|| unreachable!("{key} is in the table with the type of its field"))
    }
}

/// The type of a field, out of a value of the matching kind.
trait FromValue: Sized {
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($($variant:ident)|+ => $field:ty),+ $(,)?) => {$(
        impl FromValue for $field {
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    $(Value::$variant(inner))|+ => inner.try_into().ok(),
                    _ => None,
                }
            }
        }
    )+};
}

// The bounds in the table keep numbers within the narrower types.
from_value! {
    Duration => Duration,
    Window => WindowSize,
    Number => u64,
    Number => usize,
    Number => u32,
    Number => u16,
    Addresses => Vec<SocketAddr>,
    Origins => Vec<String>,
    Url => Option<Url>,
    Scale => Scale,
    Roles => Roles,
    Limit => Limit,
    Token | Brokers => Option<String>,
    LogLevel | Topic => String,
    LogFormat => LogFormat,
}
