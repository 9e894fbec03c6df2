//! `stalled`: one session in ten never reads and one in a hundred reads a byte per second. The others must not notice, the
//! node's memory must not grow, and who never reads has to go.
//!
//! Those that read badly have the smallest buffers that the kernel grants. The run next to it has the same crowd, and
//! everybody reads; timed are the same sessions in both.

use std::time::Duration;

use tokio::time::Instant;

use super::books::Books;
use super::latency::{Timed, warm_up};
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, median, ratios};
use super::session::Manner;
use super::site::{Site, tell};
use super::watch::{Look, Watch};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::report::{Figure, figure};

const WINDOW: &str = "2s";

/// What is timed: longer than a session may be silent, so that those that do are found within it.
const TIME: Duration = Duration::from_secs(22);

/// Reactions per second.
const REACTIONS: u32 = 5_000;

const PATIENCE: Duration = Duration::from_secs(5);

/// The sessions that read badly, of each hundred.
const NEVER: usize = 10;
const TRICKLE: usize = 1;

struct Part {
    timed: Timed,
    spent: Spent,
    looks: Vec<Look>,
    /// When the crowd was in.
    joined: Instant,
    /// How many of those that never read, and of those that trickle, the crowd itself has seen closed.
    never_closed: usize,
    trickle_closed: usize,
    notes: Vec<String>,
    books: Books,
}

struct Run {
    with: Part,
    without: Part,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    let mut runs = Vec::new();
    for number in 1..=site.runs {
        tell(&format!("stalled: run {number} of {}", site.runs));
        runs.push(Run {
            with: part(site, true)?,
            without: part(site, false)?,
        });
    }
    Ok(outcome(site, runs))
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
    let manners = if with_stalled { manner } else { all_read };
    let mut audience = site.audience(&node, manners)?;
    let joined = Instant::now();
    let watch = Watch::begin(&node);
    audience.react(REACTIONS)?;
    let from = warm_up(&mut audience)?;
    let before = Mark::now(node.usage(), &audience);
    audience.run_for(TIME)?;
    let spent = before.until(&Mark::now(node.usage(), &audience));
    let timed = Timed::of(&audience, from, count(site, Manner::Reads));
    let reactions = audience.quieten(PATIENCE)?;
    let looks = watch.end();
    let mut books = Books::close(&node, &mut audience, reactions.accepted)?;
    let closed = |wanted| {
        let ends = audience.seen.ends.iter();
        ends.filter(|end| manner(end.session) == wanted).count()
    };
    let mut notes = timed.notes("stalled");
    let reading = match with_stalled {
        true => closed(Manner::Reads),
        false => audience.seen.ends.len(),
    };
    if reading > 0 {
        books.complain(format!("{reading} sessions that read were closed"));
    }
    notes.extend(spent.bottleneck("stalled"));
    Ok(Part {
        never_closed: closed(Manner::Never),
        trickle_closed: closed(Manner::Trickles),
        timed,
        spent,
        looks,
        joined,
        notes,
        books,
    })
}

impl Part {
    /// From the last hello to the look at which the node had closed that many sessions.
    fn closed_after(&self, num: usize) -> Option<f64> {
        let look = self.looks.iter().find(|look| look.stalled >= num as u64)?;
        Some((look.at - self.joined).as_secs_f64())
    }

    /// How much memory came on top of that at the beginning, at most.
    fn growth(&self) -> Option<f64> {
        let first = self.looks.first()?.resident;
        let most = self.looks.iter().map(|look| look.resident).max()?;
        Some(most.saturating_sub(first) as f64 / 1e6)
    }

    fn num_stalled(&self) -> f64 {
        self.looks.last().map_or(0.0, |look| look.stalled as f64)
    }
}

fn outcome(site: &Site, runs: Vec<Run>) -> Outcome {
    let mut outcome = Outcome {
        figures: figures(site, &runs),
        limit: vec![figure(
            "stalled_p99",
            "the same where all read, window end to last session, p99",
            median(&runs, |run| run.without.timed.last.at(0.99)),
            "ms",
        )],
        ratio: ratios(
            &runs,
            [
                (
                    "stalled",
                    "p99 of the others, to the run where all read (0.90 to 1.10 wanted)",
                ),
                ("stalled_min", "  least of the runs"),
                ("stalled_max", "  most of the runs"),
            ],
            |run| Some(run.with.timed.last.at(0.99)? / run.without.timed.last.at(0.99)?),
        ),
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

fn figures(site: &Site, runs: &[Run]) -> Vec<Figure> {
    let of = |part: &dyn Fn(&Part) -> Option<f64>| median(runs, |run| part(&run.with));
    let (never, trickle) = (count(site, Manner::Never), count(site, Manner::Trickles));
    vec![
        figure(
            "stalled_p50",
            "window end to the last of those that read, p50",
            of(&|part| part.timed.last.at(0.5)),
            "ms",
        ),
        figure(
            "stalled_p99",
            "p99",
            of(&|part| part.timed.last.at(0.99)),
            "ms",
        ),
        figure(
            "stalled_never",
            "sessions that never read",
            never as f64,
            "",
        ),
        figure(
            "stalled_trickle",
            "that read a byte per second",
            trickle as f64,
            "",
        ),
        figure(
            "stalled_closed",
            "closed by the node as stalled",
            of(&|part| Some(part.num_stalled())),
            "",
        ),
        figure(
            "stalled_closed_after",
            "until as many were closed as never read (15 wanted)",
            of(&|part| part.closed_after(never)),
            "s",
        ),
        figure(
            "stalled_never_closed",
            "that never read and have seen the end",
            of(&|part| Some(part.never_closed as f64)),
            "",
        ),
        figure(
            "stalled_trickle_closed",
            "that trickle and have seen the end",
            of(&|part| Some(part.trickle_closed as f64)),
            "",
        ),
        figure(
            "stalled_growth",
            "growth of the node's memory meanwhile",
            of(&|part| part.growth()),
            "MB",
        ),
        figure(
            "stalled_core",
            "the node's share of its core",
            of(&|part| Some(part.spent.server_percent())),
            "%",
        ),
    ]
}
