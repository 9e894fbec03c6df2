//! `latency`: from the end of a window to the last session, while reactions come in, next to the time that a bare loop
//! takes from its word to its last socket.
//!
//! The node closes a window by its clock, to the millisecond; in one process there is no grace for late reactions. What
//! passes until the first session has it is shown by itself.

use std::time::Duration;

use super::audience::Audience;
use super::books::Books;
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, Row, one, over};
use super::seen::Arrival;
use super::sender::Sender;
use super::session::Manner;
use super::site::{Site, settle};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::percentiles::Percentiles;
use crate::commands::bench::report::Wanted;

const WINDOW: &str = "2s";
const WINDOW_TIME: Duration = Duration::from_secs(2);

/// Windows that are timed, and rounds of the bare loop.
const NUM_WINDOWS: usize = 8;

/// Reactions per second.
const REACTIONS: u32 = 5_000;

/// The time to the last session, to that of the bare loop.
const WANTED: Wanted = Wanted::AtMost(1.5);

/// Between two rounds of the bare loop.
const PAUSE: Duration = Duration::from_millis(400);

const PATIENCE: Duration = Duration::from_secs(5);

/// Where the generator waits for less than this share of a window's way to all sessions, it is what takes the time.
const WAITED: f64 = 0.05;

/// Where one send in a hundred is later than this, in milliseconds, the load was not what it should be.
const LATE_MS: f64 = 25.0;

/// How the windows of one run fared.
pub(super) struct Timed {
    /// End to first session, in milliseconds.
    pub(super) first: Percentiles,
    /// End to last session.
    pub(super) last: Percentiles,
    /// The share of the time between them in which the generator waited for the node.
    pub(super) waited: Percentiles,
    /// Windows that reached some sessions only in a merged frame.
    pub(super) missed: usize,
}

impl Timed {
    /// Windows after `from`, of which a whole one has reached that many sessions.
    pub(super) fn of(audience: &Audience, from: u64, sessions: usize) -> Self {
        let windows = audience.seen.windows.range(from + 1..);
        let (whole, missed): (Vec<&Arrival>, Vec<&Arrival>) = windows
            .map(|(_, arrival)| arrival)
            .partition(|arrival| arrival.num_sessions == sessions);
        Self {
            first: Percentiles::of(whole.iter().map(|arrival| arrival.first_ms())),
            last: Percentiles::of(whole.iter().map(|arrival| arrival.last_ms())),
            waited: Percentiles::of(whole.iter().filter_map(|arrival| arrival.waited_share())),
            missed: missed.len(),
        }
    }

    /// What the reader has to bear in mind.
    pub(super) fn notes(&self, of: &str) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(waited) = self.waited.at(0.5).filter(|waited| *waited < WAITED) {
            let busy = 100.0 * (1.0 - waited);
            notes.push(format!("THE GENERATOR WAS THE BOTTLENECK of {of}: it read for {busy:.0} % of the time in which windows went out"));
        }
        if self.missed > 0 {
            notes.push(format!(
                "{of}: {} windows reached some sessions only as part of a merged frame and are not timed",
                self.missed
            ));
        }
        notes
    }
}

struct Run {
    timed: Timed,
    bare: Percentiles,
    spent: Spent,
    answers: Percentiles,
    notes: Vec<String>,
    books: Books,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    Ok(outcome(site.repeat("latency", run)?))
}

fn run(site: &Site) -> Result<Run, Failure> {
    let node = site.node(WINDOW)?;
    let mut audience = site.audience(&node, |_| Manner::Reads)?;
    audience.react(REACTIONS)?;
    let from = warm_up(&mut audience, site.sessions)?;
    let before = Mark::now(node.usage(), &audience);
    audience.run_for(WINDOW_TIME * (NUM_WINDOWS as u32 - 1))?;
    settle(&mut audience, site.sessions, WINDOW_TIME)?;
    let spent = before.until(&Mark::now(node.usage(), &audience));
    let timed = Timed::of(&audience, from, site.sessions);
    let reactions = audience.quieten(PATIENCE)?;
    let books = Books::close(&node, &mut audience, reactions.accepted)?;
    let mut notes = timed.notes("latency");
    notes.extend(spent.warnings("latency"));
    notes.extend(audience.seen.complaints());
    let delay = reactions.delay().at(0.99).unwrap_or_default();
    if delay > LATE_MS {
        notes.push(format!(
            "latency: reactions were sent up to {delay:.0} ms late (p99), the node or the machine was short of CPU"
        ));
    }
    let frame = std::mem::take(&mut audience.seen.sample);
    drop((audience, node));
    let mut sender = Sender::start(site, &frame)?;
    sender.rounds(1, PAUSE)?;
    Ok(Run {
        timed,
        bare: Percentiles::of(sender.rounds(NUM_WINDOWS, PAUSE)?),
        spent,
        answers: reactions.latency(),
        notes,
        books,
    })
}

/// Lets the first windows with reactions pass. Ends between two windows, and tells the number of the last one.
pub(super) fn warm_up(audience: &mut Audience, sessions: usize) -> Result<u64, Failure> {
    settle(audience, sessions, WINDOW_TIME)?;
    settle(audience, sessions, WINDOW_TIME)?;
    let newest = audience.seen.newest().map(|newest| newest.window.seq);
    Ok(newest.unwrap_or_default())
}

const FIGURES: &[Row<Run>] = &[
    ("last_p50", "window end to last session, p50", "ms", |run| {
        run.timed.last.at(0.5)
    }),
    ("last_p99", "p99", "ms", |run| run.timed.last.at(0.99)),
    (
        "first_p50",
        "of it until the first session, p50",
        "ms",
        |run| run.timed.first.at(0.5),
    ),
    ("first_p99", "p99", "ms", |run| run.timed.first.at(0.99)),
    ("latency_windows", "windows timed in a run", "", |run| {
        Some(run.timed.last.len() as f64)
    }),
    (
        "latency_answer_p99",
        "intended send of a reaction to answer, p99",
        "ms",
        |run| run.answers.at(0.99),
    ),
    (
        "latency_merged",
        "frames that sum several windows",
        "",
        |run| Some(run.spent.merged as f64),
    ),
    ("latency_core", "the node's share of its core", "%", |run| {
        Some(run.spent.server_percent())
    }),
    (
        "latency_generator",
        "the generator's of its own",
        "%",
        |run| Some(run.spent.own_percent()),
    ),
    (
        "latency_waited",
        "its rest while a window goes out",
        "%",
        |run| Some(100.0 * run.timed.waited.at(0.5)?),
    ),
];

const LIMIT: &[Row<Run>] = &[
    (
        "bare_last_p50",
        "bare send, word to last socket, p50",
        "ms",
        |run| run.bare.at(0.5),
    ),
    ("bare_last_p99", "p99", "ms", |run| run.bare.at(0.99)),
];

const RATIO: Row<Run> = (
    "latency",
    "window end to last session, p99, to the bare loop's",
    "",
    |run| Some(run.timed.last.at(0.99)? / run.bare.at(0.99)?),
);

fn outcome(runs: Vec<Run>) -> Outcome {
    let mut outcome = Outcome {
        figures: over(&runs, FIGURES),
        limit: over(&runs, LIMIT),
        ratio: vec![one(&runs, RATIO).wanted(WANTED)],
        ..Outcome::default()
    };
    for run in runs {
        outcome.notes.extend(run.notes);
        outcome.books.add(run.books);
    }
    outcome
}
