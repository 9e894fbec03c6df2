//! Somebody else's WebSocket server that broadcasts, with the same crowd before it. Of a protocol that is not known, frames
//! can be counted, and told apart by their bytes: how long each one takes from the first session to the last.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use anyhow::anyhow;

use super::args::FanoutArgs;
use super::audience::Audience;
use super::meter::Mark;
use super::outcome::Outcome;
use super::seen::Arrival;
use super::session::{Door, Manner};
use super::site::{AT_ONCE, Site, not_in, tell};
use crate::commands::bench::failure::Failure;
use crate::commands::bench::percentiles::Percentiles;
use crate::commands::bench::process::{self, Usage};
use crate::commands::bench::report::figure;

/// How long its frames are counted.
const TIME: Duration = Duration::from_secs(20);

pub(super) fn measure(args: &FanoutArgs, url: &str) -> Result<Outcome, Failure> {
    let site = Site::take(args)?;
    let (address, path) = read(url)?;
    let mut audience = Audience::before(&address, Door::Foreign(path))?;
    tell(&format!("peer: {} sessions at {url}", site.sessions));
    if !audience.join(site.sessions, |_| Manner::Reads, AT_ONCE)? {
        return Err(not_in(&audience));
    }
    tell(&format!("peer: counting for {} s", TIME.as_secs()));
    let server = process_of(&address);
    let usage = || server.map_or_else(Usage::default, process::of);
    let before = Mark::now(usage(), &audience);
    audience.run_for(TIME)?;
    let spent = before.until(&Mark::now(usage(), &audience));
    let whole = audience.seen.windows.values();
    let whole = whole.filter(|arrival| arrival.num_sessions == site.sessions);
    let spread = Percentiles::of(whole.map(Arrival::spread_ms));
    let frames = spent.frames as f64;
    let known = |value: Option<f64>| server.and(value);
    let mut outcome = Outcome {
        figures: vec![
            figure(
                "deliveries_per_second",
                "deliveries per second",
                frames / spent.time.as_secs_f64(),
                "1/s",
            ),
            figure(
                "distinct_frames",
                "different frames",
                audience.seen.windows.len() as f64,
                "",
            ),
            figure(
                "whole_frames",
                "that have reached every session once",
                spread.len() as f64,
                "",
            ),
            figure(
                "spread_p50",
                "first to last session, p50",
                spread.at(0.5),
                "ms",
            ),
            figure("spread_p99", "p99", spread.at(0.99), "ms"),
            figure(
                "deliveries_per_cpu_second",
                "deliveries per CPU-second",
                known(spent.per_cpu_second(frames)),
                "1/s",
            ),
            figure(
                "delivery_cpu",
                "CPU of a delivery",
                known(spent.micros_per(frames)),
                "µs",
            ),
            figure(
                "resident",
                "resident memory",
                known(Some(usage().resident as f64 / 1e6)),
                "MB",
            ),
            figure(
                "generator",
                "the generator's share of its core",
                spent.own_percent(),
                "%",
            ),
        ],
        notes: audience.seen.complaints(),
        ..Outcome::default()
    };
    outcome.notes.extend(site.cores.note());
    outcome.notes.push("a peer: there is nothing to close the books on, and it runs on the cores it was started on".to_owned());
    if server.is_none() {
        outcome.notes.push(
            "its process is not on this machine, or not to be seen: CPU and memory are unknown"
                .to_owned(),
        );
    }
    Ok(outcome)
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
