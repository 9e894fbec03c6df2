//! Stage: merges the partials of all input partitions into whole windows with running totals, one transaction per
//! publication.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::aggregate::num_partitions;
use super::record::partial::{PartialRecord, Word};
use super::record::totals::{Standings, TotalRecord};
use super::record::{Poison, window};
use super::standings::Reading;
use super::thread::{Failure, Work};
use super::transaction::{Commits, Consumer, Counting, Member, Output, Record, Unrestored, count};
use crate::actors::streams::{Streams, add};
use crate::domain::{
    Commit, MergeFold, MergeTiming, Offset, PartitionTiming, Published, Scale, Seq, Standing,
    Window,
};
use crate::telemetry::events::{PartitionsLate, WindowPublished};

/// How long an input partition takes at most, once a window can be closed by the clock, until its word is heard.
const WORD: Duration = Duration::from_millis(750);

/// When windows are published: `deadline` after their end at the latest, but not before the partitions that close by
/// the clock have been heard.
pub fn timing(inputs: &PartitionTiming, deadline: Duration, idle_windows: u64) -> MergeTiming {
    let grace = inputs.lateness + inputs.silence_margin + WORD;
    MergeTiming {
        window: inputs.window,
        grace,
        deadline: deadline.max(grace + WORD),
        idle_after: idle_windows,
    }
}

/// What the stage needs.
#[derive(Debug, Clone)]
pub struct MergeSetup {
    /// Who counts.
    pub member: Member,
    /// The topic of partials.
    pub partials: String,
    /// The topic of whole windows.
    pub aggregated: String,
    /// The topic of running totals.
    pub totals: String,
    /// When windows are published.
    pub timing: MergeTiming,
    /// How `final_count` is made.
    pub scale: Scale,
    /// The ledger.
    pub streams: Arc<Streams>,
}

impl MergeSetup {
    /// One life of the stage.
    pub fn work(&self) -> Work {
        let setup = self.clone();
        Box::new(move |stop| {
            let member = setup.member.clone();
            let merge = Merge {
                setup,
                reading: None,
            };
            count(&member, merge, stop)
        })
    }
}

struct Merge {
    setup: MergeSetup,
    /// A reading of the totals that has not come to its end, and the commits that it is for.
    reading: Option<(Commits, Reading)>,
}

impl Merge {
    fn standings(&mut self, commits: &Commits) -> Result<BTreeMap<usize, Standings>, Unrestored> {
        let MergeSetup {
            member,
            totals,
            timing,
            ..
        } = &self.setup;
        let begun = self.reading.take();
        let mut reading = match begun.filter(|(of, _)| of == commits) {
            Some((_, reading)) => reading,
            None => {
                let source = (totals.as_str(), timing.window);
                let partitions = commits.keys().copied();
                Reading::begin(&member.clients, &member.health, source, partitions)?
            }
        };
        if reading.read()? {
            return Ok(reading.into_standings());
        }
        self.reading = Some((commits.clone(), reading));
        Err(Unrestored::not_now(format!("{totals} is not read yet")))
    }

    fn fold(
        &self,
        partition: usize,
        commit: Option<&Commit>,
        standings: Standings,
    ) -> Result<MergeFold, Unrestored> {
        let MergeSetup { timing, totals, .. } = &self.setup;
        let position = standings.position();
        self.tell_incomplete(partition, &standings);
        let standings: Vec<Standing> = standings.into_standings().collect();
        let newest = standings.iter().map(|standing| standing.seq).max();
        match (commit, newest) {
            (None, None) => Ok(MergeFold::start(*timing, Seq(0))),
            (Some(commit), _) if position > commit.position => {
                Err(Unrestored::Hopeless(Failure::Passing(format!(
                    "partition {partition} of {totals} stands at {position}, and its group's commit at {}",
                    commit.position
                ))))
            }
            (Some(commit), _) => {
                if standings.is_empty() {
                    tracing::warn!(topic = totals, partition, "no totals yet, or none any more");
                }
                Ok(MergeFold::restore(*timing, commit, standings))
            }
            // A broker forgets the offsets of a group that was away for long. What was published is in the totals.
            (None, Some(newest)) => {
                tracing::warn!(
                    topic = totals,
                    partition,
                    "no commit, going on from the totals"
                );
                let commit = Commit {
                    offset: Offset(0),
                    closed_through: timing.window.end(newest),
                    position,
                    carried: 0,
                };
                Ok(MergeFold::restore(*timing, &commit, standings))
            }
        }
    }

