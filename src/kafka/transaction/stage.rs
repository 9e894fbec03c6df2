//! What a stage that counts has to say for itself, and what it is handed.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::consumer::BaseConsumer;
use rdkafka::message::{BorrowedMessage, Message, Timestamp};

use crate::actors::clock::Clock;
use crate::domain::{Commit, EpochMs, LogFold, Offset};
use crate::kafka::client::ClientsConfig;
use crate::kafka::context::StageContext;
use crate::kafka::health::Health;
use crate::kafka::thread::Failure;

/// What is committed of each partition; nothing if nobody has committed for it.
pub type Commits = BTreeMap<usize, Option<Commit>>;

/// The consumer of such a thread.
pub type Consumer = BaseConsumer<StageContext>;

/// Who counts, and where.
#[derive(Debug, Clone)]
pub struct Member {
    /// How to reach Kafka.
    pub clients: ClientsConfig,
    /// The group that shares the stage's work.
    pub group: String,
    /// Of this instance alone, and the same after a restart.
    pub transactional_id: String,
    /// The stage's health.
    pub health: Arc<Health>,
    /// When it is.
    pub clock: Clock,
}

/// A record as a stage reads it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its place in its partition.
    pub offset: Offset,
    /// When it was appended.
    pub at: EpochMs,
    /// The broker says so. Otherwise it is the producer's word.
    pub is_stamped: bool,
    /// Empty if it has none.
    pub value: &'a [u8],
}

impl<'a> Record<'a> {
    pub(super) fn of(message: &'a BorrowedMessage<'_>) -> Self {
        Self {
            offset: Offset(message.offset().try_into().unwrap_or_default()),
            at: EpochMs(
                message
                    .timestamp()
                    .to_millis()
                    .and_then(|at| at.try_into().ok())
                    .unwrap_or_default(),
            ),
            is_stamped: matches!(message.timestamp(), Timestamp::LogAppendTime(_)),
            value: message.payload().unwrap_or_default(),
        }
    }
}

/// A record to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub topic: String,
    /// Which partition; without one the key decides.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<String>,
    /// The value.
    pub value: Vec<u8>,
}

/// Why a partition could not be restored.
#[derive(Debug)]
pub enum Unrestored {
    /// The brokers do not answer, or not yet with what is needed.
    NotNow(String),
    /// Trying again would not help, or not this thread.
    Hopeless(Failure),
}

impl Unrestored {
    /// For lack of an answer.
    pub fn not_now(cause: impl std::fmt::Display) -> Self {
        Self::NotNow(cause.to_string())
    }
}

/// What differs between the stages that count.
pub trait Counting: Send {
    /// The fold of one partition.
    type Fold: LogFold;

    /// The role of the topic that is read.
    const ROLE: &'static str;

    /// The topic that is read.
    fn topic(&self) -> &str;

    /// Looks at what it has to know of the topics. Done before each restore, and from time to time.
    ///
    /// # Errors
    ///
    /// Brokers that do not answer, and topics that do not go together.
    fn look(&mut self, consumer: &Consumer) -> Result<(), Unrestored>;

    /// Builds the folds of these partitions from what is committed.
    ///
    /// # Errors
    ///
    /// What a fold needs besides its commit is not to be had.
    fn restore(&mut self, commits: &Commits) -> Result<Vec<(usize, Self::Fold)>, Unrestored>;

    /// Records are about to be handed over, for a quarter of a second at most: what depends on the clock is looked up now.
    fn begin(&mut self, _now: EpochMs) {}

    /// Hands a record to its fold.
    ///
    /// # Errors
    ///
    /// The reason why it has to be passed by.
    fn take(&mut self, fold: &mut Self::Fold, record: Record<'_>) -> Result<(), &'static str>;

    /// Passes by a record.
    fn skip(fold: &mut Self::Fold, offset: Offset);

    /// What one closing writes, in order.
    fn outputs(
        &self,
        partition: usize,
        closing: &<Self::Fold as LogFold>::Closing,
        commit: &Commit,
    ) -> Vec<Output>;

    /// A closing is committed.
    fn settled(&self, closing: &<Self::Fold as LogFold>::Closing);
}

pub(super) type ClosingOf<C> = <<C as Counting>::Fold as LogFold>::Closing;
