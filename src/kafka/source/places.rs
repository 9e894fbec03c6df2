//! Which partitions are read, from where, and whether what was there at first has been read.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;

use crate::domain::{EpochMs, WindowSize};
use crate::kafka::context::{StageContext, TopicPartition};

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Records that are read in any case: of most streams that have been silent for longer than the history goes back a
/// window is found all the same, also where nobody writes totals to a topic.
const DEPTH: i64 = 2_000;
/// Clocks of brokers and nodes differ, and a window is written after its end.
const MARGIN: Duration = Duration::from_secs(10);

/// The partitions that are read.
#[derive(Debug)]
pub(super) struct Places {
    back: Duration,
    read: HashSet<TopicPartition>,
    /// The last offset that was there when reading began, where it is still to come.
    behind: HashMap<TopicPartition, i64>,
}

impl Places {
    /// Nothing is read yet; what will be is read from `retention` back.
    pub(super) fn new(window: WindowSize, retention: Duration) -> Self {
        Self {
            back: retention + Duration::from_millis(window.as_ms()) * 2 + MARGIN,
            read: HashSet::new(),
            behind: HashMap::new(),
        }
    }

    /// Reads these partitions from now on. Those that were read already keep their places.
    ///
    /// # Errors
    ///
    /// The brokers do not say where to begin; nothing was changed then.
    pub(super) fn change(
        &mut self,
        consumer: &BaseConsumer<StageContext>,
        wanted: &[TopicPartition],
        now: EpochMs,
    ) -> KafkaResult<()> {
        let new: Vec<_> = wanted
            .iter()
            .filter(|place| !self.read.contains(*place))
            .collect();
        if !new.is_empty() {
            let mut ends = HashMap::new();
            let mut starts = self.starts(consumer, &new, now)?;
            bound(consumer, &mut starts, &mut ends)?;
            consumer.incremental_assign(&starts)?;
            self.read.extend(new.into_iter().cloned());
            self.behind.extend(ends);
        }
        let is_gone = |place: &&TopicPartition| !wanted.contains(place);
        let gone: Vec<TopicPartition> = self.read.iter().filter(is_gone).cloned().collect();
        if !gone.is_empty() {
            let mut list = TopicPartitionList::new();
            for (topic, partition) in &gone {
                list.add_partition(topic, *partition);
            }
            consumer.incremental_unassign(&list)?;
            for place in &gone {
                self.read.remove(place);
                self.behind.remove(place);
            }
        }
        Ok(())
    }

    /// A record of a partition has come.
    pub(super) fn pass(&mut self, topic: &str, partition: i32, offset: i64) {
        if self.behind.is_empty() {
            return;
        }
        let place = (topic.to_owned(), partition);
        if self.behind.get(&place).is_some_and(|&last| offset >= last) {
            self.behind.remove(&place);
        }
    }

    /// Whether all that was there at first has been read. Marks of transactions may be the last that there is: no record
    /// tells that they are passed, but the consumer's position does.
    pub(super) fn are_caught_up(&mut self, consumer: &BaseConsumer<StageContext>) -> bool {
        if self.behind.is_empty() {
            return true;
        }
        let Ok(positions) = consumer.position() else {
            return false;
        };
        for position in positions.elements() {
            if let rdkafka::Offset::Offset(next) = position.offset() {
                self.pass(position.topic(), position.partition(), next - 1);
            }
        }
        self.behind.is_empty()
    }

    fn starts(
        &self,
        consumer: &BaseConsumer<StageContext>,
        new: &[&TopicPartition],
        now: EpochMs,
    ) -> KafkaResult<TopicPartitionList> {
        let back = u64::try_from(self.back.as_millis()).unwrap_or(u64::MAX);
        let from = i64::try_from(now.0.saturating_sub(back)).unwrap_or(i64::MAX);
        let mut times = TopicPartitionList::new();
        for (topic, partition) in new {
            times.add_partition_offset(topic, *partition, rdkafka::Offset::Offset(from))?;
        }
        consumer.offsets_for_times(times, ANSWER)
    }
}

/// Puts a place into each partition, and the last offset there into `ends`.
fn bound(
    consumer: &BaseConsumer<StageContext>,
    starts: &mut TopicPartitionList,
    ends: &mut HashMap<TopicPartition, i64>,
) -> KafkaResult<()> {
    let mut bounded = TopicPartitionList::new();
    for start in starts.elements() {
        start.error()?;
        let (topic, partition) = (start.topic(), start.partition());
        let (low, high) = consumer.fetch_watermarks(topic, partition, ANSWER)?;
        let by_time = match start.offset() {
            rdkafka::Offset::Offset(offset) => offset,
            // Everything is older.
            _ => high,
        };
        let offset = by_time.min(high - DEPTH).max(low);
        bounded.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset))?;
        if offset < high {
            ends.insert((topic.to_owned(), partition), high - 1);
        }
    }
    *starts = bounded;
    Ok(())
}
