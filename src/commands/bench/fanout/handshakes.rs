//! `handshakes`: from a connection to its hello, as many as the server takes, next to a bare accept and 101.

use super::audience::Audience;
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, median, ratios};
use super::session::{Door, Manner};
use super::site::{AT_ONCE, Site, not_in, tell};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::limit::{self, LimitKind};
use crate::commands::bench::process::Usage;
use crate::commands::bench::report::figure;

/// The figure to reach, per second of the server's CPU.
const WANTED: f64 = 12_000.0;

struct Run {
    node: Spent,
    bare: Spent,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    let mut runs = Vec::new();
    for number in 1..=site.runs {
        tell(&format!("handshakes: run {number} of {}", site.runs));
        let node = site.node("2s")?;
        let ours = crowd_in(site, &node.address, Door::Node, || node.usage())?;
        drop(node);
        let server = limit::start(LimitKind::Accept, &site.cores)?;
        let bare = crowd_in(site, &server.address, Door::Handshake, || server.usage())?;
        runs.push(Run { node: ours, bare });
    }
    Ok(outcome(site, &runs))
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

fn outcome(site: &Site, runs: &[Run]) -> Outcome {
    let num = site.sessions as f64;
    let node = median(runs, |run| run.node.per_cpu_second(num));
    let per_second = |spent: &Spent| Some(num / spent.time.as_secs_f64());
    let mut ratio = ratios(
        runs,
        [
            (
                "handshakes",
                "handshakes per CPU-second, to bare accept and 101",
            ),
            ("handshakes_min", "  least of the runs"),
            ("handshakes_max", "  most of the runs"),
        ],
        |run| Some(run.node.per_cpu_second(num)? / run.bare.per_cpu_second(num)?),
    );
    ratio.push(figure(
        "handshakes_to_wanted",
        "handshakes per CPU-second, to the 12,000 wanted",
        node.map(|node| node / WANTED),
        "",
    ));
    let notes = runs.iter().flat_map(|run| {
        let bare = run.bare.bottleneck("bare handshakes");
        run.node.bottleneck("handshakes").into_iter().chain(bare)
    });
    Outcome {
        figures: vec![
            figure(
                "handshakes_per_cpu_second",
                "handshakes per CPU-second",
                node,
                "1/s",
            ),
            figure(
                "handshakes_per_second",
                "handshakes per second",
                median(runs, |run| per_second(&run.node)),
                "1/s",
            ),
            figure(
                "handshake_core",
                "the node's share of its core",
                median(runs, |run| Some(run.node.server_percent())),
                "%",
            ),
            figure(
                "handshake_generator",
                "the generator's of its own",
                median(runs, |run| Some(run.node.own_percent())),
                "%",
            ),
        ],
        limit: vec![figure(
            "handshakes_per_cpu_second",
            "bare accept and 101, handshakes per CPU-second",
            median(runs, |run| run.bare.per_cpu_second(num)),
            "1/s",
        )],
        ratio,
        notes: notes.collect(),
        ..Outcome::default()
    }
}
