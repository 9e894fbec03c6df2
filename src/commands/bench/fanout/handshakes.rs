//! `handshakes`: from a connection to its hello, as many as the server takes, next to a bare accept and 101.

use super::audience::Audience;
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, Row, one, over};
use super::session::{Door, Manner};
use super::site::{AT_ONCE, Site, not_in};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::limit::{self, LimitKind};
use crate::commands::bench::process::Usage;
use crate::commands::bench::report::Wanted;

/// The figure to reach, per second of the server's CPU.
const WANTED: Wanted = Wanted::AtLeast(12_000.0);

struct Run {
    /// How many.
    num: f64,
    node: Spent,
    bare: Spent,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    Ok(outcome(&site.repeat("handshakes", run)?))
}

fn run(site: &Site) -> Result<Run, Failure> {
    let node = site.node("2s")?;
    let ours = crowd_in(site, &node.address, Door::Node, || node.usage())?;
    drop(node);
    let server = limit::start(LimitKind::Accept, &site.cores)?;
    let bare = crowd_in(site, &server.address, Door::Handshake, || server.usage())?;
    Ok(Run {
        num: site.sessions as f64,
        node: ours,
        bare,
    })
}

fn crowd_in(
    site: &Site,
    address: &str,
    door: Door,
    usage: impl Fn() -> Usage,
) -> Result<Spent, Failure> {
    let mut audience = Audience::before(address, door)?;
    let before = Mark::now(usage(), &audience);
    if !audience.join(site.sessions, |_| Manner::Reads, AT_ONCE)? {
        return Err(not_in(&audience));
    }
    Ok(before.until(&Mark::now(usage(), &audience)))
}

const PER_CPU_SECOND: Row<Run> = (
    "handshakes_per_cpu_second",
    "handshakes per CPU-second",
    "1/s",
    |run| run.node.per_cpu_second(run.num),
);

const FIGURES: &[Row<Run>] = &[
    (
        "handshakes_per_second",
        "handshakes per second",
        "1/s",
        |run| Some(run.num / run.node.time.as_secs_f64()),
    ),
    (
        "handshake_core",
        "the node's share of its core",
        "%",
        |run| Some(run.node.server_percent()),
    ),
    (
        "handshake_generator",
        "the generator's of its own",
        "%",
        |run| Some(run.node.own_percent()),
    ),
];

const LIMIT: Row<Run> = (
    "handshakes_per_cpu_second",
    "bare accept and 101, handshakes per CPU-second",
    "1/s",
    |run| run.bare.per_cpu_second(run.num),
);

const RATIO: Row<Run> = (
    "handshakes",
    "handshakes per CPU-second, to bare accept and 101",
    "",
    |run| Some(run.node.per_cpu_second(run.num)? / run.bare.per_cpu_second(run.num)?),
);

fn outcome(runs: &[Run]) -> Outcome {
    let mut figures = vec![one(runs, PER_CPU_SECOND).wanted(WANTED)];
    figures.extend(over(runs, FIGURES));
    let notes = runs.iter().flat_map(|run| {
        let bare = run.bare.warnings("bare handshakes");
        [run.node.warnings("handshakes"), bare].concat()
    });
    Outcome {
        figures,
        limit: vec![one(runs, LIMIT)],
        ratio: vec![one(runs, RATIO)],
        notes: notes.collect(),
        ..Outcome::default()
    }
}