    /// Windows stay exact without the totals, so they go on; but nobody is to learn of it from the figures.
    fn tell_incomplete(&self, partition: usize, standings: &Standings) {
        let poison = &self.setup.member.health.metrics().kafka.poison;
        for stream in standings.incomplete() {
            poison.with_label_values(&["totals", "incomplete"]).inc();
            tracing::error!(
                topic = self.setup.totals,
                partition,
                %stream,
                "totals are missing, running totals go on without them"
            );
        }
    }

    fn enter_in_ledger(&self, window: &Window) {
        self.setup.streams.with_row(Some(&window.stream), |row| {
            add(&row.counted, window.tally.total());
            add(&row.late_carried, window.late);
            add(&row.deduplicated, window.deduplicated);
        });
    }
}

impl Counting for Merge {
    type Fold = MergeFold;

    const ROLE: &'static str = "partials";

    fn topic(&self) -> &str {
        &self.setup.partials
    }

    fn look(&mut self, consumer: &Consumer) -> Result<(), Unrestored> {
        let MergeSetup {
            partials, totals, ..
        } = &self.setup;
        let num_partials = num_partitions(consumer, partials)?;
        let num_totals = num_partitions(consumer, totals)?;
        if num_totals < num_partials {
            return Err(Unrestored::Hopeless(Failure::Final(format!(
                "{totals} has {num_totals} partitions and {partials} has {num_partials}: add partitions to {totals}, it needs \
                 one for each"
            ))));
        }
        Ok(())
    }

    fn restore(&mut self, commits: &Commits) -> Result<Vec<(usize, MergeFold)>, Unrestored> {
        let mut standings = self.standings(commits)?;
        let folds = commits.iter().map(|(&partition, commit)| {
            let standings = standings.remove(&partition).unwrap_or_default();
            let fold = self.fold(partition, commit.as_ref(), standings)?;
            Ok((partition, fold))
        });
        folds.collect()
    }

    fn take(&mut self, fold: &mut MergeFold, record: Record<'_>) -> Result<(), &'static str> {
        let given = PartialRecord::decode(record.value).map_err(Poison::as_str)?;
        match given.word {
            Word::Counted { partial, .. } => {
                // It was let in where it was counted; here it only has to have a row, and there is one for all others.
                let _ = self.setup.streams.open(&partial.stream);
                fold.apply(record.offset, given.grid, partial);
            }
            Word::Closed(word) => fold.hear(record.offset, given.grid, word),
        }
        Ok(())
    }

    fn skip(fold: &mut MergeFold, offset: Offset) {
        fold.skip(offset);
    }

    fn outputs(&self, partition: usize, published: &Published, commit: &Commit) -> Vec<Output> {
        let MergeSetup {
            aggregated,
            totals,
            timing,
            scale,
            ..
        } = &self.setup;
        let windows = published.windows.iter().flat_map(|window| {
            let values = window::encode(window, timing.window, *scale);
            values.into_iter().map(|value| Output {
                topic: aggregated.clone(),
                partition: None,
                key: Some(window.stream.as_str().to_owned()),
                value,
            })
        });
        let standings = published.standings.iter();
        let standings = standings.flat_map(|standing| {
            let records = TotalRecord::of(standing, &published.windows, commit.position);
            records.into_iter().map(|record| Output {
                topic: totals.clone(),
                partition: i32::try_from(partition).ok(),
                key: Some(record.key()),
                value: record.encode(timing.window),
            })
        });
        windows.chain(standings).collect()
    }

    fn settled(&self, published: &Published) {
        let member = &self.setup.member;
        let (now, metrics) = (member.clock.now(), member.health.metrics());
        if !published.missing.is_empty() {
            let partitions = &published.missing;
            PartitionsLate { partitions }.emit(metrics);
        }
        for window in &published.windows {
            self.enter_in_ledger(window);
            let end = self.setup.timing.window.end(window.seq);
            WindowPublished {
                stream: &window.stream,
                seq: window.seq,
                total: window.tally.total(),
                delay: Duration::from_millis(now.0.saturating_sub(end.0)),
            }
            .emit(metrics);
        }
    }
}
