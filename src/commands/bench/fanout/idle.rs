//! `idle`: what a session costs that nothing happens to, but for pings.

use std::time::Duration;

use super::audience::Audience;
use super::meter::{Mark, Spent};
use super::outcome::Outcome;
use super::session::Manner;
use super::site::Site;
use crate::commands::bench::failure::Failure;
use crate::commands::bench::progress;
use crate::commands::bench::report::{Wanted, figure};

/// What passes before CPU is looked at: the crowd has just come in.
const SETTLE: Duration = Duration::from_secs(3);

/// After this a session without traffic has been pinged, by the node's own settings.
const PING_INTERVAL: Duration = Duration::from_secs(25);

const KIB: f64 = 1_024.0;

/// The figures to stay below, in KiB and in microseconds per second.
const WANTED_KIB: Wanted = Wanted::AtMost(8.0);
const WANTED_MICROS: Wanted = Wanted::AtMost(1.5);

pub(super) fn measure(site: &Site) -> Result<Outcome, Failure> {
    progress(&format!(
        "idle: {} sessions for {} s",
        site.sessions,
        site.idle.as_secs()
    ));
    let node = site.node("2s")?;
    let empty = node.usage().resident;
    let mut audience = site.audience(&node, |_| Manner::Reads)?;
    audience.run_for(SETTLE)?;
    let before = Mark::now(node.usage(), &audience);
    audience.run_for(site.idle)?;
    let full = node.usage();
    let spent = before.until(&Mark::now(full, &audience));
    let num = site.sessions as f64;
    let kib = full.resident.saturating_sub(empty) as f64 / KIB / num;
    let micros = spent.micros_per(num * spent.time.as_secs_f64());
    let pings = audience.seen.pings as f64;
    let figures = [
        figure(
            "idle_resident",
            "resident memory of an idle session",
            kib,
            "KiB",
        )
        .wanted(WANTED_KIB),
        figure("idle_empty", "of the node before", empty as f64 / 1e6, "MB"),
        figure("idle_cpu", "CPU of an idle session", micros, "µs/s").wanted(WANTED_MICROS),
        figure("idle_pings", "pings answered", pings, ""),
    ];
    Ok(Outcome {
        figures: figures.into(),
        notes: notes(site, &spent, &audience),
        ..Outcome::default()
    })
}

fn notes(site: &Site, spent: &Spent, audience: &Audience) -> Vec<String> {
    let mut notes = audience.seen.complaints();
    notes.extend(spent.warnings("idle"));
    if site.idle < PING_INTERVAL {
        notes.push("idle: too short for pings, which come after 25 s".to_owned());
    }
    if spent.frames > 0 {
        notes.push(format!("idle: {} windows came meanwhile", spent.frames));
    }
    notes
}
