//! Whom to turn away when there is no time for all: as few as it takes.
//!
//! What is watched is the delay of a queue, as CoDel does (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012):
//! its length says nothing without its speed, and a delay that comes and goes is a burst, which a queue is there for. Only
//! one that stands is overload. Then the share that is turned away follows how far the delay is beyond its target: a client that
//! is told to come back in a second, and does, is silent for that second, so that a small share goes a long way.

use std::time::Duration;

/// How long the delay has to stand before anybody is turned away.
const PATIENCE: Duration = Duration::from_secs(1);

/// The share that is turned away for each time that the delay has the target in it beyond the first.
const SHARE_PER_TARGET: f64 = 0.3;

/// The share follows the delay with this time constant. Those who were turned away come back after seconds: a share that
/// followed at once would swing with them.
const SETTLING: Duration = Duration::from_millis(500);

/// For so long those who were turned away may still come back: longer than any of them is sent away for. Until then a delay is
/// the same overload, which began with patience; with patience again it would come back in waves.
const RETURN: Duration = Duration::from_secs(5);

/// Turning away costs nearly as much as taking in, so beyond this share it would only do harm.
const MOST: f64 = 0.5;

/// A share this small is none.
const LEAST: f64 = 0.002;

/// Decides who is taken in.
#[derive(Debug, Clone)]
pub struct Admission {
    target: Duration,
    /// Since when every delay was beyond the target.
    standing_since: Option<Duration>,
    /// When the last one was observed.
    observed: Duration,
    /// The share of those that come who are turned away.
    share: f64,
    /// How much of the next one is turned away already.
    owed: f64,
    /// When all are back who were turned away.
    all_back: Duration,
}

impl Admission {
    /// Keeps the delay near `target`.
    pub fn new(target: Duration) -> Self {
        Self {
            target: target.max(Duration::from_micros(1)),
            standing_since: None,
            observed: Duration::ZERO,
            share: 0.0,
            owed: 0.0,
            all_back: Duration::ZERO,
        }
    }

    /// Somebody had to wait that long, and was served at `now`, a time since any fixed moment.
    pub fn observe(&mut self, now: Duration, delay: Duration) {
        let mut known_since = self.observed;
        self.observed = now;
        let wanted = if delay > self.target {
            let came = now.saturating_sub(delay);
            let since = *self.standing_since.get_or_insert(came);
            // Of the time before, when nobody came, it tells nothing.
            known_since = known_since.max(since);
            let may_pass = self.share == 0.0 && now >= self.all_back;
            if may_pass && now.saturating_sub(since) < PATIENCE {
                return;
            }
            let beyond = delay.as_secs_f64() / self.target.as_secs_f64() - 1.0;
            (SHARE_PER_TARGET * beyond).min(MOST)
        } else {
            self.standing_since = None;
            0.0
        };
        let passed = now.saturating_sub(known_since);
        let step = (passed.as_secs_f64() / SETTLING.as_secs_f64()).min(1.0);
        self.share += (wanted - self.share) * step;
        if self.share < LEAST {
            self.share = 0.0;
        }
    }

    /// Nobody had to wait too long the last time, and nobody is turned away.
    pub fn is_at_ease(&self) -> bool {
        self.standing_since.is_none() && self.share == 0.0
    }

    /// Whether the next one is taken in. Those who are not are evenly spread among the others.
    pub fn admits(&mut self) -> bool {
        self.owed += self.share;
        let is_admitted = self.owed < 1.0;
        if !is_admitted {
            self.owed -= 1.0;
            self.all_back = self.observed + RETURN;
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

    /// A delay that has stood for so long that the share has settled.
    fn standing(delay: u64) -> Admission {
        after((1..=100).map(|tenth| (tenth * 100, delay)))
    }

    #[test]
    fn a_delay_that_stands_has_a_share_turned_away_that_grows_with_it() {
        for (delay, share) in [(55, 30), (75, 150), (10_000, 500)] {
            let away = turned_away(&mut standing(delay));
            assert!(away.abs_diff(share) <= 1, "{delay} ms: {away}");
        }
    }

    #[test]
    fn the_share_follows_the_delay_within_seconds_and_ends_with_it() {
        let mut admission = after((1..=11).map(|tenth| (tenth * 100, 10_000)));
        let first = turned_away(&mut admission);
        admission.observe(ms(1_200), ms(10_000));
        let second = turned_away(&mut admission);
        assert!(
            0 < first && first < second && second < 500,
            "{first}, {second}"
        );
        let mut quiet = 0;
        while !admission.is_at_ease() {
            quiet += 20;
            admission.observe(ms(1_200 + quiet), ms(1));
        }
        assert!(quiet < 4_000, "{quiet} ms");
        assert_eq!(turned_away(&mut admission), 0);
    }

    /// How many are turned away when a delay comes back so long after the last one was, with nobody in between.
    fn turned_away_after_a_rest(of: u64, delay: u64) -> usize {
        let mut admission = standing(100);
        turned_away(&mut admission);
        let mut now = 10_000;
        while !admission.is_at_ease() {
            now += 20;
            admission.observe(ms(now), ms(1));
        }
        admission.observe(ms(10_000 + of), ms(delay));
        turned_away(&mut admission)
    }

    #[test]
    fn a_delay_that_returns_with_those_who_were_turned_away_is_met_at_once_and_gently() {
        let away = turned_away_after_a_rest(4_500, 100);
        assert!((10..100).contains(&away), "{away}");
        assert_eq!(turned_away_after_a_rest(6_000, 100), 0, "it may be a burst");
    }

    #[test]
    fn bursts_far_apart_are_each_taken_in_whole() {
        let mut admission = Admission::new(TARGET);
        for minute in 1..=3 {
            admission.observe(ms(minute * 60_000), ms(600));
            assert_eq!(turned_away(&mut admission), 0);
            admission.observe(ms(minute * 60_000 + 20), ms(0));
        }
    }

    #[test]
    fn those_who_are_turned_away_are_spread_among_the_others() {
        let mut admission = standing(10_000);
        let all: Vec<bool> = (0..1_000).map(|_| admission.admits()).collect();
        assert!(
            all.windows(2).all(|pair| pair[0] || pair[1]),
            "never two in a row"
        );
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
