//! The random times of a person: when they come, how long they stay, when they react next.

use std::time::Duration;

use fastrand::Rng;

/// People who come per second at most, so that their coming is no stampede.
const MAX_COMERS: u32 = 500;

/// A time from half of `mean` to half as much again.
pub(super) fn around(mean: Duration, random: &mut Rng) -> Duration {
    mean.mul_f64(0.5 + random.f64())
}

/// The time to the next of events that happen `rate` times per second, each on its own: a Poisson process. None, if they
/// never happen.
pub(super) fn gap(rate: f64, random: &mut Rng) -> Option<Duration> {
    if rate <= 0.0 {
        return None;
    }
    // 1 - [0, 1) is never 0, whose logarithm is infinite.
    let seconds = -(1.0 - random.f64()).ln() / rate;
    Duration::try_from_secs_f64(seconds).ok()
}

/// When a person comes for the first time: one after the other, over no more than a stay's time if that lets them.
pub(super) fn arrival(number: u32, people: u32, stay: Duration) -> Duration {
    let fastest = Duration::from_secs(1) * people / MAX_COMERS;
    let ramp = fastest.max(stay.min(Duration::from_secs(2)));
    ramp * number / people.max(1)
}

/// Some time in which that many people can come or go without a stampede.
pub(super) fn spread(people: u32, random: &mut Rng) -> Duration {
    (Duration::from_secs(1) * people / MAX_COMERS).mul_f64(random.f64())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn gaps_are_exponential() {
        let mut random = Rng::with_seed(1);
        let rate = 4.0;
        let gaps: Vec<f64> = (0..100_000)
            .map(|_| gap(rate, &mut random).unwrap().as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((mean * rate - 1.0).abs() < 0.02, "{mean}");
        // Of an exponential distribution 1/e is above the mean.
        let above = gaps.iter().filter(|gap| **gap > 1.0 / rate).count() as f64;
        let share = above / gaps.len() as f64;
        assert!((share - (-1.0_f64).exp()).abs() < 0.01, "{share}");
    }

    #[test]
    fn who_never_reacts_has_no_gap() {
        assert_eq!(gap(0.0, &mut Rng::with_seed(1)), None);
    }

    #[test]
    fn stays_lie_around_the_mean() {
        let mut random = Rng::with_seed(1);
        for _ in 0..1_000 {
            let stay = around(30 * SECOND, &mut random);
            assert!((15 * SECOND..=45 * SECOND).contains(&stay), "{stay:?}");
        }
    }

    #[test]
    fn one_seed_is_one_history() {
        let draw = || {
            let mut random = Rng::with_seed(7);
            (around(SECOND, &mut random), gap(1.0, &mut random))
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn a_large_crowd_takes_its_time_to_come() {
        assert_eq!(arrival(0, 10_000, SECOND), Duration::ZERO);
        assert_eq!(arrival(9_999, 10_000, SECOND), 20 * SECOND * 9_999 / 10_000);
        assert!(arrival(9, 10, 30 * SECOND) < 2 * SECOND);
    }
}
