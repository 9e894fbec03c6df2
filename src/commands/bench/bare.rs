//! The limit for counting: a bare consumer of the same client library that reads the same records and does nothing.

use std::time::Duration;

use anyhow::anyhow;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::failure::Failure;
use super::ground::Ground;
use super::process;
use crate::kafka::client::Use;

/// The longest silence while there is something to read.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it took to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// How many records.
    pub(super) records: u64,
    /// From the first to the last.
    pub(super) time: Duration,
    /// CPU time in between.
    pub(super) cpu: Duration,
}

impl Effort {
    /// None if it was over before it was looked at.
    pub(super) fn per_second(&self) -> Option<f64> {
        (self.records > 0).then(|| self.records as f64 / self.time.as_secs_f64())
    }

    /// None if the clock of CPU time is too coarse to tell.
    pub(super) fn per_cpu_second(&self) -> Option<f64> {
        (self.records > 0 && !self.cpu.is_zero())
            .then(|| self.records as f64 / self.cpu.as_secs_f64())
    }
}

/// A consumer of all partitions of a topic from their beginning, with the settings of the stage that counts.
pub(super) fn reader(ground: &Ground, topic: &str) -> Result<BaseConsumer, Failure> {
    let group = ground.clients.identity.group("reader");
    let mut settings = ground.clients.client(Use::Counting {
        group: &group,
        instance: &group,
    });
    settings.set_log_level(RDKafkaLogLevel::Emerg);
    let consumer: BaseConsumer = settings.create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..i32::from(ground.topics.partitions) {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

/// Reads `num` records and does nothing with them.
pub(super) fn read(ground: &Ground, num: u64) -> Result<Effort, Failure> {
    let consumer = reader(ground, &ground.topics.reactions)?;
    next(&consumer)?;
    let (began, before) = (Instant::now(), process::own());
    for _ in 1..num {
        next(&consumer)?;
    }
    Ok(Effort {
        records: num - 1,
        time: began.elapsed(),
        cpu: process::own() - before,
    })
}

fn next(consumer: &BaseConsumer) -> Result<(), Failure> {
    match consumer.poll(PATIENCE) {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(error.into()),
        None => Err(anyhow!("records that were written cannot be read").into()),
    }
}
