//! The table of settings: every key once, in the order of `emostream.toml`.

use std::time::Duration;

use super::setting::{Kind, Setting};

/// The sections in the order of the table, each with a line on what it is about.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("node", "The node: its part of the work."),
    (
        "http",
        "The HTTP side: pages, API and WebSockets, all on every bind.",
    ),
    (
        "window",
        "Windows: the time spans in which reactions are counted.",
    ),
    (
        "ingest",
        "Ingest: from requests to batches, on every worker.",
    ),
    ("pipeline", "The pipeline from batches to whole windows."),
    ("streams", "Streams: one for each live event."),
    (
        "clusters",
        "Clusters: delivery groups, each with its own policy.",
    ),
    ("session", "Sessions: the WebSocket of one subscriber each."),
    ("registry", "The registry of clients."),
    (
        "limits",
        "Rate limits in reactions: \"20/s\", \"20/s burst 100\", \"off\", or \"auto\". With \"auto\" there is no limit while\n\
         every http.bind is loopback; on any other bind it stands for the limit named below.",
    ),
    (
        "kafka",
        "Kafka: where it is, and its topics. Any setting of librdkafka may stand here too, such as\n\
         \"security.protocol\" = \"SASL_SSL\", but for those that a promise hangs on.",
    ),
    ("admin", "The admin routes."),
    ("log", "Logs."),
    ("shutdown", "Stopping."),
];

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    setting(
        "node.roles",
        "all",
        Kind::Roles,
        "\"all\", or some of \"api,aggregator,publisher,cluster,session\", which needs Kafka",
    ),
    setting(
        "http.bind",
        "127.0.0.1:5000,127.0.0.1:5001",
        Kind::Addresses,
        "IP addresses and ports to listen on; port 0 takes a free one",
    ),
    setting(
        "http.workers",
        "0",
        number(0, 1024),
        "Worker threads; 0 is one per core",
    ),
    setting(
        "http.max_body",
        "2MiB",
        size(KIB, 64 * MIB),
        "Largest request body, in bytes",
    ),
    setting(
        "http.body_timeout",
        "5s",
        duration(100, 5 * MINUTE),
        "Longest time a request body may take to arrive",
    ),
    setting(
        "http.max_connections",
        "25000",
        number(1, 1_000_000),
        "Most connections per worker",
    ),
    setting(
        "http.public_url",
        "",
        Kind::Url,
        "Address under which clients reach this node, where a proxy stands before it",
    ),
    setting(
        "http.allowed_origins",
        "",
        Kind::Origins,
        "Web origins whose pages may connect besides this node's own",
    ),
    setting(
        "http.trusted_proxies",
        "0",
        number(0, 16),
        "Proxies before this node whose X-Forwarded-For is believed; 0 believes none",
    ),
    setting(
        "window.size",
        "2s",
        Kind::Window,
        "Time span of one window, 100ms to 60s",
    ),
    setting(
        "ingest.flush_interval",
        "10ms",
        duration(1, SECOND),
        "Longest time a reaction waits for its batch to fill",
    ),
    setting(
        "ingest.max_batch",
        "20000",
        number(1, 1_000_000),
        "Most reactions in one batch",
    ),
    setting(
        "ingest.max_backlog",
        "200000",
        number(1, 100_000_000),
        "Most reactions waiting on one worker; beyond it new ones are answered with 503",
    ),
    setting(
        "ingest.max_delay",
        "100ms",
        duration(1, MINUTE),
        "Longest wait for a worker; where all wait longer for a second, some are answered with 503",
    ),
    setting(
        "pipeline.partitions",
        "3",
        number(1, 256),
        "Window aggregators that count side by side",
    ),
    setting(
        "pipeline.merge_deadline",
        "3s",
        duration(100, MINUTE),
        "How long a window waits for a partition that has not reported",
    ),
    setting(
        "pipeline.lateness",
        "20ms",
        duration(0, 10 * SECOND),
        "On Kafka: how far append times in a partition may go back before a reaction goes to the next window",
    ),
    setting(
        "streams.max",
        "100",
        number(1, 100_000),
        "Most streams; one that has come to be stays",
    ),
    setting(
        "streams.idle_after",
        "30s",
        duration(100, 24 * HOUR),
        "Silence after which a stream publishes no more empty windows",
    ),
    setting(
        "clusters.initial",
        "3",
        number(1, 9999),
        "Clusters from the start, numbered from 1",
    ),
    setting(
        "clusters.max",
        "64",
        number(1, 9999),
        "Most clusters at a time",
    ),
    setting(
        "clusters.scale",
        "brief",
        Kind::Scale,
        "Scale rule of new clusters: \"brief\", \"legacy\", or a divisor as a number",
    ),
    setting(
        "clusters.top_n",
        "0",
        number(0, 10_000),
        "Emojis listed per window by new clusters; 0 is all",
    ),
    setting(
        "clusters.min_count",
        "0",
        number(0, i64::MAX as u64),
        "Count from which new clusters list an emoji",
    ),
    setting(
        "session.retention",
        "10m",
        duration(SECOND, 24 * HOUR),
        "How long an absence may be for a session to be told what it missed",
    ),
    setting(
        "session.stall_timeout",
        "15s",
        duration(100, 10 * MINUTE),
        "Time without reading anything after which a session is closed",
    ),
    setting(
        "session.ping_interval",
        "25s",
        duration(100, 10 * MINUTE),
        "Time between two pings to a session while no window is sent",
    ),
    setting(
        "session.max",
        "100000",
        number(1, 10_000_000),
        "Most sessions at a time",
    ),
    setting(
        "session.send_buffer",
        "16KiB",
        size(4 * KIB, 16 * MIB),
        "Kernel send buffer of a session's socket, in bytes",
    ),
    setting(
        "registry.lease",
        "60s",
        duration(SECOND, 24 * HOUR),
        "How long a registration lasts unless renewed",
    ),
    setting(
        "registry.max_clients",
        "1000000",
        number(1, 100_000_000),
        "Most registered clients at a time",
    ),
    setting(
        "limits.user",
        "auto",
        Kind::Limit,
        "Per user; auto: 20/s burst 100",
    ),
    setting(
        "limits.address",
        "auto",
        Kind::Limit,
        "Per client address; auto: 500/s burst 2000",
    ),
    setting(
        "limits.socket",
        "auto",
        Kind::Limit,
        "Per WebSocket; auto: 20/s burst 100",
    ),
    setting("limits.total", "auto", Kind::Limit, "In all; auto: off"),
    setting(
        "kafka.bootstrap",
        "",
        Kind::Brokers,
        "Brokers to ask first, HOST:PORT with commas between; without any there is no Kafka",
    ),
    setting(
        "kafka.group",
        "emostream",
        Kind::Topic,
        "Beginning of the names of consumer groups and transactions; the same on every node",
    ),
    setting(
        "kafka.instance",
        "0",
        number(0, 9999),
        "This node's number: stable, and of no other node with the role aggregator",
    ),
    setting(
        "kafka.start_timeout",
        "30s",
        duration(0, HOUR),
        "How long a node that starts waits for a broker",
    ),
    setting(
        "kafka.partitions",
        "3",
        number(1, 1000),
        "Partitions of a topic that is created",
    ),
    setting(
        "kafka.replicas",
        "0",
        number(0, 100),
        "Replicas of a topic that is created; 0 is what the broker gives by default",
    ),
    setting(
        "kafka.topic_reactions",
        "emoji_topic",
        Kind::Topic,
        "Topic of the reactions",
    ),
    setting(
        "kafka.topic_partials",
        "emoji_topic_partials",
        Kind::Topic,
        "Topic of what single partitions have counted",
    ),
    setting(
        "kafka.topic_totals",
        "emoji_topic_totals",
        Kind::Topic,
        "Topic of the running totals",
    ),
    setting(
        "kafka.topic_aggregated",
        "emoji_topic_aggregated",
        Kind::Topic,
        "Topic of the whole windows",
    ),
    setting(
        "kafka.topic_cluster",
        "cluster_topic_",
        Kind::Topic,
        "Topic of a cluster, without its number",
    ),
    setting(
        "kafka.topic_subscriber",
        "subscriber_topic_",
        Kind::Topic,
        "Topic of a cluster's subscribers, without its number",
    ),
    setting(
        "kafka.topic_control",
        "emostream_control",
        Kind::Topic,
        "Topic of the clusters and clients that should exist",
    ),
    setting(
        "admin.token",
        "",
        Kind::Token,
        "Bearer token of the admin routes, 16 to 256 visible ASCII characters; empty generates one at every start",
    ),
    setting(
        "log.level",
        "info,actix_server=warn",
        Kind::LogLevel,
        "\"error\", \"warn\", \"info\", \"debug\", \"trace\" or \"off\", also per module: \"info,emostream::http=debug\"",
    ),
    setting(
        "log.format",
        "auto",
        Kind::LogFormat,
        "\"human\", \"json\", or \"auto\": human on a terminal, JSON otherwise",
    ),
    setting(
        "shutdown.timeout",
        "10s",
        duration(100, 10 * MINUTE),
        "Longest time a drain may take",
    ),
];

const fn setting(
    key: &'static str,
    default: &'static str,
    kind: Kind,
    doc: &'static str,
) -> Setting {
    Setting {
        key,
        default,
        kind,
        doc,
    }
}

const fn duration(min_ms: u64, max_ms: u64) -> Kind {
    Kind::Duration {
        min: Duration::from_millis(min_ms),
        max: Duration::from_millis(max_ms),
    }
}

const fn size(min: u64, max: u64) -> Kind {
    Kind::Size { min, max }
}

const fn number(min: u64, max: u64) -> Kind {
    Kind::Number { min, max }
}

#[cfg(test)]
mod tests;
