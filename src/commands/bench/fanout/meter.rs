//! What a server and the crowd's own loop have used between two moments.

use std::time::Duration;

use tokio::time::Instant;

use super::audience::Audience;
use crate::commands::bench::process::{self, Usage};

/// The loop has no more to give beyond this share of its time.
const BUSY: f64 = 0.95;

/// Other work that takes more than this share of a core is measured too.
const DISTURBING: f64 = 0.15;

/// A server below this share of its core could have done more.
const SATURATED: f64 = 0.9;

/// A moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    at: Instant,
    server: Usage,
    own: Usage,
    machine: Duration,
    frames: u64,
    merged: u64,
}

impl Mark {
    pub(super) fn now(server: Usage, audience: &Audience) -> Self {
        Self {
            at: Instant::now(),
            server,
            own: process::own(),
            machine: process::of_machine(),
            frames: audience.seen.frames,
            merged: audience.seen.merged,
        }
    }

    /// What was used since.
    pub(super) fn until(&self, later: &Self) -> Spent {
        let (cpu, own) = (later.server - self.server, later.own - self.own);
        let machine = later.machine.saturating_sub(self.machine);
        Spent {
            time: later.at - self.at,
            cpu,
            user: later.server.utime.saturating_sub(self.server.utime),
            own,
            others: machine.saturating_sub(cpu + own),
            frames: later.frames - self.frames,
            merged: later.merged - self.merged,
        }
    }
}

/// What was used between two marks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) time: Duration,
    /// CPU time of the server.
    pub(super) cpu: Duration,
    /// The part of it in the server's own code.
    pub(super) user: Duration,
    /// CPU time of the generator.
    pub(super) own: Duration,
    /// CPU time of everything else on the machine.
    others: Duration,
    pub(super) frames: u64,
    pub(super) merged: u64,
}

impl Spent {
    /// So many things per second of the server's CPU. None if the clock of CPU time is too coarse to tell.
    pub(super) fn per_cpu_second(&self, num: f64) -> Option<f64> {
        (!self.cpu.is_zero()).then(|| num / self.cpu.as_secs_f64())
    }

    /// CPU of the server per thing, in microseconds.
    pub(super) fn micros_per(&self, num: f64) -> Option<f64> {
        (num > 0.0).then(|| self.cpu.as_secs_f64() * 1e6 / num)
    }

    /// The part of it in the server's own code.
    pub(super) fn user_micros_per(&self, num: f64) -> Option<f64> {
        (num > 0.0).then(|| self.user.as_secs_f64() * 1e6 / num)
    }

    /// The share of a core that the server used, in percent.
    pub(super) fn server_percent(&self) -> f64 {
        percent(self.cpu, self.time)
    }

    /// The same of the generator.
    pub(super) fn own_percent(&self) -> f64 {
        percent(self.own, self.time)
    }

    /// Says so if the generator had no time left while the server had, or if other work had the cores.
    pub(super) fn warnings(&self, of: &str) -> Vec<String> {
        let (own, server) = (self.own_percent(), self.server_percent());
        let others = percent(self.others, self.time);
        let mut warnings = Vec::new();
        if own > 100.0 * BUSY && server < 100.0 * SATURATED {
            warnings.push(format!("THE GENERATOR WAS THE BOTTLENECK of {of}: it was busy for {own:.0} % of the time, the server for {server:.0} %"));
        }
        if others > 100.0 * DISTURBING {
            warnings.push(format!("OTHER WORK TOOK {others:.0} % OF A CORE during {of}: trust what is per CPU-second alone"));
        }
        warnings
    }
}

fn percent(cpu: Duration, time: Duration) -> f64 {
    100.0 * cpu.as_secs_f64() / time.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(server_ms: u64, own_ms: u64) -> Spent {
        Spent {
            time: Duration::from_secs(1),
            cpu: Duration::from_millis(server_ms),
            user: Duration::ZERO,
            own: Duration::from_millis(own_ms),
            others: Duration::ZERO,
            frames: 0,
            merged: 0,
        }
    }

    #[test]
    fn a_generator_without_a_rest_is_the_bottleneck_of_a_server_with_one() {
        assert_eq!(spent(500, 990).warnings("x").len(), 1);
        assert!(spent(980, 990).warnings("x").is_empty());
        assert!(spent(500, 500).warnings("x").is_empty());
    }

    #[test]
    fn other_work_on_the_cores_is_named() {
        let disturbed = Spent {
            others: Duration::from_millis(400),
            ..spent(500, 500)
        };
        let warnings = disturbed.warnings("x");
        assert!(warnings[0].contains("40 % OF A CORE"), "{warnings:?}");
    }

    #[test]
    fn what_took_no_cpu_time_has_no_rate() {
        assert_eq!(spent(0, 0).per_cpu_second(7.0), None);
        assert_eq!(spent(500, 0).per_cpu_second(7.0), Some(14.0));
        assert_eq!(spent(500, 0).micros_per(10.0), Some(50_000.0));
    }
}
