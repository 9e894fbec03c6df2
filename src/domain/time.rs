//! The grid of windows: points in time, window numbers, and the one size that turns either into the
//! other.
//!
//! A window is numbered by its start divided by its size, so every node that knows the size agrees
//! on every number.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EpochMs(pub u64);

/// Number of a window: its start divided by the window size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// The window after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The window before this one; the first window has itself before it.
    pub fn prev(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Size of the tumbling windows in milliseconds, 100 ms to 60 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize(u64);

impl WindowSize {
    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(60);

    /// Accepts whole milliseconds only: the grid is counted in them, and a fraction would make it
    /// drift.
    pub fn try_new(size: Duration) -> Result<Self, WindowSizeError> {
        if !(Self::MIN..=Self::MAX).contains(&size) {
            return Err(WindowSizeError::OutOfRange);
        }
        let whole_ms = size.as_secs() * 1_000 + u64::from(size.subsec_millis());
        if Duration::from_millis(whole_ms) != size {
            return Err(WindowSizeError::FractionOfMs);
        }
        Ok(Self(whole_ms))
    }

    /// The size in milliseconds.
    pub fn as_ms(self) -> u64 {
        self.0
    }

    /// The size as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// The window that holds `at`; windows are half-open, so an end belongs to the next one.
    pub fn seq_at(self, at: EpochMs) -> Seq {
        Seq(at.0 / self.0)
    }

    /// The first moment of a window.
    pub fn start(self, seq: Seq) -> EpochMs {
        EpochMs(seq.0.saturating_mul(self.0))
    }

    /// The first moment after a window.
    pub fn end(self, seq: Seq) -> EpochMs {
        self.start(seq.next())
    }

    /// The newest window that is over at `now`: the last one with `end <= now`. At the very start
    /// of time none is, and the answer is the first one.
    pub fn last_ended(self, now: EpochMs) -> Seq {
        self.seq_at(now).prev()
    }
}

/// Why a duration cannot be a window size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowSizeError {
    /// Below 100 ms or above 60 s.
    OutOfRange,
    /// Not a whole number of milliseconds.
    FractionOfMs,
}

impl fmt::Display for WindowSizeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OutOfRange => "a window is from 100 ms to 60 s long",
            Self::FractionOfMs => "a window is a whole number of milliseconds long",
        })
    }
}

impl Error for WindowSizeError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_outside_the_range_are_refused() {
        for ms in [0, 99, 60_001] {
            let refused = WindowSize::try_new(Duration::from_millis(ms));
            assert_eq!(refused, Err(WindowSizeError::OutOfRange), "{ms} ms");
        }
        assert_eq!(
            WindowSize::try_new(Duration::MAX),
            Err(WindowSizeError::OutOfRange)
        );
        for ms in [100, 2_000, 60_000] {
            assert_eq!(
                WindowSize::try_new(Duration::from_millis(ms))
                    .unwrap()
                    .as_ms(),
                ms
            );
        }
    }

    #[test]
    fn fractions_of_a_millisecond_are_refused() {
        let refused = WindowSize::try_new(Duration::from_micros(100_500));
        assert_eq!(refused, Err(WindowSizeError::FractionOfMs));
    }

    #[test]
    fn numbers_are_start_over_size() {
        let size = WindowSize::try_new(Duration::from_secs(2)).unwrap();
        let seq = size.seq_at(EpochMs(1_764_692_000_000));
        assert_eq!(seq, Seq(882_346_000));
        assert_eq!(size.start(seq), EpochMs(1_764_692_000_000));
        assert_eq!(size.end(seq), EpochMs(1_764_692_002_000));
        assert_eq!(seq.to_string(), "882346000");
    }

    #[test]
    fn nothing_is_over_at_the_start_of_time() {
        let size = WindowSize::try_new(Duration::from_secs(2)).unwrap();
        assert_eq!(size.last_ended(EpochMs(0)), Seq(0));
        assert_eq!(size.last_ended(EpochMs(5_999)), Seq(1));
        assert_eq!(size.last_ended(EpochMs(6_000)), Seq(2));
    }

    proptest! {
        #[test]
        fn every_moment_is_in_exactly_the_window_it_is_numbered_with(
            ms in 100..=60_000_u64, at in 0..=u64::MAX / 2,
        ) {
            let size = WindowSize::try_new(Duration::from_millis(ms)).unwrap();
            let seq = size.seq_at(EpochMs(at));
            prop_assert!(size.start(seq) <= EpochMs(at) && EpochMs(at) < size.end(seq));
            prop_assert_eq!(size.last_ended(size.end(seq)), seq);
        }
    }
}
