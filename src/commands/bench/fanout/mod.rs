//! `bench fanout`: a crowd of sessions before a node on a core of its own, next to bare servers on the same core.

// What is asked.
mod args;

// The crowd.
mod told;
mod seen;
mod session;
mod reactions;
mod audience;

// The ground of a run.
mod site;
mod meter;
mod watch;
mod books;
mod sender;
mod outcome;

// Scenarios, in the order in which they are run.
mod deliveries;
mod latency;
mod idle;
mod handshakes;
mod stalled;
mod comeback;
mod churn;
mod peer;

use clap::ValueEnum as _;

pub use self::args::{FanoutArgs, ScenarioName};
use self::outcome::Outcome;
use self::site::Site;
use super::failure::Failure;
use super::report::Report;

pub(super) fn measure(args: &FanoutArgs) -> Result<Report, Failure> {
    if let Some(url) = &args.peer {
        let outcome = peer::measure(args, url)?;
        let title = format!("{} sessions before a peer at {url}", args.sessions);
        return Ok(report(title, outcome, true));
    }
    let site = Site::take(args)?;
    let mut all = Outcome::default();
    let wanted = |name: &&ScenarioName| args.scenario.is_empty() || args.scenario.contains(name);
    for name in ScenarioName::value_variants().iter().filter(wanted) {
        all.add(scenario(*name, &site)?);
    }
    all.notes.extend(site.cores.note());
    let title = format!(
        "{} sessions before one core, median of {} runs",
        args.sessions, args.runs
    );
    Ok(report(title, all, false))
}

fn scenario(name: ScenarioName, site: &Site) -> Result<Outcome, Failure> {
    match name {
        ScenarioName::Deliveries => deliveries::measure(site),
        ScenarioName::Latency => latency::measure(site),
        ScenarioName::Idle => idle::measure(site),
        ScenarioName::Handshakes => handshakes::measure(site),
        ScenarioName::Stalled => stalled::measure(site),
        ScenarioName::Return => comeback::measure(site),
        ScenarioName::Churn => churn::measure(site),
    }
}

fn report(title: String, outcome: Outcome, of_peer: bool) -> Report {
    let mut notes = outcome.notes;
    notes.extend(outcome.books.complaints().cloned());
    // The same words from several runs say no more than from one.
    let mut said = std::collections::HashSet::new();
    notes.retain(|note| said.insert(note.clone()));
    let (figures, peer) = match of_peer {
        true => (Vec::new(), outcome.figures),
        false => (outcome.figures, Vec::new()),
    };
    Report {
        title,
        figures,
        limit: outcome.limit,
        peer,
        ratio: outcome.ratio,
        ledger: outcome.books.ledger(),
        notes,
    }
}
