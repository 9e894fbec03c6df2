//! The JSON of the HTTP routes, both ways.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::actors::frames::{Count, Totals};
use crate::actors::messages::ClusterReport;
use crate::domain::{Ledger, Policy, Scale, Window, WindowSize};

// === reactions ===

/// One emoji sent by one person.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ReactionIn<'a> {
    /// Who sent it: 1 to 128 bytes, no control characters.
    #[serde(borrow)]
    #[schema(example = "6f1c2a")]
    pub user_id: Cow<'a, str>,
    /// Exactly one RGI emoji, with or without its variation selector.
    #[serde(borrow)]
    #[schema(example = "🔥")]
    pub emoji_type: Cow<'a, str>,
    /// ISO-8601 date and time, with or without zone. Checked and carried, never trusted.
    #[serde(borrow)]
    #[schema(example = "2026-06-11T20:00:00.123456")]
    pub timestamp: Cow<'a, str>,
    /// The live event; `main` if not given.
    pub stream: Option<Cow<'a, str>>,
    /// How often it was sent at once, 1 to 1000; 1 if not given.
    pub count: Option<u64>,
    /// A second reaction with the same id in the same window is not counted again.
    pub event_id: Option<Cow<'a, str>>,
}

/// The answer to many reactions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchAnswer {
    /// Always `success`.
    pub status: &'static str,
    /// How many of them were accepted.
    pub accepted: usize,
    /// The others, and why.
    pub rejected: Vec<RejectedOut>,
}

/// One reaction of many that was not accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RejectedOut {
    /// Its place, from 0.
    pub index: usize,
    /// Why: a stable code.
    pub code: &'static str,
}

// === registrations ===

/// A client wants a place.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RegisterIn {
    /// Who: 1 to 128 bytes, no control characters.
    pub client_id: String,
    /// The place it wishes for, `subscriber_topic_N`.
    pub subscriber: Option<String>,
}

/// The place it has.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisterOut<'a> {
    /// Always `registered`.
    pub status: &'static str,
    /// Who.
    pub client_id: &'a str,
    /// Its cluster.
    pub cluster: u16,
    /// Its cluster's topic for subscribers.
    pub subscriber: String,
    /// Where to connect.
    pub ws_url: String,
    /// How long the place is kept without a session.
    pub lease_seconds: u64,
}

/// A client leaves.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DeregisterIn {
    /// Who.
    pub client_id: String,
}

/// It has left.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeregisterOut {
    /// Always `deregistered`.
    pub status: &'static str,
}

// === windows ===

/// The newest windows of a stream.
#[derive(Debug, Serialize)]
pub(super) struct WindowsOut<'a> {
    /// The stream.
    pub stream: &'a str,
    /// Oldest first.
    pub windows: Vec<WindowOut>,
}

/// One window, uncut.
#[derive(Debug, Serialize)]
pub(super) struct WindowOut {
    seq: u64,
    start_ms: u64,
    end_ms: u64,
    total: u64,
    counts: Vec<Count>,
}

impl WindowOut {
    /// A window with final counts under a scale rule.
    pub(super) fn new(window: &Window, size: WindowSize, scale: Scale) -> Self {
        let uncut = Policy {
            scale,
            ..Policy::default()
        };
        Self {
            seq: window.seq.0,
            start_ms: size.start(window.seq).0,
            end_ms: size.end(window.seq).0,
            total: window.tally.total(),
            counts: uncut
                .shape(&window.tally)
                .into_iter()
                .map(Count::from)
                .collect(),
        }
    }
}

/// The exact totals of a stream.
#[derive(Debug, Serialize)]
pub(super) struct TotalsOut<'a> {
    /// The stream.
    pub stream: &'a str,
    /// The window they reach.
    pub seq: u64,
    /// All emojis together.
    pub total: u64,
    /// Per emoji, highest first.
    pub totals: Totals<'a>,
}

// === clusters ===

/// A cluster to spawn.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpawnIn {
    /// Its number; the lowest free one if not given.
    pub id: Option<u64>,
    /// Its policy; the configured one where not given.
    pub policy: Option<PolicyIn>,
}

/// A policy to change to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeIn {
    /// What is not named stays as it is.
    pub policy: PolicyIn,
}

/// A policy, or a part of one. `null` switches a cut off.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyIn {
    /// List only the emojis with the highest counts.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<u32>)]
    pub top_n: Option<Option<std::num::NonZeroU32>>,
    /// List only emojis with at least this count.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<u64>)]
    pub min_count: Option<Option<u64>>,
    /// The rule that turns `count` into `final_count`.
    pub scale: Option<ScaleJson>,
}

/// Tells a field that is `null` from one that is not there.
fn named<'de, Value, Source>(source: Source) -> Result<Option<Value>, Source::Error>
where
    Value: Deserialize<'de>,
    Source: Deserializer<'de>,
{
    Value::deserialize(source).map(Some)
}

