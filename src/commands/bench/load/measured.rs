//! What a generator has counted and timed.

use std::ops::{AddAssign, Sub};
use std::time::Duration;

use tokio::time::Instant;

use super::answers::Answer;
use crate::commands::bench::percentiles::Percentiles;
use crate::commands::bench::process::{self, Usage};

/// A thread that is busy for more than this share of its time has no more to give.
const BUSY: f64 = 0.95;

/// A server's core that is busy for less than this share was not what held the load up.
const SATURATED: f64 = 0.90;

/// Answers by what they say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::commands::bench) struct Counts {
    /// Messages that were accepted, in whole or in part.
    pub(in crate::commands::bench) accepted: u64,
    /// Messages that the server had no room for (503).
    pub(in crate::commands::bench) shed: u64,
    /// Messages that were answered in any other way.
    pub(in crate::commands::bench) refused: u64,
    /// Reactions in what was accepted.
    pub(in crate::commands::bench) reactions: u64,
    /// Reactions in what there was no room for.
    pub(in crate::commands::bench) shed_reactions: u64,
}

impl Counts {
    pub(super) fn add(&mut self, answer: Answer, reactions: u64) {
        match answer {
            Answer::Accepted(_) => {
                self.accepted += 1;
                self.reactions += reactions;
            }
            Answer::Shed(_) => {
                self.shed += 1;
                self.shed_reactions += reactions;
            }
            Answer::Refused => self.refused += 1,
        }
    }

    /// All answers.
    pub(in crate::commands::bench) fn answers(&self) -> u64 {
        self.accepted + self.shed + self.refused
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.shed += other.shed;
        self.refused += other.refused;
        self.reactions += other.reactions;
        self.shed_reactions += other.shed_reactions;
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            accepted: self.accepted - earlier.accepted,
            shed: self.shed - earlier.shed,
            refused: self.refused - earlier.refused,
            reactions: self.reactions - earlier.reactions,
            shed_reactions: self.shed_reactions - earlier.shed_reactions,
        }
    }
}

/// How things stand at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    at: Instant,
    server: Usage,
    generator: Usage,
    counts: Counts,
}

impl Snapshot {
    pub(super) fn take(server: Usage, counts: Counts) -> Self {
        Self {
            at: Instant::now(),
            server,
            generator: process::own(),
            counts,
        }
    }

    pub(super) fn until(&self, later: &Self) -> Sample {
        Sample {
            counts: later.counts - self.counts,
            time: later.at - self.at,
            server: later.server - self.server,
            server_user: later.server.utime.saturating_sub(self.server.utime),
            generator: later.generator - self.generator,
        }
    }
}

/// What happened between two moments.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands::bench) struct Sample {
    /// Answers that came.
    pub(in crate::commands::bench) counts: Counts,
    time: Duration,
    /// CPU time of the server.
    server: Duration,
    /// Of that, outside the kernel.
    server_user: Duration,
    /// CPU time of this process.
    generator: Duration,
}

impl Sample {
    /// Messages accepted per second.
    pub(in crate::commands::bench) fn per_second(&self) -> f64 {
        self.counts.accepted as f64 / self.time.as_secs_f64()
    }

    /// How long it was.
    pub(in crate::commands::bench) fn time(&self) -> Duration {
        self.time
    }

    /// Messages accepted per second of the server's CPU.
    pub(in crate::commands::bench) fn per_cpu_second(&self) -> f64 {
        self.counts.accepted as f64 / self.server.as_secs_f64()
    }

    /// Reactions accepted per second of the server's CPU.
    pub(in crate::commands::bench) fn reactions_per_cpu_second(&self) -> f64 {
        self.counts.reactions as f64 / self.server.as_secs_f64()
    }

    /// How much of the time the server was busy.
    pub(in crate::commands::bench) fn server_share(&self) -> f64 {
        self.server.as_secs_f64() / self.time.as_secs_f64()
    }

