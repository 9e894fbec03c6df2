//! `deliveries`: what it costs the server to hand a frame of some 200 bytes to a session, next to a bare `send`.
//!
//! Windows are small so that many of them flow, and have one emoji so that their frames are short. The bare server sends
//! the bytes of such a frame as often, to as many, at the same pace. All of the node's CPU counts, that of the reactions
//! and of counting too.

use std::time::Duration;

use tokio::time::Instant;

use super::books::Books;
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, Row, one, over};
use super::sender::Sender;
use super::session::Manner;
use super::site::{Site, settle};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::report::Wanted;

/// Ten thousand deliveries take half of it, so that each window has gone out before the next one.
const WINDOW: &str = "200ms";
const WINDOW_TIME: Duration = Duration::from_millis(200);

/// Windows that are measured.
const NUM_WINDOWS: usize = 25;

/// Reactions per second: enough for every window to have some.
const REACTIONS: u32 = 100;

/// Deliveries per CPU-second, to bare `send`.
const WANTED: Wanted = Wanted::AtLeast(0.9);

/// What passes before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

const PATIENCE: Duration = Duration::from_secs(5);

struct Run {
    node: Spent,
    bare: Spent,
    frame_bytes: usize,
    complaints: Vec<String>,
    books: Books,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    Ok(outcome(site.repeat("deliveries", run)?))
}

fn run(site: &Site) -> Result<Run, Failure> {
    let node = site.node(WINDOW)?;
    let mut audience = site.audience(&node, |_| Manner::Reads)?;
    audience.react(REACTIONS)?;
    audience.run_for(WARM_UP)?;
    settle(&mut audience, site.sessions, WINDOW_TIME)?;
    let before = Mark::now(node.usage(), &audience);
    audience.run_for(WINDOW_TIME * (NUM_WINDOWS as u32 - 1))?;
    settle(&mut audience, site.sessions, WINDOW_TIME)?;
    let spent = before.until(&Mark::now(node.usage(), &audience));
    let reactions = audience.quieten(PATIENCE)?;
    let books = Books::close(&node, &mut audience, reactions.accepted)?;
    let frame = std::mem::take(&mut audience.seen.sample);
    let complaints = audience.seen.complaints();
    drop((audience, node));
    Ok(Run {
        node: spent,
        bare: bare(site, &frame)?,
        frame_bytes: frame.len(),
        complaints,
        books,
    })
}

fn bare(site: &Site, frame: &[u8]) -> Result<Spent, Failure> {
    let mut sender = Sender::start(site, frame)?;
    sender.rounds(2, WINDOW_TIME)?;
    sender
        .audience
        .run_until(Instant::now() + WINDOW_TIME, |_| false)?;
    let before = Mark::now(sender.usage(), &sender.audience);
    sender.rounds(NUM_WINDOWS, WINDOW_TIME)?;
    Ok(before.until(&Mark::now(sender.usage(), &sender.audience)))
}

const FIGURES: &[Row<Run>] = &[
    (
        "deliveries_per_cpu_second",
        "deliveries per CPU-second",
        "1/s",
        |run| per_cpu_second(&run.node),
    ),
    ("delivery_cpu", "CPU of a delivery", "µs", |run| {
        micros(&run.node)
    }),
    (
        "delivery_user",
        "of it in the node's own code",
        "µs",
        |run| run.node.user_micros_per(run.node.frames as f64),
    ),
    ("delivery_bytes", "bytes of a frame", "", |run| {
        Some(run.frame_bytes as f64)
    }),
    (
        "delivery_merged",
        "frames that sum several windows",
        "",
        |run| Some(run.node.merged as f64),
    ),
    (
        "delivery_core",
        "the node's share of its core",
        "%",
        |run| Some(run.node.server_percent()),
    ),
    (
        "delivery_generator",
        "the generator's of its own",
        "%",
        |run| Some(run.node.own_percent()),
    ),
];

const LIMIT: &[Row<Run>] = &[
    (
        "deliveries_per_cpu_second",
        "bare send, deliveries per CPU-second",
        "1/s",
        |run| per_cpu_second(&run.bare),
    ),
    ("delivery_cpu", "CPU of a delivery", "µs", |run| {
        micros(&run.bare)
    }),
    (
        "delivery_generator",
        "the generator's share of its core",
        "%",
        |run| Some(run.bare.own_percent()),
    ),
];

const RATIO: Row<Run> = (
    "deliveries",
    "deliveries per CPU-second, to bare send",
    "",
    |run| Some(per_cpu_second(&run.node)? / per_cpu_second(&run.bare)?),
);

fn per_cpu_second(spent: &Spent) -> Option<f64> {
    spent.per_cpu_second(spent.frames as f64)
}

fn micros(spent: &Spent) -> Option<f64> {
    spent.micros_per(spent.frames as f64)
}

fn outcome(runs: Vec<Run>) -> Outcome {
    let mut outcome = Outcome {
        figures: over(&runs, FIGURES),
        limit: over(&runs, LIMIT),
        ratio: vec![one(&runs, RATIO).wanted(WANTED)],
        ..Outcome::default()
    };
    for run in runs {
        outcome.notes.extend(run.node.warnings("deliveries"));
        outcome.notes.extend(run.bare.warnings("bare deliveries"));
        outcome.notes.extend(run.complaints);
        outcome.books.add(run.books);
    }
    outcome
}
