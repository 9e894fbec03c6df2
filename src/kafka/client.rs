//! Clients of Kafka: what librdkafka is told for each use, and why.
//!
//! Below the settings of a use stand those that all have in common; over both stand the user's own, `kafka.<name>`. Those
//! that a promise of the system hangs on are not for the user to change: [`check`] refuses them with the reason.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

/// How to reach Kafka.
#[derive(Clone, Default)]
pub struct ClientsConfig {
    /// Brokers to ask first, `HOST:PORT` with commas between; none means that there is no Kafka.
    pub bootstrap: Option<String>,
    /// Settings of librdkafka as the user gave them, each one checked.
    pub own: BTreeMap<String, String>,
    /// Who this node is among those that share the work.
    pub identity: Identity,
    /// How long a node that starts waits for a broker.
    pub start_timeout: Duration,
}

/// Who a node is to Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What the names of all groups and transactions begin with.
    pub group: String,
    /// The node's number, stable and of no other.
    pub instance: u16,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            group: "emostream".to_owned(),
            instance: 0,
        }
    }
}

impl Identity {
    /// The consumer group of a stage, the same on every node.
    pub fn group(&self, stage: &str) -> String {
        format!("{}-{stage}", self.group)
    }

    /// The name of this node's transactions, or of its membership in a stage's group.
    pub fn own(&self, stage: &str) -> String {
        format!("{}-{stage}-{}", self.group, self.instance)
    }
}

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use<'a> {
    /// Writes reactions while a request waits.
    Reactions,
    /// Writes what was counted, in transactions under this id.
    Transactions {
        /// Stable per instance: a new start under the same id ends what the last one left open.
        id: &'a str,
    },
    /// Reads what is to be counted, in a group, each record exactly once.
    Counting {
        /// The group.
        group: &'a str,
        /// Stable per instance: a quick restart gets its partitions back without a rebalance.
        instance: &'a str,
    },
    /// Reads windows in a group and hands them on, each record at least once.
    Forwarding {
        /// The group.
        group: &'a str,
    },
    /// Reads all partitions by assignment, beside all other readers.
    Watching,
    /// Writes windows that are handed on.
    Windows,
    /// Writes clusters and registrations while a request waits.
    Control,
    /// Creates and describes topics.
    Admin,
}

/// All clients.
const COMMON: &[(&str, &str)] = &[
    ("client.id", "emostream"),
    // A window is a small record that must not wait until the last one is acknowledged.
    ("socket.nagle.disable", "true"),
    // Between events a connection is quiet for hours, and what stands in between forgets it.
    ("socket.keepalive.enable", "true"),
    // Brokers close quiet connections. That is no news.
    ("log.connection.close", "false"),
    // Lag, queues and whether brokers answer, for metrics and readiness.
    ("statistics.interval.ms", "1000"),
    // A broker that is back is used within two seconds; librdkafka would wait up to ten.
    ("reconnect.backoff.max.ms", "2000"),
];

/// Whoever writes.
const PRODUCER: &[(&str, &str)] = &[
    // What librdkafka sends again by itself is written once and in order.
    ("enable.idempotence", "true"),
    // Acknowledged means: by every replica that is in sync.
    ("acks", "all"),
    // librdkafka would hold 1 GiB. A full queue is answered with 503, memory that is full is not answered at all.
    ("queue.buffering.max.kbytes", "65536"),
    // Keys go to the partition that Java's client would send them to: an event that somebody else's producer sends again has to
    // meet the first one, and librdkafka's own way is another.
    ("partitioner", "murmur2_random"),
    // JSON shrinks to a fifth, and every client can read this.
    ("compression.type", "lz4"),
];

const REACTIONS: &[(&str, &str)] = &[
    // Every batch goes to all partitions. librdkafka would fill one at a time and leave others without a record for a quarter of
    // a second, and a window is whole when its last partition has seen its end.
    ("sticky.partitioning.linger.ms", "0"),
    // A request is answered in that time, if need be with `unknown_outcome`; librdkafka would try for five minutes.
    ("message.timeout.ms", "5000"),
];

const WINDOWS: &[(&str, &str)] = &[
    // A window goes out at once: its records are queued together, which makes one batch of them all the same.
    ("linger.ms", "1"),
    // Windows wait in order until the broker is back, and so does what stands behind them in the topic they come from.
    ("message.timeout.ms", "0"),
    // A record for a topic that is gone waits that long for it to come back; by default half a minute, and the others with it.
    ("topic.metadata.propagation.max.ms", "5000"),
];

