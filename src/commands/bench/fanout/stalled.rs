//! `stalled`: one session in ten never reads and one in a hundred reads a byte per second. The others must not notice, the
//! node's memory must not grow, and who never reads has to go.
//!
//! Those that read badly have the smallest buffers that the kernel grants. The run next to it has the same crowd, and
//! everybody reads; timed are the same sessions in both.

use std::time::Duration;

use tokio::time::Instant;

use super::audience::Audience;
use super::books::Books;
use super::latency::{Timed, warm_up};
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, Row, one, over};
use super::session::Manner;
use super::site::{Site, settle};
use super::watch::{Look, Watch};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::report::Wanted;

/// Small, so that the p99 is one of many.
const WINDOW: &str = "250ms";
const WINDOW_TIME: Duration = Duration::from_millis(250);

/// What is timed: longer than a session may be silent, so that those that do are found within it.
const TIME: Duration = Duration::from_secs(18);

/// Reactions per second.
const REACTIONS: u32 = 5_000;

const PATIENCE: Duration = Duration::from_secs(5);

/// The p99 of those that read, to the run where all do.
const WANTED: Wanted = Wanted::Between(0.9, 1.1);

/// In how many seconds those that never read are closed.
const WANTED_CLOSED: Wanted = Wanted::AtMost(15.0);

/// The sessions that read badly, of each hundred.
const NEVER: usize = 10;
const TRICKLE: usize = 1;

struct Part {
    timed: Timed,
    spent: Spent,
    looks: Vec<Look>,
    /// When the crowd was in.
    joined: Instant,
    num_never: usize,
    num_trickle: usize,
    /// How many of each have seen the end themselves.
    never_ended: usize,
    trickle_ended: usize,
    notes: Vec<String>,
    books: Books,
}

struct Run {
    with: Part,
    without: Part,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    let run = |site: &Site| {
        Ok(Run {
            with: part(site, true)?,
            without: part(site, false)?,
        })
    };
    Ok(outcome(site.repeat("stalled", run)?))
}

/// How a session reads where some do badly.
fn manner(number: usize) -> Manner {
    match number % 100 {
        never if never < NEVER => Manner::Never,
        trickle if trickle < NEVER + TRICKLE => Manner::Trickles,
        _ => Manner::Reads,
    }
}

/// The same crowd where all read.
fn all_read(number: usize) -> Manner {
    match manner(number) {
        Manner::Reads => Manner::Reads,
        _ => Manner::ReadsUntimed,
    }
}

fn count(site: &Site, wanted: Manner) -> usize {
    (0..site.sessions)
        .filter(|number| manner(*number) == wanted)
        .count()
}

fn part(site: &Site, with_stalled: bool) -> Result<Part, Failure> {
    let node = site.node(WINDOW)?;
    let manners: fn(usize) -> Manner = if with_stalled { manner } else { all_read };
    let mut audience = site.audience(&node, manners)?;
    let joined = Instant::now();
    let watch = Watch::begin(&node);
    let timely = count(site, Manner::Reads);
    audience.react(REACTIONS)?;
    let from = warm_up(&mut audience, timely)?;
    let before = Mark::now(node.usage(), &audience);
    audience.run_for(TIME)?;
    settle(&mut audience, timely, WINDOW_TIME)?;
    let spent = before.until(&Mark::now(node.usage(), &audience));
    let timed = Timed::of(&audience, from, timely);
    let reactions = audience.quieten(PATIENCE)?;
    let looks = watch.end();
    let mut books = Books::close(&node, &mut audience, reactions.accepted)?;
    let ended = |wanted| ended(&audience, manners, wanted);
    let reading = ended(Manner::Reads) + ended(Manner::ReadsUntimed);
    if reading > 0 {
        books.complain(format!("{reading} sessions that read were closed"));
    }
    let mut notes = timed.notes("stalled");
    notes.extend(spent.warnings("stalled"));
    Ok(Part {
        num_never: count(site, Manner::Never),
        num_trickle: count(site, Manner::Trickles),
        never_ended: ended(Manner::Never),
        trickle_ended: ended(Manner::Trickles),
        timed,
        spent,
        looks,
        joined,
        notes,
        books,
    })
}

/// Sessions of one manner that the node has ended.
fn ended(audience: &Audience, manners: fn(usize) -> Manner, wanted: Manner) -> usize {
    let ends = audience.seen.ends.iter();
    ends.filter(|end| manners(end.session) == wanted).count()
}

impl Part {
    /// From the last hello to the look at which the node had closed as many as never read.
    fn closed_after(&self) -> Option<f64> {
        let wanted = self.num_never as u64;
        let look = self.looks.iter().find(|look| look.stalled >= wanted)?;
        Some((look.at - self.joined).as_secs_f64())
    }

    /// How much memory came on top of that at the beginning, at most.
    fn growth(&self) -> Option<f64> {
        let first = self.looks.first()?.resident;
        let most = self.looks.iter().map(|look| look.resident).max()?;
        Some(most.saturating_sub(first) as f64 / 1e6)
    }

    fn num_stalled(&self) -> Option<f64> {
        self.looks.last().map(|look| look.stalled as f64)
    }
}

const FIGURES: &[Row<Run>] = &[
    (
        "stalled_p50",
        "window end to the last of those that read, p50",
        "ms",
        |run| run.with.timed.last.at(0.5),
    ),
    ("stalled_p99", "p99", "ms", |run| {
        run.with.timed.last.at(0.99)
    }),
    ("stalled_never", "sessions that never read", "", |run| {
        Some(run.with.num_never as f64)
    }),
    (
        "stalled_trickle",
        "that read a byte per second",
        "",
        |run| Some(run.with.num_trickle as f64),
    ),
    (
        "stalled_closed",
        "closed by the node as stalled",
        "",
        |run| run.with.num_stalled(),
    ),
    (
        "stalled_never_ended",
        "that never read and have seen the end",
        "",
        |run| Some(run.with.never_ended as f64),
    ),
    (
        "stalled_trickle_ended",
        "that trickle and have seen the end",
        "",
        |run| Some(run.with.trickle_ended as f64),
    ),
    (
        "stalled_growth",
        "growth of the node's memory meanwhile",
        "MB",
        |run| run.with.growth(),
    ),
    ("stalled_core", "the node's share of its core", "%", |run| {
        Some(run.with.spent.server_percent())
    }),
];

const CLOSED: Row<Run> = (
    "stalled_closed_after",
    "until as many were closed as never read",
    "s",
    |run| run.with.closed_after(),
);

const LIMIT: &[Row<Run>] = &[
    (
        "stalled_p99",
        "the same where all read, window end to last session, p99",
        "ms",
        |run| run.without.timed.last.at(0.99),
    ),
    (
        "stalled_growth",
        "growth of the node's memory meanwhile",
        "MB",
        |run| run.without.growth(),
    ),
];

const RATIO: Row<Run> = (
    "stalled",
    "p99 of the others, to the run where all read",
    "",
    |run| Some(run.with.timed.last.at(0.99)? / run.without.timed.last.at(0.99)?),
);

fn outcome(runs: Vec<Run>) -> Outcome {
    let mut figures = over(&runs, FIGURES);
    figures.push(one(&runs, CLOSED).wanted(WANTED_CLOSED));
    let mut outcome = Outcome {
        figures,
        limit: over(&runs, LIMIT),
        ratio: vec![one(&runs, RATIO).wanted(WANTED)],
        ..Outcome::default()
    };
    for run in runs {
        for part in [run.with, run.without] {
            outcome.notes.extend(part.notes);
            outcome.books.add(part.books);
        }
    }
    outcome
}
