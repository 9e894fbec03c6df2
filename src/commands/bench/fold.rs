//! `bench windows` without Kafka: what an embedded aggregator does with reactions, on one thread of this process.
//!
//! Batches are what Ingest hands on, of the size and as often as its settings say, owned and freed by whoever counts
//! them. They were written right before, as a worker does, so they lie in the cache that the cores share. Only counting is
//! timed, by the CPU time of the thread, and closing the windows that end on the way.
//!
//! The limit is a loop over the same batches that adds each count to a place of a plain array: no windows, no streams,
//! nothing to free. It is what reading the reactions from memory costs, and no counting could do with less.

use std::hint::black_box;
use std::time::Duration;

use super::args::WindowsArgs;
use super::crowd::Crowd;
use super::failure::Failure;
use super::process;
use super::report::{Ledger, Report, Wanted, median};
use crate::domain::{Countable, Emoji, EpochMs, StreamName, Tally, TumblingWindows, WindowSize};

/// Emojis of the one stream.
const NUM_EMOJIS: usize = 20;

/// Reactions of a batch: the setting `ingest.max_batch`.
const BATCH: usize = 20_000;

/// Batches that are made and then counted, in turn.
const NUM_BATCHES: usize = 10;

/// Between two batches, in milliseconds: the setting `ingest.flush_interval`.
const STEP_MS: u64 = 10;

/// The size of windows.
const WINDOW: Duration = Duration::from_secs(2);

/// When the first batch comes: 2026-06-11 20:00 UTC.
const KICK_OFF: EpochMs = EpochMs(1_781_208_000_000);

/// The figure to reach, in reactions per CPU-second.
const WANTED: f64 = 50e6;

pub(super) fn measure(args: &WindowsArgs) -> Result<Report, Failure> {
    let size = WindowSize::try_new(WINDOW).map_err(anyhow::Error::from)?;
    let load = Load::new(args.records);
    let runs: Vec<Run> = (0..args.runs).map(|_| load.run(size)).collect();
    Ok(report(&load, &runs))
}

/// The same reactions, made again and again.
struct Load {
    batches: Vec<Vec<Countable>>,
    /// What all batches hold together.
    tally: Tally,
    num_rounds: u64,
}

/// How one run fared.
struct Run {
    counted: Tally,
    /// CPU time of counting.
    fold: Duration,
    /// CPU time of the bare loop.
    bare: Duration,
}

impl Load {
    /// As many whole rounds as it takes for at least so many reactions.
    fn new(records: u64) -> Self {
        let mut crowd = Crowd::with_emojis(NUM_EMOJIS);
        let stream = StreamName::main();
        let mut batch = || -> Vec<Countable> {
            let reactions = (0..BATCH).map(|_| Countable {
                stream: stream.clone(),
                emoji: crowd.next_emoji(),
                count: 1,
                event_id: None,
            });
            reactions.collect()
        };
        let batches = (0..NUM_BATCHES).map(|_| batch()).collect();
        Self {
            batches,
            num_rounds: records.div_ceil(crowd.made.total()),
            tally: crowd.made,
        }
    }

    fn num_reactions(&self) -> u64 {
        self.num_rounds * self.tally.total()
    }

    fn run(&self, size: WindowSize) -> Run {
        let mut windows = TumblingWindows::new(size, size.seq_at(KICK_OFF).prev());
        let mut places = vec![0_u64; Emoji::all().count()];
        let mut now = KICK_OFF;
        let mut run = Run {
            counted: Tally::new(),
            fold: Duration::ZERO,
            bare: Duration::ZERO,
        };
        for _ in 0..self.num_rounds {
            let batches = self.batches.clone();
            run.bare += cpu_of(|| add_up(&batches, &mut places));
            run.fold += cpu_of(|| {
                for batch in batches {
                    count(&mut windows, now, batch);
                    now.0 += STEP_MS;
                    if size.start(size.seq_at(now)) == now {
                        run.counted.merge(&closed(&mut windows, now));
                    }
                }
            });
        }
        let end = size.end(size.seq_at(now));
        run.counted.merge(&closed(&mut windows, end));
        black_box(places);
        run
    }
}

/// What the aggregator does when a batch arrives.
fn count(windows: &mut TumblingWindows, now: EpochMs, batch: Vec<Countable>) {
    for reaction in batch {
        windows.add(
            now,
            &reaction.stream,
            reaction.emoji,
            reaction.count,
            reaction.event_id.as_ref(),
        );
    }
}

