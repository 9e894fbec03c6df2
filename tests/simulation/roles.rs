//! The two stages that count: what each reads, folds and writes.

use std::collections::BTreeMap;

use emostream::domain::{
    Arrival, Closing, Commit, LogFold, MergeFold, MergeTiming, Offset, PartitionFold,
    PartitionTiming, Published, Punctuation, Seq, Standing, StreamName,
};

use crate::broker::Broker;
use crate::group::Stage;
use crate::record::{Payload, Place, Topic};

/// How many partitions the topics after the first have.
pub(crate) const NUM_SHARDS: usize = 2;

/// What a run is set to.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timing: PartitionTiming,
    pub(crate) merging: MergeTiming,
    /// Input partitions; may grow.
    pub(crate) num_inputs: usize,
}

pub(crate) trait Role {
    type Fold: LogFold;
    const STAGE: Stage;
    const INPUT: Topic;

    /// A fold that nobody has committed for.
    fn start(settings: &Settings) -> Self::Fold;

    /// None while what the commit belongs to cannot be seen yet.
    fn restore(
        settings: &Settings,
        broker: &Broker,
        partition: usize,
        commit: &Commit,
    ) -> Option<Self::Fold>;

    fn apply(settings: &Settings, fold: &mut Self::Fold, offset: Offset, payload: &Payload);

    fn outputs(
        settings: &Settings,
        partition: usize,
        closing: <Self::Fold as LogFold>::Closing,
        commit: &Commit,
    ) -> Vec<(Place, Payload)>;
}

pub(crate) struct Aggregator;

impl Role for Aggregator {
    type Fold = PartitionFold;
    const STAGE: Stage = Stage::Aggregator;
    const INPUT: Topic = Topic::Input;

    fn start(settings: &Settings) -> PartitionFold {
        PartitionFold::start(settings.timing, Seq(0))
    }

    fn restore(
        settings: &Settings,
        _: &Broker,
        _: usize,
        commit: &Commit,
    ) -> Option<PartitionFold> {
        Some(PartitionFold::restore(settings.timing, commit))
    }

    fn apply(_: &Settings, fold: &mut PartitionFold, offset: Offset, payload: &Payload) {
        match payload {
            Payload::Reaction(sent) => {
                let arrival = Arrival {
                    at: sent.at,
                    stream: &sent.stream,
                    emoji: sent.emoji,
                    count: sent.count,
                    event_id: sent.event_id.as_ref(),
                };
                fold.apply(offset, arrival);
            }
            _ => fold.skip(offset),
        }
    }

    fn outputs(
        settings: &Settings,
        partition: usize,
        closing: Closing,
        _: &Commit,
    ) -> Vec<(Place, Payload)> {
        let partials = closing.partials.into_iter().map(|partial| {
            let place = (Topic::Partials, shard_of(&partial.stream));
            let input = partition;
            (place, Payload::Partial { input, partial })
        });
        let word = Punctuation {
            partition,
            of: settings.num_inputs,
            closed_through: closing.closed_through,
            idle: closing.idle,
        };
        let words = (0..NUM_SHARDS).map(|shard| ((Topic::Partials, shard), Payload::Word(word)));
        partials.chain(words).collect()
    }
}

pub(crate) struct Merger;

impl Role for Merger {
    type Fold = MergeFold;
    const STAGE: Stage = Stage::Merger;
    const INPUT: Topic = Topic::Partials;

    fn start(settings: &Settings) -> MergeFold {
        MergeFold::start(settings.merging, Seq(0))
    }

    fn restore(
        settings: &Settings,
        broker: &Broker,
        partition: usize,
        commit: &Commit,
    ) -> Option<MergeFold> {
        let mut standings: BTreeMap<StreamName, Standing> = BTreeMap::new();
        let mut stamp = None;
        for (_, payload) in broker.visible((Topic::Totals, partition)) {
            match payload {
                Payload::Standing(standing) => {
                    standings.insert(standing.stream.clone(), standing.clone());
                }
                Payload::Stamp(commit) => stamp = Some(commit),
                _ => {}
            }
        }
        let is_of_this_commit = stamp == Some(commit);
        is_of_this_commit
            .then(|| MergeFold::restore(settings.merging, commit, standings.into_values()))
    }

    fn apply(settings: &Settings, fold: &mut MergeFold, offset: Offset, payload: &Payload) {
        let grid = settings.merging.window;
        match payload {
            Payload::Partial { partial, .. } => {
                fold.apply(offset, grid, partial.clone());
            }
            Payload::Word(word) => fold.hear(offset, grid, *word),
            _ => fold.skip(offset),
        }
    }

    fn outputs(
        _: &Settings,
        partition: usize,
        published: Published,
        commit: &Commit,
    ) -> Vec<(Place, Payload)> {
        let windows = published.windows.into_iter();
        let windows =
            windows.map(|window| ((Topic::Aggregated, partition), Payload::Window(window)));
        let totals = published.standings.into_iter().map(Payload::Standing);
        let totals = totals.chain([Payload::Stamp(*commit)]);
        windows
            .chain(totals.map(|total| ((Topic::Totals, partition), total)))
            .collect()
    }
}

fn shard_of(stream: &StreamName) -> usize {
    usize::from(stream.as_str().as_bytes()[0]) % NUM_SHARDS
}
