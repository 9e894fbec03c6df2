//! Stage: counts each partition of `emoji_topic` and writes partials, one transaction per closing.
//!
//! A partition that nobody has committed for is counted from its oldest record, whatever its time: windows are named by
//! the log's time, so old records make old windows, and none is skipped.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;

use super::record::partial::{PartialRecord, Word};
use super::record::{Poison, reaction};
use super::thread::Work;
use super::transaction::{Commits, Consumer, Counting, Member, Output, Record, Unrestored, count};
use crate::actors::streams::Streams;
use crate::domain::{
    Arrival, Closing, Commit, Offset, PartitionFold, PartitionTiming, Punctuation, Seq, StreamName,
    WindowSize,
};

/// How far the brokers' clocks may be behind ours.
const SILENCE_MARGIN: Duration = Duration::from_millis(250);

/// How long the brokers may take to say how many partitions there are.
const PARTITIONS: Duration = Duration::from_secs(2);

/// When windows of input partitions close. `lateness` is how far append times may go back: leaders have clocks of their
/// own.
pub fn timing(window: WindowSize, lateness: Duration, idle_after: Duration) -> PartitionTiming {
    PartitionTiming {
        window,
        lateness,
        silence_margin: SILENCE_MARGIN,
        idle_after,
    }
}

/// What the stage needs.
#[derive(Debug, Clone)]
pub struct AggregateSetup {
    /// Who counts.
    pub member: Member,
    /// The topic of reactions.
    pub reactions: String,
    /// The topic of partials.
    pub partials: String,
    /// When windows close.
    pub timing: PartitionTiming,
    /// Which streams there are.
    pub streams: Arc<Streams>,
}

impl AggregateSetup {
    /// One life of the stage.
    pub fn work(&self) -> Work {
        let setup = self.clone();
        Box::new(move |stop| count(&setup.member, Aggregate::new(&setup), stop))
    }
}

/// Counts one topic.
struct Aggregate {
    reactions: String,
    partials: String,
    timing: PartitionTiming,
    streams: Arc<Streams>,
    /// The stream of the last record: most often that of the next.
    open: Option<StreamName>,
    num_inputs: usize,
    num_partials: usize,
}

impl Aggregate {
    fn new(setup: &AggregateSetup) -> Self {
        Self {
            reactions: setup.reactions.clone(),
            partials: setup.partials.clone(),
            timing: setup.timing,
            streams: setup.streams.clone(),
            open: None,
            num_inputs: 0,
            num_partials: 0,
        }
    }

    fn open(&mut self, stream: &StreamName) -> Result<(), &'static str> {
        if self.open.as_ref() == Some(stream) {
            return Ok(());
        }
        let opened = self.streams.open(stream);
        opened.map_err(|_| "too_many_streams")?;
        self.open = Some(stream.clone());
        Ok(())
    }
}

/// How many partitions a topic has.
pub(super) fn num_partitions(consumer: &Consumer, topic: &str) -> Result<usize, Unrestored> {
    let metadata = consumer.fetch_metadata(Some(topic), PARTITIONS);
    let metadata = metadata.map_err(Unrestored::not_now)?;
    let topics = metadata.topics().iter();
    let mut num = topics.map(|topic| topic.partitions().len());
    match num.next() {
        Some(num) if num > 0 => Ok(num),
        _ => Err(Unrestored::not_now(format!("{topic} is not there"))),
    }
}

impl Counting for Aggregate {
    type Fold = PartitionFold;

    const ROLE: &'static str = "reactions";

    fn topic(&self) -> &str {
        &self.reactions
    }

    fn look(&mut self, consumer: &Consumer) -> Result<(), Unrestored> {
        self.num_inputs = num_partitions(consumer, &self.reactions)?;
        self.num_partials = num_partitions(consumer, &self.partials)?;
        Ok(())
    }

    fn restore(&mut self, commits: &Commits) -> Result<Vec<(usize, PartitionFold)>, Unrestored> {
        let folds = commits.iter().map(|(&partition, commit)| {
            let fold = match commit {
                Some(commit) => PartitionFold::restore(self.timing, commit),
                None => PartitionFold::start(self.timing, Seq(0)),
            };
            (partition, fold)
        });
        Ok(folds.collect())
    }

    fn take(&mut self, fold: &mut PartitionFold, record: Record<'_>) -> Result<(), &'static str> {
        let reaction = reaction::counted(record.value).map_err(Poison::as_str)?;
        let stream = reaction.stream(self.open.as_ref());
        let stream = stream.map_err(Poison::as_str)?;
        self.open(&stream)?;
        let arrival = Arrival {
            at: record.at,
            stream: &stream,
            emoji: reaction.emoji,
            count: reaction.count,
            event_id: reaction.event_id.as_ref(),
        };
        fold.apply(record.offset, arrival);
        Ok(())
    }

    fn skip(fold: &mut PartitionFold, offset: Offset) {
        fold.skip(offset);
    }

    /// In every partition the partials stand before the word that closes them: one producer writes them in this order.
    fn outputs(&self, partition: usize, closing: &Closing, _: &Commit) -> Vec<Output> {
        // A record without a place among its peers would be poison; a partition may be younger than the last look.
        let of = self.num_inputs.max(partition + 1);
        let record = |word| PartialRecord {
            grid: self.timing.window,
            word,
        };
        let partials = closing.partials.iter().map(|partial| Output {
            topic: self.partials.clone(),
            partition: None,
            key: Some(partial.stream.as_str().to_owned()),
            value: record(Word::Counted {
                partition,
                of,
                partial: partial.clone(),
            })
            .encode(),
        });
        let closed = record(Word::Closed(Punctuation {
            partition,
            of,
            closed_through: closing.closed_through,
            idle: closing.idle,
        }));
        let closed = closed.encode();
        let words = (0..self.num_partials).map(|to| Output {
            topic: self.partials.clone(),
            partition: i32::try_from(to).ok(),
            key: None,
            value: closed.clone(),
        });
        partials.chain(words).collect()
    }

    /// A reaction is counted when its window is published.
    fn settled(&self, _: &Closing) {}
}