impl PolicyIn {
    /// This policy where it says something, `base` elsewhere.
    pub(super) fn over(&self, base: Policy) -> Policy {
        Policy {
            scale: self.scale.map_or(base.scale, Scale::from),
            top_n: self.top_n.unwrap_or(base.top_n),
            min_count: self
                .min_count
                .map_or(base.min_count, Option::unwrap_or_default),
        }
    }
}

/// A scale rule: `"brief"`, `"legacy"` or `{"divisor": 100}`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScaleJson {
    /// Up to 1000 are 1, else a thousandth.
    Brief,
    /// Up to 99 are themselves, else a hundredth.
    Legacy,
    /// At least 1, else the count over a divisor.
    #[schema(value_type = u64)]
    Divisor(std::num::NonZeroU64),
}

impl From<ScaleJson> for Scale {
    fn from(scale: ScaleJson) -> Self {
        match scale {
            ScaleJson::Brief => Self::Brief,
            ScaleJson::Legacy => Self::Legacy,
            ScaleJson::Divisor(divisor) => Self::Divisor(divisor),
        }
    }
}

impl From<Scale> for ScaleJson {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Brief => Self::Brief,
            Scale::Legacy => Self::Legacy,
            Scale::Divisor(divisor) => Self::Divisor(divisor),
        }
    }
}

/// A policy, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyOut {
    /// `null` lists all.
    #[schema(value_type = Option<u32>)]
    top_n: Option<std::num::NonZeroU32>,
    min_count: u64,
    scale: ScaleJson,
}

/// One cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClusterOut {
    id: u16,
    /// `starting`, `live`, `draining` or `stopped`.
    state: &'static str,
    policy: PolicyOut,
    /// Sessions in it now.
    sessions: usize,
    topics: TopicsOut,
    /// Number of the newest window it delivered.
    last_window: Option<u64>,
}

/// The topics of a cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TopicsOut {
    cluster: String,
    subscriber: String,
}

impl From<ClusterReport> for ClusterOut {
    fn from(report: ClusterReport) -> Self {
        Self {
            id: report.id.get(),
            state: report.state.as_str(),
            policy: PolicyOut {
                top_n: report.policy.top_n,
                min_count: report.policy.min_count,
                scale: report.policy.scale.into(),
            },
            sessions: report.sessions,
            topics: TopicsOut {
                cluster: report.id.cluster_topic(),
                subscriber: report.id.subscriber_topic(),
            },
            last_window: report.last_window_opt.map(|seq| seq.0),
        }
    }
}

/// Every cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClustersOut {
    /// By number.
    pub clusters: Vec<ClusterOut>,
}

// === ledger ===

/// One row of the ledger: `received = accepted + rejected + limited + shed`, `accepted = counted + in_flight + deduplicated`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LedgerRow {
    received: u64,
    accepted: u64,
    rejected: u64,
    limited: u64,
    shed: u64,
    /// Of the shed: may have been written to Kafka all the same, and is counted then.
    unknown_outcome: u64,
    counted: u64,
    /// Below zero where more was counted by this node than it accepted.
    in_flight: i64,
    deduplicated: u64,
    /// Of the counted: carried from a window that was closed already.
    late_carried: u64,
    /// Of those in flight: gone with an actor that died.
    lost: u64,
}

impl From<Ledger> for LedgerRow {
    fn from(row: Ledger) -> Self {
        Self {
            received: row.received(),
            accepted: row.accepted,
            rejected: row.rejected,
            limited: row.limited,
            shed: row.shed,
            unknown_outcome: row.unknown_outcome,
            counted: row.counted,
            in_flight: row.in_flight(),
            deduplicated: row.deduplicated,
            late_carried: row.late_carried,
            lost: row.lost,
        }
    }
}

/// The ledger in sum and per stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LedgerOut {
    /// The sum of all rows, in the document itself.
    #[serde(flatten)]
    pub own: LedgerRow,
    /// The same under a name, for programs that treat all rows alike.
    pub sum: LedgerRow,
    /// Per stream.
    pub streams: BTreeMap<String, LedgerRow>,
    /// What belongs to no stream: bodies that could not be read.
    pub unattributed: LedgerRow,
}

// === health ===

/// Whether the process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthOut {
    /// Always `ok`.
    pub status: &'static str,
    /// The running version.
    pub version: &'static str,
}

/// Whether the node can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadyOut {
    /// `ready`, `not ready` or `draining`.
    pub status: &'static str,
    /// Every stage, and whether it is up.
    pub stages: Vec<StageOut>,
}

/// One stage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StageOut {
    /// Its name.
    pub stage: String,
    /// Whether it is up.
    pub up: bool,
}