    /// How much of the server's CPU time was spent outside the kernel.
    pub(in crate::commands::bench) fn user_share(&self) -> f64 {
        self.server_user.as_secs_f64() / self.server.as_secs_f64()
    }

    /// How much of the time the generator was busy.
    pub(in crate::commands::bench) fn generator_share(&self) -> f64 {
        self.generator.as_secs_f64() / self.time.as_secs_f64()
    }

    /// Whether the generator, and not the server, was at its limit.
    pub(in crate::commands::bench) fn is_generator_bound(&self) -> bool {
        self.generator_share() > BUSY && !self.is_saturated()
    }

    /// Whether neither was: somebody else had the cores.
    pub(in crate::commands::bench) fn is_disturbed(&self) -> bool {
        self.generator_share() <= BUSY && !self.is_saturated()
    }

    fn is_saturated(&self) -> bool {
        self.server_share() >= SATURATED
    }
}

/// Times of accepted messages, in milliseconds; none where nobody asked for them.
#[derive(Debug, Default)]
pub(in crate::commands::bench) struct Latencies {
    is_wanted: bool,
    since_due: Vec<f32>,
    since_sent: Vec<f32>,
    delays: Vec<f32>,
}

impl Latencies {
    /// Has room for this many, so that none of them is the one that allocates.
    pub(super) fn expecting(num: u64) -> Self {
        let room = || Vec::with_capacity(usize::try_from(num).unwrap_or_default());
        Self {
            is_wanted: true,
            since_due: room(),
            since_sent: room(),
            delays: room(),
        }
    }

    pub(super) fn add(&mut self, due: Instant, sent: Instant, answered: Instant) {
        if self.is_wanted {
            let ms = |time: Duration| time.as_secs_f32() * 1e3;
            self.since_due.push(ms(answered - due));
            self.since_sent.push(ms(answered - sent));
            self.delays.push(ms(sent - due));
        }
    }

    /// From the intended time to the answer.
    pub(in crate::commands::bench) fn since_due(&self) -> Percentiles {
        percentiles(&self.since_due)
    }

    /// From the first byte sent to the answer.
    pub(in crate::commands::bench) fn since_sent(&self) -> Percentiles {
        percentiles(&self.since_sent)
    }

    /// From the intended time to the first byte sent.
    pub(in crate::commands::bench) fn delays(&self) -> Percentiles {
        percentiles(&self.delays)
    }
}

fn percentiles(values: &[f32]) -> Percentiles {
    Percentiles::of(values.iter().copied().map(f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(server_ms: u64, generator_ms: u64) -> Sample {
        Sample {
            counts: Counts {
                accepted: 50,
                reactions: 5_000,
                ..Counts::default()
            },
            time: Duration::from_secs(1),
            server: Duration::from_millis(server_ms),
            server_user: Duration::from_millis(server_ms / 4),
            generator: Duration::from_millis(generator_ms),
        }
    }

    #[test]
    fn a_busy_generator_is_the_bottleneck_only_before_an_idle_server() {
        assert!(sample(800, 980).is_generator_bound());
        assert!(!sample(980, 980).is_generator_bound());
        assert!(!sample(800, 800).is_generator_bound());
    }

    #[test]
    fn a_run_in_which_nobody_was_at_a_limit_was_disturbed() {
        assert!(sample(800, 800).is_disturbed());
        assert!(!sample(980, 800).is_disturbed());
        assert!(!sample(800, 980).is_disturbed());
    }

    #[test]
    fn cost_is_per_second_of_the_servers_cpu() {
        let sample = sample(500, 100);
        assert_eq!(
            (sample.per_second(), sample.per_cpu_second()),
            (50.0, 100.0)
        );
        assert_eq!(sample.reactions_per_cpu_second(), 10_000.0);
        assert_eq!(sample.user_share(), 0.25);
    }
}
