//! Every message that crosses between actors, in flow order.
//!
//! Data flows down with `try_send`; each message says what its sender does when the mailbox is full. Requests go up with
//! an awaited `ask`, but for what is handed in on credit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::Message;

use crate::actors::in_flight::InFlight;
use crate::actors::link::{Gone, Link};
use crate::domain::{
    ClusterId, ClusterState, Countable, Partial, Policy, Reaction, Seq, Standing, Window,
};

// === into the pipeline ===

/// HTTP and sessions → Ingest: valid reactions that credit was taken for, so they will be counted. When full: the sender
/// gives the credit back and asks with [`Submit`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Deposit {
    /// The reactions, which have been entered as accepted.
    pub reactions: InFlight<Vec<Reaction>>,
}

/// HTTP and sessions → Ingest: valid reactions. Asked: an answer of `Ok` means that they will be counted.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Shed>")]
pub struct Submit {
    /// The reactions, all of which are accepted or none.
    pub reactions: Vec<Reaction>,
}

/// Why reactions were turned away at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// The windows are behind and the backlog is full.
    #[error("the node is overloaded")]
    Overloaded,
    /// The node is on its way out.
    #[error("the node is draining")]
    Draining,
    /// The stage that takes reactions is being rebuilt.
    #[error("a stage is being restarted; try again")]
    Unavailable,
    /// Kafka does not answer; nothing was written.
    #[error("Kafka does not answer; nothing was written")]
    BrokerAway,
    /// Kafka answers, and will not take it: what is wrong is in the log.
    #[error("Kafka refuses to take it; the operator has to see to that")]
    Refused,
    /// Kafka has not said in time whether it has them: they may be counted, once, or not at all.
    #[error("Kafka has not said in time whether it has them; send again with the same event_id")]
    UnknownOutcome,
}

// === down the pipeline ===

/// Ingest → WindowAggregator, the edge *Reactions*. When full: Ingest keeps the batch, and sheds new reactions once its
/// backlog is at its limit.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReactionsAccepted {
    /// The batch.
    pub batch: InFlight<Vec<Countable>>,
}

/// WindowAggregator → WindowMerger, the edge *Partials*. When full: the aggregator keeps them and adds the next ones.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct PartialsClosed {
    /// The input partition.
    pub partition: usize,
    /// Everything of this partition through this window is in this message or an earlier one.
    pub closed_through: Seq,
    /// Partial windows that are not empty.
    pub partials: InFlight<Vec<Partial>>,
}

/// WindowMerger → MainPublisher, the edge *Windows*. When full: kept, see [`crate::actors::outbox`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct WindowsClosed {
    /// Whole windows, `seq` rising per stream.
    pub windows: Vec<Arc<Window>>,
}

/// MainPublisher → ClusterPublisher, the edge *ClusterWindows*. When full: kept, see [`crate::actors::outbox`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ClusterWindows {
    /// Whole windows, `seq` rising per stream.
    pub windows: Vec<Arc<Window>>,
}

/// ClusterPublisher → SessionHub, the edge *SubscriberWindows*. When full: kept, see [`crate::actors::outbox`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SubscriberWindows {
    /// The cluster they are delivered for.
    pub cluster: ClusterId,
    /// The cluster's policy as of these windows.
    pub policy: Policy,
    /// Whole windows, `seq` rising per stream.
    pub windows: Vec<Arc<Window>>,
}

/// Source → SessionHub: whether windows come. When full: told again until the hub knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DeliveryChanged {
    /// True while nothing can come, because the brokers do not answer.
    pub interrupted: bool,
}

/// Source → SessionHub: where streams stand whose windows are too old to be read. When full: told again until the hub
/// knows.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct StreamsStand {
    /// At most one for each stream.
    pub standings: Arc<[Standing]>,
}

// === clusters ===

/// A live cluster as a place for sessions.
#[derive(Debug, Clone)]
pub struct ClusterSeats {
    /// The cluster.
    pub cluster: ClusterId,
    /// How many sessions sit in it.
    pub taken: Arc<AtomicUsize>,
}

/// One session's place in a cluster; dropping it frees the place.
#[derive(Debug)]
pub struct Seat {
    seats: ClusterSeats,
    /// Held while the session of a registered client is open, so that its lease does not run out.
    _presence: Option<Arc<()>>,
}

