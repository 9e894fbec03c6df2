//! What the group is told of how far its work is done.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use tokio::time::Instant;

use super::inputs::Inputs;
use crate::kafka::context::{StageContext, TopicPartition};

/// An offset is committed again after that long, as nobody says whether the first time was heard.
const AGAIN: Duration = Duration::from_secs(5);

/// What was committed last.
#[derive(Debug, Default)]
pub(super) struct Commits {
    done: BTreeMap<TopicPartition, i64>,
    /// When it was committed for the first time; none once it was committed again.
    at: Option<Instant>,
}

impl Commits {
    /// Commits how far the inputs are done, if that is news. Everything that came out of them has to be acknowledged.
    pub(super) fn commit(
        &mut self,
        consumer: &BaseConsumer<StageContext>,
        inputs: &Inputs,
        mode: CommitMode,
    ) {
        let done = inputs.done_through();
        let is_news = done != self.done;
        let is_again = self.at.is_some_and(|at| at.elapsed() >= AGAIN);
        if done.is_empty() || !is_news && !is_again {
            return;
        }
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in &done {
            // A list takes every offset that the broker gives out.
            let _ = list.add_partition_offset(topic, *partition, rdkafka::Offset::Offset(*offset));
        }
        if let Err(error) = consumer.commit(&list, mode) {
            tracing::debug!(%error, "not committed");
            return;
        }
        self.at = is_news.then(Instant::now);
        self.done = done;
    }
}
