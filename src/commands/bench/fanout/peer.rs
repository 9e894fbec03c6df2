//! Somebody else's WebSocket server that broadcasts, with the same crowd before it. Of a protocol that is not known, frames
//! can be counted, and told apart by their bytes: how long each one takes from the first session to the last.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use anyhow::anyhow;

use super::args::FanoutArgs;
use super::audience::Audience;
use super::meter::{Mark, Spent};
use super::outcome::{Outcome, Row};
use super::seen::Arrival;
use super::session::{Door, Manner};
use super::site::{AT_ONCE, Site, not_in};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::percentiles::Percentiles;
use crate::commands::bench::process::{self, Usage};
use crate::commands::bench::progress;
use crate::commands::bench::report::figure;

/// How long its frames are counted.
const TIME: Duration = Duration::from_secs(20);

/// How the crowd fared before it.
struct Run {
    spent: Spent,
    /// Different frames.
    num_frames: usize,
    /// From the first session to the last, of frames that have reached each of them once, in milliseconds.
    spread: Percentiles,
    /// Resident memory of its process, in bytes. None if that is not to be seen.
    resident: Option<u64>,
}

pub(super) fn measure(args: &FanoutArgs, url: &str) -> Result<Outcome, Failure> {
    let site = Site::take(args)?;
    let (address, path) = read(url)?;
    let mut audience = Audience::before(&address, Door::Foreign(path))?;
    progress(&format!("peer: {} sessions at {url}", site.sessions));
    if !audience.join(site.sessions, |_| Manner::Reads, AT_ONCE)? {
        return Err(not_in(&audience));
    }
    progress(&format!("peer: counting for {} s", TIME.as_secs()));
    let server = process_of(&address);
    let usage = || server.map_or_else(Usage::default, process::of);
    // Its greetings, each of them another frame.
    audience.seen.windows.clear();
    let before = Mark::now(usage(), &audience);
    audience.run_for(TIME)?;
    let spent = before.until(&Mark::now(usage(), &audience));
    let frames = audience.seen.windows.values();
    let whole = frames.filter(|arrival| arrival.num_sessions == site.sessions);
    let run = Run {
        spent,
        num_frames: audience.seen.windows.len(),
        spread: Percentiles::of(whole.map(Arrival::spread_ms)),
        resident: server.map(|server| process::of(server).resident),
    };
    let mut outcome = outcome(&run);
    outcome.notes.extend(audience.seen.complaints());
    outcome.notes.extend(site.cores.note());
    Ok(outcome)
}

const FIGURES: &[Row<Run>] = &[
    (
        "deliveries_per_second",
        "deliveries per second",
        "1/s",
        |run| Some(run.spent.frames as f64 / run.spent.time.as_secs_f64()),
    ),
    ("distinct_frames", "different frames", "", |run| {
        Some(run.num_frames as f64)
    }),
    (
        "whole_frames",
        "that have reached every session once",
        "",
        |run| Some(run.spread.len() as f64),
    ),
    ("spread_p50", "first to last session, p50", "ms", |run| {
        run.spread.at(0.5)
    }),
    ("spread_p99", "p99", "ms", |run| run.spread.at(0.99)),
    (
        "deliveries_per_cpu_second",
        "deliveries per CPU-second",
        "1/s",
        |run| run.spent.per_cpu_second(run.spent.frames as f64),
    ),
    ("resident", "resident memory", "MB", |run| {
        Some(run.resident? as f64 / 1e6)
    }),
    (
        "generator",
        "the generator's share of its core",
        "%",
        |run| Some(run.spent.own_percent()),
    ),
];

fn outcome(run: &Run) -> Outcome {
    let mut notes = vec![
        "a peer: there are no books to close, and it runs on the cores that it was started on"
            .to_owned(),
    ];
    match run.resident {
        None => notes.push(
            "its process is not on this machine, or not to be seen: its CPU and memory are unknown"
                .to_owned(),
        ),
        Some(_) => notes.extend(run.spent.warnings("the peer's deliveries")),
    }
    let figures = FIGURES
        .iter()
        .map(|(key, label, unit, of)| figure(key, label, of(run), unit));
    Outcome {
        figures: figures.collect(),
        notes,
        ..Outcome::default()
    }
}

/// Address and path of a URL.
fn read(url: &str) -> Result<(String, String), Failure> {
    let wrong = || Failure::Ground(format!("{url} is no address like ws://127.0.0.1:8080/ws"));
    let rest = url.strip_prefix("ws://").ok_or_else(wrong)?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut addresses = host.to_socket_addrs().map_err(|_| wrong())?;
    let address = addresses
        .next()
        .ok_or_else(|| anyhow!("{host} has no address"))?;
    Ok((address.to_string(), format!("/{path}")))
}

fn process_of(address: &str) -> Option<u32> {
    let (host, port) = address.rsplit_once(':')?;
    let is_here = host.starts_with("127.") || host == "[::1]";
    is_here.then(|| process::listening_on(port.parse().ok()?))?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_url_has_an_address_and_a_path() {
        let expected = ("127.0.0.1:8080".to_owned(), "/chat?room=1".to_owned());
        assert_eq!(read("ws://127.0.0.1:8080/chat?room=1").unwrap(), expected);
        assert_eq!(read("ws://127.0.0.1:8080").unwrap().1, "/");
    }

    #[test]
    fn what_is_no_such_url_is_refused_with_what_would_be() {
        for url in ["http://127.0.0.1:80/", "ws://127.0.0.1/", "127.0.0.1:80"] {
            let Err(Failure::Ground(reason)) = read(url) else {
                panic!("{url}");
            };
            assert!(reason.contains("ws://127.0.0.1:8080/ws"), "{reason}");
        }
    }
}
