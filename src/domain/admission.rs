//! Whom to turn away when there is no time for all: as few as it takes.
//!
//! What is watched is the delay of a queue, as CoDel does (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012):
//! its length says nothing without its speed, and a delay that comes and goes is a burst, which a queue is there for. Only
//! one that stands is overload. Then the share that is turned away follows how far the delay is beyond its target: a client that
//! is told to come back in a second, and does, is silent for that second, so that a small share goes a long way.

use std::time::Duration;

/// How long the delay has to stand before anybody is turned away.
const PATIENCE: Duration = Duration::from_secs(1);

/// In thousandths, turned away for each time that the delay has the target in it beyond the first.
const SHARE_PER_TARGET: u128 = 100;

/// In thousandths. Turning away costs nearly as much as taking in, so beyond this it would only do harm.
const MOST: u128 = 500;

/// Decides who is taken in.
#[derive(Debug, Clone)]
pub struct Admission {
    target: Duration,
    /// Since when every delay was beyond the target.
    standing_since: Option<Duration>,
    /// How many of a thousand are turned away.
    share: u32,
    /// Thousandths of one who is turned away next.
    owed: u32,
}

impl Admission {
    /// Keeps the delay near `target`.
    pub fn new(target: Duration) -> Self {
        Self {
            target: target.max(Duration::from_micros(1)),
            standing_since: None,
            share: 0,
            owed: 0,
        }
    }

    /// Somebody had to wait that long, and was served at `now`, a time since any fixed moment.
    pub fn observe(&mut self, now: Duration, delay: Duration) {
        if delay <= self.target {
            self.standing_since = None;
            self.share = 0;
            return;
        }
        let came = now.saturating_sub(delay);
        let since = *self.standing_since.get_or_insert(came);
        if now.saturating_sub(since) >= PATIENCE {
            let beyond = (delay - self.target).as_micros() * SHARE_PER_TARGET;
            self.share = (beyond / self.target.as_micros()).min(MOST) as u32;
        }
    }

    /// Nobody had to wait too long the last time.
    pub fn is_at_ease(&self) -> bool {
        self.standing_since.is_none()
    }

    /// Whether the next one is taken in. Those who are not are evenly spread among the others.
    pub fn admits(&mut self) -> bool {
        self.owed += self.share;
        let is_admitted = self.owed < 1_000;
        if !is_admitted {
            self.owed -= 1_000;
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TARGET: Duration = Duration::from_millis(50);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Turned away of the next thousand.
    fn turned_away(admission: &mut Admission) -> usize {
        (0..1_000).filter(|_| !admission.admits()).count()
    }

    fn after(delays: impl IntoIterator<Item = (u64, u64)>) -> Admission {
        let mut admission = Admission::new(TARGET);
        for (now, delay) in delays {
            admission.observe(ms(now), ms(delay));
        }
        admission
    }

    #[test]
    fn a_burst_that_passes_is_taken_in_whole() {
        let burst = (0..9).map(|tenth| (60 + tenth * 100, 60 + tenth));
        assert_eq!(turned_away(&mut after(burst)), 0);
        let long_but_broken =
            (0..30).map(|tenth| (tenth * 100, if tenth % 9 == 8 { 50 } else { 90 }));
        assert_eq!(turned_away(&mut after(long_but_broken)), 0);
    }

    #[test]
    fn a_delay_that_stands_has_a_share_turned_away_that_grows_with_it() {
        let standing = |delay| after((1..=20).map(|tenth| (tenth * 100, delay)));
        assert_eq!(turned_away(&mut standing(55)), 10);
        assert_eq!(turned_away(&mut standing(100)), 100);
        assert_eq!(turned_away(&mut standing(10_000)), 500);
    }

    #[test]
    fn one_delay_within_the_target_ends_it() {
        let mut admission = after((1..=20).map(|tenth| (tenth * 100, 500)));
        assert!(turned_away(&mut admission) > 0);
        admission.observe(ms(2_100), TARGET);
        assert_eq!(turned_away(&mut admission), 0);
    }

    #[test]
    fn those_who_are_turned_away_are_spread_among_the_others() {
        let mut admission = after((1..=20).map(|tenth| (tenth * 100, 150)));
        let first: Vec<bool> = (0..20).map(|_| admission.admits()).collect();
        let refused: Vec<usize> = (0..20).filter(|place| !first[*place]).collect();
        assert_eq!(refused, [4, 9, 14, 19]);
    }

    proptest! {
        #[test]
        fn half_of_any_ten_are_taken_in_whatever_the_delays(
            delays in proptest::collection::vec((1_u64..2_000, 0_u64..1_000_000), 1..50)
        ) {
            let (mut now, mut admission) = (0, Admission::new(TARGET));
            for (step, delay) in delays {
                now += step;
                admission.observe(ms(now), ms(delay));
                let refused = (0..10).filter(|_| !admission.admits()).count();
                prop_assert!(refused <= 6, "{} of 10", refused);
            }
        }
    }
}
