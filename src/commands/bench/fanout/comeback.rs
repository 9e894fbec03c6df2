//! `return`: the whole crowd drops out at once while reactions flow, stays away for two windows, and comes back at once,
//! each with `since`. Timed from the first that knocks to the last that is caught up.

use std::time::Duration;

use tokio::time::Instant;

use super::audience::Audience;
use super::books::Books;
use super::latency::warm_up;
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, Row, one, over};
use super::session::Manner;
use super::site::Site;
use crate::commands::bench::failure::Failure;
use crate::commands::bench::report::Wanted;
use crate::commands::bench::viewers::wall_clock_ms;

const WINDOW: &str = "2s";
const WINDOW_TIME: Duration = Duration::from_secs(2);

/// Windows that they miss.
const AWAY: u32 = 2;

/// Reactions per second.
const REACTIONS: u32 = 1_000;

const PATIENCE: Duration = Duration::from_secs(20);

/// The time to stay below, in seconds.
const WANTED: Wanted = Wanted::AtMost(5.0);

struct Run {
    caught_up: Option<f64>,
    all_in: f64,
    recovered: u64,
    spent: Spent,
    notes: Vec<String>,
    books: Books,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    Ok(outcome(site.repeat("return", run)?))
}

fn run(site: &Site) -> Result<Run, Failure> {
    let node = site.node(WINDOW)?;
    let mut audience = site.audience(&node, |_| Manner::Reads)?;
    audience.react(REACTIONS)?;
    warm_up(&mut audience, site.sessions)?;
    audience.leave();
    audience.run_for(WINDOW_TIME * AWAY)?;
    let recovered = audience.seen.recovered;
    let before = Mark::now(node.usage(), &audience);
    let (began, missed) = (Instant::now(), last_ended());
    let all_came = audience.come_back(site.sessions)?;
    let all_in = began.elapsed().as_secs_f64();
    let caught_up = audience.run_until(began + PATIENCE, |audience| stands_at(audience, missed))?;
    let caught_up = (all_came && caught_up).then(|| began.elapsed().as_secs_f64());
    let spent = before.until(&Mark::now(node.usage(), &audience));
    let recovered = audience.seen.recovered - recovered;
    let reactions = audience.quieten(PATIENCE)?;
    let mut books = Books::close(&node, &mut audience, reactions.accepted)?;
    if recovered < site.sessions as u64 {
        let missing = site.sessions as u64 - recovered;
        books.complain(format!(
            "return: `since` of {missing} sessions was not honoured"
        ));
    }
    if !all_came {
        books.complain("return: not all sessions came back".to_owned());
    }
    let mut notes = audience.seen.complaints();
    notes.extend(spent.warnings("return"));
    Ok(Run {
        caught_up,
        all_in,
        recovered,
        spent,
        notes,
        books,
    })
}

/// The last window that has ended by now: windows are numbered by time.
fn last_ended() -> u64 {
    (wall_clock_ms() / (WINDOW_TIME.as_secs_f64() * 1e3)) as u64 - 1
}

fn stands_at(audience: &Audience, seq: u64) -> bool {
    let mut sessions = audience.sessions().iter();
    sessions.all(|session| session.is_open() && session.seq >= seq)
}

const CAUGHT_UP: Row<Run> = (
    "return_caught_up",
    "all back and caught up after",
    "s",
    |run| run.caught_up,
);

const FIGURES: &[Row<Run>] = &[
    ("return_hellos", "of it until the last hello", "s", |run| {
        Some(run.all_in)
    }),
    (
        "return_recovered",
        "sessions whose `since` was honoured",
        "",
        |run| Some(run.recovered as f64),
    ),
    (
        "return_merged",
        "frames that sum what was missed",
        "",
        |run| Some(run.spent.merged as f64),
    ),
    ("return_core", "the node's share of its core", "%", |run| {
        Some(run.spent.server_percent())
    }),
    (
        "return_generator",
        "the generator's of its own",
        "%",
        |run| Some(run.spent.own_percent()),
    ),
];

fn outcome(runs: Vec<Run>) -> Outcome {
    let mut figures = vec![one(&runs, CAUGHT_UP).wanted(WANTED)];
    figures.extend(over(&runs, FIGURES));
    let mut outcome = Outcome {
        figures,
        ..Outcome::default()
    };
    for run in runs {
        outcome.notes.extend(run.notes);
        outcome.books.add(run.books);
    }
    outcome
}
