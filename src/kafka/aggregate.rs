//! Stage: counts each partition of `emoji_topic` and writes partials, one transaction per closing.
//!
//! A partition that nobody has committed for is counted from its oldest record, whatever its time: windows are named by
//! the log's time, so old records make old windows, and none is skipped.

use std::collections::HashSet;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;

use super::record::partial::{PartialRecord, Word};
use super::record::{Poison, reaction};
use super::thread::Work;
use super::transaction::{Commits, Consumer, Counting, Member, Output, Record, Unrestored, count};
use crate::domain::{
    Arrival, Closing, Commit, EpochMs, Offset, PartitionFold, PartitionTiming, Punctuation, Seq,
    StreamName, WindowSize,
};

/// How far the brokers' clocks may be behind ours.
const SILENCE_MARGIN: Duration = Duration::from_millis(250);

/// How far a producer's own time may be ahead of the clock, in milliseconds. It may be anything, and one such record would
/// close every window up to it, for good. A broker's stamp is the time of the log, whatever the clock here says.
const AHEAD_MS: u64 = 60_000;

/// How many streams are counted at most: the largest value of `streams.max`. The node's own value is its doors' affair, and
/// its directory may be full of streams that others let in.
const MAX_STREAMS: usize = 100_000;

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
    /// Those that were counted. A door that let a reaction in had room for its stream, so each one it can have has room
    /// here; the bound is for what others write.
    streams: HashSet<StreamName>,
    /// The stream of the last record: most often that of the next.
    open: Option<StreamName>,
    /// Records from this time on are ahead.
    horizon: EpochMs,
    num_inputs: usize,
    num_partials: usize,
}

impl Aggregate {
    fn new(setup: &AggregateSetup) -> Self {
        Self {
            reactions: setup.reactions.clone(),
            partials: setup.partials.clone(),
            timing: setup.timing,
            streams: HashSet::new(),
            open: None,
            horizon: horizon(setup.member.clock.now()),
            num_inputs: 0,
            num_partials: 0,
        }
    }

    fn open(&mut self, stream: &StreamName) -> Result<(), &'static str> {
        if self.open.as_ref() == Some(stream) {
            return Ok(());
        }
        if !self.streams.contains(stream) {
            if self.streams.len() >= MAX_STREAMS {
                return Err("too_many_streams");
            }
            self.streams.insert(stream.clone());
        }
        self.open = Some(stream.clone());
        Ok(())
    }
}

fn horizon(now: EpochMs) -> EpochMs {
    EpochMs(now.0.saturating_add(AHEAD_MS))
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

    fn begin(&mut self, now: EpochMs) {
        self.horizon = horizon(now);
    }

    /// A record that is ahead was never counted. So it may be counted when it is read again later: as any other record, in
    /// its own window if that is open still. And what was counted is not ahead later, or elsewhere: a clock that runs behind
    /// could at worst pass by what no commit has decided.
    fn take(&mut self, fold: &mut PartitionFold, record: Record<'_>) -> Result<(), &'static str> {
        if !record.is_stamped && record.at >= self.horizon {
            return Err("ahead");
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::actors::clock::Clock;
    use crate::kafka::client::ClientsConfig;
    use crate::kafka::health::Health;
    use crate::telemetry::Metrics;
    use crate::testkit::stream;

    const NOW: EpochMs = EpochMs(1_000_000);

    fn stage() -> Aggregate {
        let metrics = Arc::new(Metrics::new().unwrap());
        let window = WindowSize::try_new(Duration::from_secs(2)).unwrap();
        Aggregate::new(&AggregateSetup {
            member: Member {
                clients: ClientsConfig::default(),
                group: "agg".to_owned(),
                transactional_id: "agg-0".to_owned(),
                health: Arc::new(Health::new("stage", metrics)),
                clock: Clock::following_tokio(NOW),
            },
            reactions: "reactions".to_owned(),
            partials: "partials".to_owned(),
            timing: timing(window, Duration::from_millis(500), Duration::from_secs(10)),
        })
    }

    /// What the stage says of a record, and how many reactions are in the open windows then.
    fn taken(
        stage: &mut Aggregate,
        fold: &mut PartitionFold,
        (offset, at, is_stamped): (u64, u64, bool),
    ) -> (Result<(), &'static str>, u64) {
        let value = reaction::encode(&crate::testkit::reaction(), NOW);
        let record = Record {
            offset: Offset(offset),
            at: EpochMs(at),
            is_stamped,
            value: &value,
        };
        let done = stage.take(fold, record);
        (done, fold.open_total())
    }

    #[tokio::test(start_paused = true)]
    async fn a_producers_time_far_ahead_of_the_clock_is_passed_by_and_a_brokers_is_not() {
        let mut stage = stage();
        let mut fold = PartitionFold::start(stage.timing, Seq(0));
        let at = NOW.0 + 60_000;
        let mut taken = |record| taken(&mut stage, &mut fold, record);
        assert_eq!(taken((0, at, false)), (Err("ahead"), 0));
        assert_eq!(taken((0, at - 1, false)), (Ok(()), 1));
        assert_eq!(taken((1, at, true)), (Ok(()), 2));
        stage.begin(EpochMs(NOW.0 + 1));
        assert_eq!(
            self::taken(&mut stage, &mut fold, (2, at, false)),
            (Ok(()), 3)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_streams_are_counted_as_the_largest_setting_lets_in() {
        let mut stage = stage();
        for number in 0..100_000 {
            assert_eq!(stage.open(&stream(&format!("s{number}"))), Ok(()));
        }
        assert_eq!(stage.open(&stream("one_more")), Err("too_many_streams"));
        assert_eq!(stage.open(&stream("s0")), Ok(()));
    }
}