const TRANSACTIONS: &[(&str, &str)] = &[
    // What a dead instance left open holds up every reader for that long; the default is a minute.
    ("transaction.timeout.ms", "10000"),
    // All records of a transaction are there at once: nothing is to be waited for.
    ("linger.ms", "0"),
    // No record may outlive its transaction.
    ("message.timeout.ms", "10000"),
    // All records of a transaction are queued together, and it waits for nothing else.
    ("linger.ms", "0"),
    // Partitions close within milliseconds of each other, and a transaction that begins while the one before is still being
    // marked as committed is refused at first. It would wait 100 ms to try again, and so would every viewer.
    ("retry.backoff.ms", "10"),
];

/// Whoever reads.
const CONSUMER: &[(&str, &str)] = &[
    // An offset is committed where the work it stands for is done, and nowhere else. librdkafka's own commit would also wipe
    // the metadata beside the offset.
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // What an aborted transaction wrote was never counted.
    ("isolation.level", "read_committed"),
    // A partition whose records wait here is fetched for again as soon as they were taken; librdkafka would pause for a second,
    // and a backlog would be read in gulps.
    ("fetch.queue.backoff.ms", "10"),
    // Memory for records fetched ahead; the default is 64 MiB for each consumer.
    ("queued.max.messages.kbytes", "16384"),
];

const GROUP: &[(&str, &str)] = &[
    // What was written before a group's first start is its work too.
    ("auto.offset.reset", "earliest"),
    // Who is silent that long has lost its partitions; the default is 45 s.
    ("session.timeout.ms", "10000"),
    // A rebalance is learnt of with a heartbeat: a cluster that was spawned is served within moments.
    ("heartbeat.interval.ms", "500"),
    // Heartbeats come from a thread of their own, so this is what finds a loop that hangs; the default is 5 min.
    ("max.poll.interval.ms", "30000"),
    // Eager: at a rebalance all state is dropped and read again, which is a few seconds of data.
    ("partition.assignment.strategy", "range"),
];

const COUNTING: &[(&str, &str)] = &[
    // The stage says where it reads, also where nobody has committed. A place that the log does not have (any more, or yet)
    // must not become another one silently: what stands there would pass for what was read.
    ("auto.offset.reset", "error"),
    // A broker answers a connection's requests in order, so the question where a log ends waits for the fetch before it;
    // the default is half a second, once for each partition.
    ("fetch.wait.max.ms", "100"),
];

const WATCHING: &[(&str, &str)] = &[
    // librdkafka polls no consumer without the name of a group. Nobody joins this one, and nothing is committed to it.
    ("group.id", "emostream-watching"),
    // Where to start is assigned; this is for when that place is gone by retention.
    ("auto.offset.reset", "earliest"),
];

/// What the user cannot change, and why.
const HELD: &[(&str, &str)] = &[
    ("bootstrap.servers", "write kafka.bootstrap"),
    ("metadata.broker.list", "write kafka.bootstrap"),
    (
        "enable.idempotence",
        "without it a record may be written twice, and out of order",
    ),
    (
        "acks",
        "a reaction is answered with 200 once all replicas in sync have it",
    ),
    (
        "request.required.acks",
        "a reaction is answered with 200 once all replicas in sync have it",
    ),
    (
        "transactional.id",
        "it has to be stable and belong to one instance alone",
    ),
    (
        "transaction.timeout.ms",
        "readers wait that long for an instance that died",
    ),
    (
        "isolation.level",
        "what an aborted transaction wrote must not be counted",
    ),
    (
        "enable.auto.commit",
        "offsets are committed with the work they stand for",
    ),
    (
        "auto.commit.enable",
        "offsets are committed with the work they stand for",
    ),
    (
        "enable.auto.offset.store",
        "offsets are committed with the work they stand for",
    ),
    (
        "offset.store.method",
        "offsets are committed with the work they stand for",
    ),
    (
        "auto.offset.reset",
        "each reader has to start where its work does",
    ),
    ("group.id", "each stage has a group of its own"),
    (
        "group.instance.id",
        "it has to be stable and belong to one instance alone",
    ),
    (
        "group.protocol",
        "counting relies on the rebalances of the classic protocol",
    ),
    (
        "partition.assignment.strategy",
        "counting relies on eager rebalances",
    ),
    (
        "partitioner",
        "a reaction that is sent again has to meet the first one in its partition",
    ),
];