impl Seat {
    /// Takes a place.
    pub fn take(seats: &ClusterSeats, presence: Option<Arc<()>>) -> Self {
        seats.taken.fetch_add(1, Ordering::AcqRel);
        Self {
            seats: seats.clone(),
            _presence: presence,
        }
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> ClusterId {
        self.seats.cluster
    }

    /// Changes to a place in another cluster.
    pub fn change(&mut self, to: &ClusterSeats) {
        to.taken.fetch_add(1, Ordering::AcqRel);
        self.seats.taken.fetch_sub(1, Ordering::AcqRel);
        self.seats = to.clone();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Admin → Clusters: a cluster should exist.
#[derive(Debug, Message)]
#[rtype(result = "Result<Spawned, ClusterError>")]
pub struct SpawnCluster {
    /// Its number; the lowest free one if none is asked for.
    pub id_opt: Option<ClusterId>,
    /// Its policy; the configured one if none is asked for.
    pub policy_opt: Option<Policy>,
}

/// What came of [`SpawnCluster`].
#[derive(Debug, Clone)]
pub enum Spawned {
    /// It delivers now.
    New(ClusterReport),
    /// The same cluster with the same policy was there.
    Existing(ClusterReport),
}

/// Admin → Clusters: another policy, from the next window on.
#[derive(Debug, Message)]
#[rtype(result = "Result<ClusterReport, ClusterError>")]
pub struct ChangeClusterPolicy {
    /// The cluster.
    pub id: ClusterId,
    /// The policy.
    pub policy: Policy,
}

/// Admin → Clusters: a cluster should end. Answered at once; its sessions move in the background.
#[derive(Debug, Message)]
#[rtype(result = "Result<ClusterReport, ClusterError>")]
pub struct RetireCluster {
    /// The cluster.
    pub id: ClusterId,
}

/// Admin → Clusters: every cluster there is and was.
#[derive(Debug, Message)]
#[rtype(result = "Vec<ClusterReport>")]
pub struct ListClusters;

/// One cluster, as an operator sees it.
#[derive(Debug, Clone)]
pub struct ClusterReport {
    /// Its number.
    pub id: ClusterId,
    /// Where it is in its life.
    pub state: ClusterState,
    /// Its policy.
    pub policy: Policy,
    /// Sessions in it.
    pub sessions: usize,
    /// The newest window it delivered.
    pub last_window_opt: Option<Seq>,
}

/// Why a change of clusters was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// There is no such cluster.
    #[error("there is no such cluster")]
    Unknown,
    /// It exists with another policy.
    #[error("the cluster exists with another policy; change it with PATCH")]
    OtherPolicy,
    /// It is on its way out.
    #[error("the cluster is draining")]
    Draining,
    /// It is the only one left.
    #[error("the last cluster can't be retired")]
    Last,
    /// There are as many as `clusters.max` allows.
    #[error("there are as many clusters as `clusters.max` allows")]
    TooMany,
    /// A stage or Kafka did not answer.
    #[error("a stage or Kafka does not answer; try again")]
    Unavailable,
    /// It is wanted, and no node has taken it up in time.
    #[error(
        "no node of role `cluster` serves it yet; it goes on starting, and the same request waits for it again"
    )]
    NotServed,
}

impl From<Gone> for ClusterError {
    fn from(_: Gone) -> Self {
        Self::Unavailable
    }
}

/// Clusters → MainPublisher: a publisher to feed from now on. Answered when it is.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AddCluster {
    /// The cluster.
    pub id: ClusterId,
    /// Its publisher.
    pub publisher: Link<ClusterWindows>,
}

/// Clusters → MainPublisher: a publisher to feed no longer.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct RemoveCluster {
    /// The cluster.
    pub id: ClusterId,
}

/// Clusters → ClusterPublisher: make yourself known to every hub. True once all of them know.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct Introduce;

/// ClusterPublisher → SessionHub: this cluster delivers here from now on.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ClusterAnnounced {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its policy.
    pub policy: Policy,
}

/// Clusters → SessionHub: move every session of a cluster. Answers how many moved; none is left when it answers.
#[derive(Debug, Clone, Message)]
#[rtype(result = "usize")]
pub struct MoveSessions {
    /// The cluster to leave.
    pub from: ClusterId,
    /// The clusters to go to.
    pub to: Vec<ClusterSeats>,
}

/// Clusters → Registry: where sessions may sit from now on.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct RosterChanged {
    /// Every live cluster.
    pub live: Vec<ClusterSeats>,
}

// === registry ===

/// HTTP → Registry: a client wants a place for a while.
#[derive(Debug, Message)]
#[rtype(result = "Result<Registered, PlacementError>")]
pub struct Register {
    /// Who.
    pub client_id: String,
    /// Where, if it has a wish.
    pub cluster_opt: Option<ClusterId>,
}

/// The answer to [`Register`].
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    /// Where the client's sessions will sit.
    pub cluster: ClusterId,
    /// For how long, unless it registers again or opens a session, which holds the lease while it lasts.
    pub lease: Duration,
}

/// HTTP → Registry: a client leaves. False if it was not there.
#[derive(Debug, Message)]
#[rtype(result = "Result<bool, PlacementError>")]
pub struct Deregister {
    /// Who.
    pub client_id: String,
}

/// HTTP → Registry: a place for a session.
#[derive(Debug, Message)]
#[rtype(result = "Result<Seat, PlacementError>")]
pub struct PlaceSession {
    /// Whose session.
    pub client_id: String,
    /// Where, if it has a wish.
    pub cluster_opt: Option<ClusterId>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// No live cluster has this number.
    #[error("there is no such cluster")]
    UnknownCluster,
    /// The node holds as many sessions as `session.max` allows.
    #[error("the node holds as many sessions as `session.max` allows")]
    TooManySessions,
    /// The node knows as many clients as `registry.max_clients` allows.
    #[error("the node knows as many clients as `registry.max_clients` allows")]
    TooManyClients,
    /// No cluster is live.
    #[error("no cluster is live")]
    NoCluster,
    /// A stage or Kafka did not answer.
    #[error("a stage or Kafka does not answer; try again")]
    Unavailable,
}

impl From<Gone> for PlacementError {
    fn from(_: Gone) -> Self {
        Self::Unavailable
    }
}

/// A registration that stands for some time yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who.
    pub client_id: String,
    /// Where its sessions sit.
    pub cluster: ClusterId,
    /// How long it stands, unless it is renewed.
    pub remaining: Duration,
}

/// Control → Registry: what the log says of registrations, made on this node or another. Each client is named once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct LeasesLearned {
    /// These stand.
    pub held: Vec<Lease>,
    /// These clients have left.
    pub forgotten: Vec<String>,
}

/// Control → Registry: which registrations are held by an open session on this node, with a whole lease to go.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Vec<Lease>")]
pub struct HeldLeases;

// === leaving ===

/// To each stage in turn: hand on what you hold, and take no more. Answers how many items are still held.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "usize")]
pub struct Drain;

/// To each hub: close every session with 1001, at a pace. Answers how many are still open.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "usize")]
pub struct CloseSessions;
