//! Reads where streams stand from `emoji_topic_totals`, for a merger that goes on, and for a session node that starts.
//!
//! A transaction becomes visible partition by partition: the commit that a merger goes on from may be seen before the
//! totals that were written with it. So the end to read to is asked for after the commit was read, and of a reader who
//! also sees what is not committed yet: all that the commit stands for lies before it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset as Place, TopicPartitionList};
use tokio::time::Instant;

use super::client::{ClientsConfig, Use};
use super::context::{Assigning, StageContext};
use super::health::Health;
use super::record::totals::{Standings, TotalRecord};
use super::transaction::{Consumer, Unrestored};
use crate::domain::WindowSize;
use crate::telemetry::kafka::PoisonPassed;

/// How long a partition's leader may take to say where its log ends.
const LOG_END: Duration = Duration::from_secs(2);

/// How long one try reads; the group has to hear of us in between.
const SLICE: Duration = Duration::from_secs(5);

/// How long a poll waits for a record.
const POLL: Duration = Duration::from_millis(20);

/// How many records are taken between two looks at where we are.
const STRIDE: u64 = 1_000;

/// A reading of some partitions from their beginning to their end.
pub(super) struct Reading {
    consumer: Consumer,
    window: WindowSize,
    health: Arc<Health>,
    /// Where each partition ends that is not read yet.
    ends: BTreeMap<i32, i64>,
    standings: BTreeMap<usize, Standings>,
}

impl Reading {
    /// Asks where the partitions end; what is committed by now is found before.
    pub(super) fn begin(
        clients: &ClientsConfig,
        health: &Arc<Health>,
        (topic, window): (&str, WindowSize),
        partitions: impl Iterator<Item = usize>,
    ) -> Result<Self, Unrestored> {
        let context = || StageContext::new(health.clone(), Assigning::ByStage);
        let mut settings = clients.client(Use::Watching);
        // What this reads is no lag of the stage.
        settings.set("statistics.interval.ms", "0");
        let consumer: Consumer = settings
            .create_with_context(context())
            .map_err(Unrestored::not_now)?;
        settings.set("isolation.level", "read_uncommitted");
        let surveyor: Consumer = settings
            .create_with_context(context())
            .map_err(Unrestored::not_now)?;
        let (mut ends, mut standings) = (BTreeMap::new(), BTreeMap::new());
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            standings.insert(partition, Standings::default());
            let number = i32::try_from(partition).unwrap_or(i32::MAX);
            let marks = surveyor.fetch_watermarks(topic, number, LOG_END);
            let (low, high) = marks.map_err(Unrestored::not_now)?;
            if low < high {
                ends.insert(number, high);
                list.add_partition_offset(topic, number, Place::Beginning)
                    .map_err(Unrestored::not_now)?;
            }
        }
        consumer.assign(&list).map_err(Unrestored::not_now)?;
        Ok(Self {
            consumer,
            window,
            health: health.clone(),
            ends,
            standings,
        })
    }

    /// Reads on for a while. True once everything is read.
    pub(super) fn read(&mut self) -> Result<bool, Unrestored> {
        self.read_for(SLICE)
    }

    /// Reads on for so long at most. True once everything is read.
    pub(super) fn read_for(&mut self, slice: Duration) -> Result<bool, Unrestored> {
        let deadline = Instant::now() + slice;
        let mut num_read = 0_u64;
        while !self.ends.is_empty() && Instant::now() < deadline {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    num_read += 1;
                    apply(&mut self.standings, self.window, &self.health, &message);
                    if !num_read.is_multiple_of(STRIDE) {
                        continue;
                    }
                }
                Some(Err(error)) => return Err(Unrestored::not_now(error)),
                None => {}
            }
            self.forget_read()?;
        }
        Ok(self.ends.is_empty())
    }

    /// Where all streams of each partition stand.
    pub(super) fn into_standings(self) -> BTreeMap<usize, Standings> {
        self.standings
    }

    fn forget_read(&mut self) -> Result<(), Unrestored> {
        let positions = self.consumer.position().map_err(Unrestored::not_now)?;
        for element in positions.elements() {
            let partition = element.partition();
            let end = self.ends.get(&partition);
            if let (Place::Offset(position), Some(&end)) = (element.offset(), end)
                && position >= end
            {
                self.ends.remove(&partition);
            }
        }
        Ok(())
    }
}

fn apply(
    standings: &mut BTreeMap<usize, Standings>,
    window: WindowSize,
    health: &Health,
    message: &BorrowedMessage<'_>,
) {
    let partition = usize::try_from(message.partition()).ok();
    let Some(standings) = partition.and_then(|partition| standings.get_mut(&partition)) else {
        return;
    };
    match TotalRecord::decode(message.payload().unwrap_or_default(), window) {
        Ok(record) => standings.apply(record),
        Err(poison) => PoisonPassed {
            role: "totals",
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            reason: poison.as_str(),
        }
        .emit(health.metrics()),
    }
}