/// Longer and shorter names of the same settings, of those that are set above.
const ALIASES: &[(&str, &str)] = &[
    ("compression.codec", "compression.type"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("queue.buffering.max.ms", "linger.ms"),
];

/// Parts of the names of settings whose values are not to be shown. librdkafka marks the same ones.
const SECRET: &[&str] = &[
    "password",
    "secret",
    "passphrase",
    "private.key",
    "ssl.key.",
    "sasl.username",
    "oauthbearer.config",
];

/// Why a setting of librdkafka is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// librdkafka knows no such setting.
    #[error("is no setting of librdkafka")]
    Unknown,
    /// It is not for the user to change.
    #[error("cannot be changed: {0}")]
    Held(&'static str),
    /// librdkafka does not take the value.
    #[error("is refused by librdkafka: {0}")]
    Invalid(String),
}

/// Asks librdkafka whether it takes a setting, without starting a client.
///
/// # Errors
///
/// One that it does not know or take, and one that is not for the user to change.
pub fn check(key: &str, value: &str) -> Result<(), Refused> {
    if let Some((_, reason)) = HELD.iter().find(|(held, _)| *held == key) {
        return Err(Refused::Held(reason));
    }
    let asked = ClientConfig::new().set(key, value).create_native_config();
    match asked {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Err(Refused::Unknown)
        }
        // The sentence may repeat the value.
        Err(_) if is_secret(key) => Err(Refused::Invalid("the value is not shown".to_owned())),
        Err(KafkaError::ClientConfig(_, sentence, ..)) => Err(Refused::Invalid(sentence)),
        Err(error) => Err(Refused::Invalid(error.to_string())),
    }
}

/// Whether the value of a setting must never be shown.
pub fn is_secret(key: &str) -> bool {
    SECRET.iter().any(|part| key.contains(part))
}

impl ClientsConfig {
    /// The brokers to ask first, as far as there are any.
    pub fn bootstrap(&self) -> &str {
        self.bootstrap.as_deref().unwrap_or_default()
    }

    /// What librdkafka is told for a use.
    pub fn client(&self, purpose: Use<'_>) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.bootstrap());
        let groups: &[&[(&str, &str)]] = match purpose {
            Use::Reactions | Use::Control => &[PRODUCER, REACTIONS],
            Use::Windows => &[PRODUCER, WINDOWS],
            Use::Transactions { .. } => &[PRODUCER, TRANSACTIONS],
            Use::Counting { .. } => &[CONSUMER, GROUP, COUNTING],
            Use::Forwarding { .. } => &[CONSUMER, GROUP],
            Use::Watching => &[CONSUMER, WATCHING],
            Use::Admin => &[],
        };
        for &(key, value) in [COMMON].iter().chain(groups).copied().flatten() {
            client.set(key, value);
        }
        match purpose {
            Use::Transactions { id } => drop(client.set("transactional.id", id)),
            Use::Counting { group, instance } => {
                client.set("group.id", group);
                client.set("group.instance.id", instance);
            }
            Use::Forwarding { group } => drop(client.set("group.id", group)),
            Use::Reactions | Use::Windows | Use::Control | Use::Watching | Use::Admin => {}
        }
        self.lay_over(&mut client, purpose);
        client
    }

    /// A setting may have two names, and librdkafka takes whichever comes last: ours goes where the user's comes.
    fn lay_over(&self, client: &mut ClientConfig, purpose: Use<'_>) {
        for (given, value) in &self.own {
            let alias = ALIASES.iter().find(|(alias, _)| alias == given);
            let key = alias.map_or(given.as_str(), |(_, key)| key);
            let is_bound = matches!(purpose, Use::Transactions { .. });
            if key == "message.timeout.ms" && is_bound {
                continue;
            }
            client.set(key, value);
        }
    }
}

/// Shows no value of a secret.
impl fmt::Debug for ClientsConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.own.iter().map(|(key, value)| {
            let shown = if is_secret(key) { "hidden" } else { value };
            (key, shown)
        });
        let own: BTreeMap<_, _> = own.collect();
        formatter
            .debug_struct("ClientsConfig")
            .field("bootstrap", &self.bootstrap)
            .field("own", &own)
            .finish()
    }
}

#[cfg(test)]
mod tests;
