//! The consumer of a stage that counts: where it stands, and what is committed.

use std::time::Duration;

use rdkafka::consumer::{Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset as Place, TopicPartitionList};
use tokio::time::Instant;

use super::{Commits, Consumer, Member, Unrestored, writer};
use crate::domain::{Commit, Halt, Offset};
use crate::kafka::client::Use;
use crate::kafka::context::{Assigning, Change, StageContext};
use crate::kafka::thread::Failure;

/// How long the group's coordinator may take to say what is committed. It waits for open transactions.
const COMMITS: Duration = Duration::from_secs(3);

/// How long a partition's leader may take to say where its log ends.
const LOG_END: Duration = Duration::from_secs(1);

/// How long librdkafka may take to forget where it stood.
const MOVING: Duration = Duration::from_secs(2);

/// Between two looks at it.
const GLANCE: Duration = Duration::from_millis(1);

/// A consumer that stands where the folds want it.
pub(super) struct Reader {
    pub(super) consumer: Consumer,
    topic: String,
    group: String,
    transactional_id: String,
}

impl Reader {
    pub(super) fn join(member: &Member, topic: &str) -> Result<Self, Failure> {
        let purpose = Use::Counting {
            group: &member.group,
            instance: &member.transactional_id,
        };
        let context = StageContext::new(member.health.clone(), Assigning::ByStage);
        let settings = member.clients.client(purpose);
        let consumer: Consumer = settings
            .create_with_context(context)
            .map_err(Failure::passing)?;
        consumer.subscribe(&[topic]).map_err(Failure::passing)?;
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
            group: member.group.clone(),
            transactional_id: member.transactional_id.clone(),
        })
    }

    /// What the group has changed since the last call.
    pub(super) fn take_changes(&self) -> Vec<Change> {
        self.consumer.context().take_changes()
    }

    /// The error that has ended the consumer, if one has.
    pub(super) fn fatal(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.consumer.client().fatal_error()
    }

    // === restoring ===

    /// Reads nothing until [`Reader::start_at`], and drops what it has fetched.
    pub(super) fn halt(&self) -> Result<(), Unrestored> {
        let nothing = TopicPartitionList::new();
        self.consumer.assign(&nothing).map_err(Unrestored::not_now)
    }

    /// The stable commits of these partitions.
    pub(super) fn commits<'a>(
        &self,
        partitions: impl Iterator<Item = &'a usize>,
    ) -> Result<Commits, Unrestored> {
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition(&self.topic, number(*partition));
        }
        let answered = self.consumer.committed_offsets(asked, COMMITS);
        let answered = answered.map_err(Unrestored::not_now)?;
        let mut commits = Commits::new();
        for element in answered.elements() {
            element.error().map_err(Unrestored::not_now)?;
            let partition = usize::try_from(element.partition()).unwrap_or_default();
            let commit = match element.offset() {
                Place::Offset(offset) => {
                    let offset = Offset(offset.try_into().unwrap_or_default());
                    let commit = Commit::read(offset, element.metadata());
                    Some(commit.map_err(|error| self.unreadable(partition, &error))?)
                }
                _ => None,
            };
            commits.insert(partition, commit);
        }
        Ok(commits)
    }

    fn unreadable(&self, partition: usize, error: &dyn std::fmt::Display) -> Unrestored {
        let Self { topic, group, .. } = self;
        Unrestored::Hopeless(Failure::Final(format!(
            "partition {partition} of {topic}, group {group}: {error}; go on with the version that wrote it, or delete the \
             group's offsets (kafka-consumer-groups.sh --group {group} --topic {topic} --delete-offsets) to count all that \
             the topic holds again"
        )))
    }

    /// The offset of the oldest record that the partition still has, and of the next one it gets.
    pub(super) fn span(&self, partition: usize) -> Result<(Offset, Offset), Unrestored> {
        self.watermarks(partition).map_err(Unrestored::not_now)
    }

    /// Moves to these positions, and reads those partitions alone.
    ///
    /// librdkafka hands over nothing that it has fetched before, but it goes on to say where it stood until its own
    /// thread has stopped the old fetch. That would pass for having read what was not read again, so it is waited out.
    /// Nothing is polled meanwhile, so a position that is there is an old one.
    pub(super) fn start_at(
        &self,
        positions: impl Iterator<Item = (usize, Offset)>,
    ) -> Result<(), Unrestored> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in positions {
            list.add_partition_offset(&self.topic, number(partition), place(offset))
                .map_err(Unrestored::not_now)?;
        }
        self.consumer.assign(&list).map_err(Unrestored::not_now)?;
        let deadline = Instant::now() + MOVING;
        while !self.has_forgotten().map_err(Unrestored::not_now)? {
            if Instant::now() >= deadline {
                return Err(Unrestored::not_now("the consumer does not move"));
            }
            std::thread::park_timeout(GLANCE);
        }
        Ok(())
    }

    fn has_forgotten(&self) -> KafkaResult<bool> {
        let positions = self.consumer.position()?;
        let mut elements = positions.elements().into_iter();
        Ok(elements.all(|element| element.offset() == Place::Invalid))
    }

    // === proving ===

    /// Where the log ends, as its leader says now, and where the consumer stands. Markers of transactions are counted in
    /// both; of transactions that are still open the end counts nothing.
    pub(super) fn log_end(&self, partition: usize) -> Option<(Offset, Offset)> {
        let (_, end) = self.watermarks(partition).ok()?;
        let positions = self.consumer.position().ok()?;
        let own = positions.find_partition(&self.topic, number(partition))?;
        let position = match own.offset() {
            Place::Offset(offset) => Offset(offset.try_into().unwrap_or_default()),
            _ => Offset(0),
        };
        Some((end, position))
    }

    fn watermarks(&self, partition: usize) -> KafkaResult<(Offset, Offset)> {
        let partition = number(partition);
        let (low, high) = self
            .consumer
            .fetch_watermarks(&self.topic, partition, LOG_END)?;
        let offset = |mark: i64| Offset(mark.try_into().unwrap_or_default());
        Ok((offset(low), offset(high)))
    }

    // === writing ===

    /// The membership that the folds belong to. None if the group has gone on without us: then librdkafka has reset it,
    /// and what is left may be taken for no member at all, whose offsets a broker would believe.
    pub(super) fn membership(&self) -> Option<ConsumerGroupMetadata> {
        let membership = self.consumer.group_metadata()?;
        (!self.consumer.assignment_lost()).then_some(membership)
    }

    /// Offsets and a membership that no transaction will commit.
    pub(super) fn probe(&self) -> Option<(TopicPartitionList, ConsumerGroupMetadata)> {
        let mut offsets = TopicPartitionList::new();
        let added = offsets.add_partition_offset(&self.topic, 0, Place::Offset(0));
        added.ok()?;
        Some((offsets, self.consumer.group_metadata()?))
    }

    /// What a transaction commits.
    pub(super) fn offsets(
        &self,
        commits: impl Iterator<Item = (usize, Commit)>,
    ) -> KafkaResult<TopicPartitionList> {
        let mut offsets = TopicPartitionList::new();
        for (partition, commit) in commits {
            let mut element = offsets.add_partition(&self.topic, number(partition));
            element.set_offset(place(commit.offset))?;
            element.set_metadata(commit.metadata());
        }
        Ok(offsets)
    }

    /// Why the machine has stopped, and what to do about it.
    pub(super) fn halted(&self, why: Halt) -> Failure {
        match why {
            Halt::Fenced => writer::fenced(&self.transactional_id),
            Halt::LogTooShort {
                partition,
                end,
                committed,
            } => {
                let Self { topic, group, .. } = self;
                Failure::Final(format!(
                    "partition {partition} of {topic} ends at {end}, but group {group} has read it through {committed}: the \
                     topic was made anew or has lost records; delete the group's offsets (kafka-consumer-groups.sh --group \
                     {group} --topic {topic} --delete-offsets) to count it from its beginning"
                ))
            }
        }
    }
}

/// Whether the consumer reads a partition no more, as the log does not have the place where it stood.
pub(super) fn is_out_of_range(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset)
}

fn number(partition: usize) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn place(offset: Offset) -> Place {
    Place::Offset(offset.0.try_into().unwrap_or(i64::MAX))
}
