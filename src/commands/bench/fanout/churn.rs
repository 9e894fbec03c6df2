//! `churn`: the crowd comes and goes ten times over. Memory has to come back to where it was after the first time.

use std::time::Duration;

use tokio::time::Instant;

use super::audience::Audience;
use super::outcome::Outcome;
use super::session::{Door, Manner};
use super::site::{AT_ONCE, Site, not_in};
use super::watch;
use crate::commands::bench::child::Node;
use crate::commands::bench::failure::Failure;
use crate::commands::bench::progress;
use crate::commands::bench::report::{Wanted, figure};

const CYCLES: usize = 10;

/// Memory after the last time, to the first. Less is no leak: the allocator gives memory back with some delay.
const WANTED: Wanted = Wanted::AtMost(1.05);

/// How long a node may take to notice that all have gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks whether it has, and from then until its memory is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// Resident memory of the node in one cycle, in megabytes.
struct Cycle {
    full: f64,
    after: f64,
}

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    let node = site.node("2s")?;
    let mut audience = Audience::before(&node.address, Door::Node)?;
    let mut cycles = Vec::new();
    let began = Instant::now();
    for number in 1..=CYCLES {
        progress(&format!("churn: {number} of {CYCLES}"));
        cycles.push(cycle(site, &node, &mut audience)?);
    }
    Ok(outcome(&cycles, began.elapsed()))
}

fn cycle(site: &Site, node: &Node, audience: &mut Audience) -> Result<Cycle, Failure> {
    if !audience.join(site.sessions, |_| Manner::Reads, AT_ONCE)? {
        return Err(not_in(audience));
    }
    let full = megabytes(node);
    audience.forget();
    let deadline = Instant::now() + PATIENCE;
    while watch::num_sessions(node)? > 0 {
        if Instant::now() >= deadline {
            return Err(anyhow::anyhow!("the node does not notice that sessions have gone").into());
        }
        audience.run_for(PAUSE)?;
    }
    audience.run_for(PAUSE)?;
    Ok(Cycle {
        full,
        after: megabytes(node),
    })
}

fn megabytes(node: &Node) -> f64 {
    node.usage().resident as f64 / 1e6
}

fn outcome(cycles: &[Cycle], time: Duration) -> Outcome {
    let after = |cycle: Option<&Cycle>| cycle.map(|cycle| cycle.after);
    let (first, last) = (after(cycles.first()), after(cycles.last()));
    let most = cycles.iter().map(|cycle| cycle.full).max_by(f64::total_cmp);
    let to_first = first.zip(last).map(|(first, last)| last / first);
    Outcome {
        figures: vec![
            figure(
                "churn_first",
                "memory of the empty node, after the first time",
                first,
                "MB",
            ),
            figure("churn_last", "after the last", last, "MB"),
            figure("churn_full", "with all of them, at most", most, "MB"),
            figure("churn_seconds", "time of all", time.as_secs_f64(), "s"),
        ],
        ratio: vec![
            figure(
                "churn",
                "memory after the last time, to the first",
                to_first,
                "",
            )
            .wanted(WANTED),
        ],
        ..Outcome::default()
    }
}