fn closed(windows: &mut TumblingWindows, now: EpochMs) -> Tally {
    let partials = windows.close_through(now);
    partials.iter().fold(Tally::new(), |mut sum, partial| {
        sum.merge(&partial.tally);
        sum
    })
}

/// The bare loop.
fn add_up(batches: &[Vec<Countable>], places: &mut [u64]) {
    for reaction in batches.iter().flatten() {
        places[reaction.emoji.index()] += u64::from(reaction.count);
    }
}

fn cpu_of(work: impl FnOnce()) -> Duration {
    let before = process::this_thread();
    work();
    process::this_thread().saturating_sub(before)
}

fn report(load: &Load, runs: &[Run]) -> Report {
    let rates = |cpu: fn(&Run) -> Duration| {
        let rate = move |run| load.num_reactions() as f64 / cpu(run).as_secs_f64();
        runs.iter().map(rate)
    };
    let to_limit = runs
        .iter()
        .map(|run| run.bare.as_secs_f64() / run.fold.as_secs_f64());
    Report {
        title: format!(
            "windows of {} reactions in memory, {NUM_EMOJIS} emojis, 1 stream, one thread, median of {}",
            load.num_reactions(),
            runs.len()
        ),
        figures: vec![
            median(
                "reactions_per_cpu_second",
                "reactions per CPU-second",
                rates(|run| run.fold),
                "1/s",
            )
            .wanted(Wanted::AtLeast(WANTED)),
            median(
                "nanoseconds",
                "CPU of one",
                rates(|run| run.fold).map(|rate| 1e9 / rate),
                "ns",
            ),
        ],
        limit: vec![median(
            "reactions_per_cpu_second",
            "read from memory and added to a plain array, per CPU-second",
            rates(|run| run.bare),
            "1/s",
        )],
        peer: Vec::new(),
        ratio: vec![median(
            "to_limit",
            "reactions per CPU-second, to the limit",
            to_limit,
            "",
        )],
        ledger: ledger(load, runs),
        notes: vec![
            "the limit is memory: it knows neither windows nor streams and frees nothing"
                .to_owned(),
        ],
    }
}

fn ledger(load: &Load, runs: &[Run]) -> Ledger {
    let made = load.tally.iter();
    let expected: Tally = made
        .map(|(emoji, count)| (emoji, count * load.num_rounds))
        .collect();
    let wrong = runs.iter().find(|run| run.counted != expected);
    let came_out = wrong.map_or(expected.total(), |run| run.counted.total());
    Ledger {
        put_in: expected.total(),
        unknown: 0,
        came_out,
        agrees_in_detail: wrong.is_none(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn size() -> WindowSize {
        WindowSize::try_new(WINDOW).unwrap()
    }

    #[test]
    fn every_reaction_of_whole_rounds_comes_out_of_the_windows_emoji_by_emoji() {
        let load = Load::new(BATCH as u64 * NUM_BATCHES as u64 + 1);
        assert_eq!((load.num_rounds, load.tally.len()), (2, NUM_EMOJIS));
        let report = report(&load, &[load.run(size())]);
        assert_eq!(report.ledger.put_in, 2 * load.tally.total());
        assert!(report.ledger.adds_up());
    }

    #[test]
    fn a_run_that_has_lost_one_or_mistaken_it_for_another_does_not_add_up() {
        let load = Load::new(1);
        let run = |counted| Run {
            counted,
            fold: Duration::from_secs(1),
            bare: Duration::from_secs(1),
        };
        let (first, rare) = (Emoji::parse("🔥").unwrap(), Emoji::parse("😱").unwrap());
        let all_but_one = load.tally.iter().map(|(emoji, count)| {
            let taken = u64::from(emoji == first);
            (emoji, count - taken)
        });
        let mut counted: Tally = all_but_one.collect();
        assert!(!ledger(&load, &[run(load.tally.clone()), run(counted.clone())]).adds_up());
        counted.add(rare, 1);
        assert!(!ledger(&load, &[run(counted)]).adds_up());
        assert!(ledger(&load, &[run(load.tally.clone())]).adds_up());
    }

    #[test]
    fn the_bare_loop_reads_every_reaction() {
        let load = Load::new(1);
        let mut places = vec![0; Emoji::all().count()];
        add_up(&load.batches, &mut places);
        assert!(
            load.tally
                .iter()
                .all(|(emoji, count)| places[emoji.index()] == count)
        );
    }
}
