//! Delays of which only the newest are kept, as a crowd may stay for days.

use super::super::percentiles::Percentiles;

/// How many are kept.
const KEPT: usize = 20_000;

/// The newest delays, in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Delays {
    newest: Vec<f64>,
    /// Where the next one goes, once there are enough.
    next: usize,
}

/// What is shown of them, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Typical {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

impl Delays {
    pub(super) fn add(&mut self, delay_ms: f64) {
        // Two clocks may be a little apart.
        let delay_ms = delay_ms.max(0.0);
        if self.newest.len() < KEPT {
            self.newest.push(delay_ms);
        } else {
            self.newest[self.next] = delay_ms;
            self.next = (self.next + 1) % KEPT;
        }
    }

    pub(super) fn typical(&self) -> Typical {
        let percentiles = Percentiles::of(self.newest.iter().copied());
        Typical {
            p50: percentiles.at(0.5),
            p99: percentiles.at(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_delays_count() {
        let mut delays = Delays::default();
        assert_eq!(delays.typical(), Typical::default());
        (0..KEPT).for_each(|_| delays.add(1_000.0));
        (0..KEPT).for_each(|_| delays.add(2.0));
        let all_two = Typical {
            p50: Some(2.0),
            p99: Some(2.0),
        };
        assert_eq!(delays.typical(), all_two);
        assert_eq!(delays.newest.len(), KEPT);
    }

    #[test]
    fn a_clock_that_is_ahead_makes_no_negative_delay() {
        let mut delays = Delays::default();
        delays.add(-3.0);
        assert_eq!(delays.typical().p50, Some(0.0));
    }
}
