//! The wall clock that windows follow: steady while it runs, never backwards.
//!
//! Windows are numbered by wall-clock time, but an operating system's clock may be stepped by an administrator or a time
//! server. A step back would close the same window twice, so the clock reads the wall once and counts on monotonically.
//! Only a clock that has fallen far behind the wall (a suspended machine) moves forward to meet it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::domain::EpochMs;

/// How far the wall clock must be ahead before the clock jumps to it.
const REBASE_AFTER: Duration = Duration::from_secs(5);

/// A clock that every actor of a node shares. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Instant,
    /// Epoch milliseconds at `origin`; only ever raised.
    origin_ms: Arc<AtomicU64>,
    wall: fn() -> Option<u64>,
}

impl Clock {
    /// The clock of a running node.
    pub fn system() -> Self {
        Self::starting_at(wall_ms().unwrap_or_default(), wall_ms)
    }

    /// A clock that follows tokio's time alone, for tests that pause it.
    pub fn following_tokio(start: EpochMs) -> Self {
        Self::starting_at(start.0, || None)
    }

    fn starting_at(origin_ms: u64, wall: fn() -> Option<u64>) -> Self {
        Self {
            origin: Instant::now(),
            origin_ms: Arc::new(AtomicU64::new(origin_ms)),
            wall,
        }
    }

    /// Now, in milliseconds since the Unix epoch. Never less than an earlier answer.
    pub fn now(&self) -> EpochMs {
        let elapsed_ms = self.origin.elapsed().as_millis() as u64;
        let steady_ms = self.origin_ms.load(Ordering::Relaxed) + elapsed_ms;
        let ahead_ms = (self.wall)().map_or(0, |wall_ms| wall_ms.saturating_sub(steady_ms));
        if ahead_ms <= REBASE_AFTER.as_millis() as u64 {
            return EpochMs(steady_ms);
        }
        let rebased_ms = steady_ms + ahead_ms - elapsed_ms;
        self.origin_ms.fetch_max(rebased_ms, Ordering::Relaxed);
        EpochMs(steady_ms + ahead_ms)
    }

    /// How long until `moment`; zero once it is past.
    pub fn until(&self, moment: EpochMs) -> Duration {
        Duration::from_millis(moment.0.saturating_sub(self.now().0))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn wall_ms() -> Option<u64> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .map(|since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_tokio_time() {
        let clock = Clock::following_tokio(EpochMs(10_000));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(clock.now(), EpochMs(11_500));
        assert_eq!(clock.until(EpochMs(12_000)), Duration::from_millis(500));
        assert_eq!(clock.until(EpochMs(11_000)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_far_ahead_is_met_and_never_left_again() {
        let clock = Clock::starting_at(1_000, || Some(60_000));
        assert_eq!(clock.now(), EpochMs(60_000));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), EpochMs(62_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_stepped_back_changes_nothing() {
        let clock = Clock::starting_at(100_000, || Some(1));
        assert_eq!(clock.now(), EpochMs(100_000));
    }
}
