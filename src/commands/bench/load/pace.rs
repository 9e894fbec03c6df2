//! When the next message may go.

use std::time::Duration;

use tokio::time::Instant;

use super::Pacing;

/// A sleep in the kernel is rounded to milliseconds and wakes late. What is due sooner is waited for awake.
const AWAKE: Duration = Duration::from_millis(2);

/// When the next message may go.
#[derive(Debug)]
pub(super) enum Pace {
    /// At once, until then.
    Closed { until: Instant },
    /// Each at its time.
    Open {
        pacing: Pacing,
        start: Instant,
        next: u64,
        /// What finds no connection free is not sent later.
        is_fleeting: bool,
    },
    /// Never.
    Silent,
}

impl Pace {
    pub(super) fn closed(until: Instant) -> Self {
        Self::Closed { until }
    }

    pub(super) fn open(pacing: Pacing, start: Instant, is_fleeting: bool) -> Self {
        Self::Open {
            pacing,
            start,
            next: 0,
            is_fleeting,
        }
    }

    /// No connection is free: what has been due by now waits, or is given up.
    pub(super) fn miss(&mut self, now: Instant) {
        if let Self::Open {
            pacing,
            start,
            next,
            is_fleeting: true,
        } = self
        {
            *next = pacing.num_due(now - *start).max(*next);
        }
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Closed { until } => now >= *until,
            Self::Open { pacing, start, .. } => now >= *start + pacing.duration,
            Self::Silent => true,
        }
    }

    /// The intended time of a message that may go now, and is taken with it.
    pub(super) fn next(&mut self, now: Instant) -> Option<Instant> {
        if self.is_over(now) {
            return None;
        }
        match self {
            Self::Closed { .. } => Some(now),
            Self::Open {
                pacing,
                start,
                next,
                ..
            } => {
                let due = *start + pacing.due(*next);
                (due <= now && *next < pacing.num_sends()).then(|| {
                    *next += 1;
                    due
                })
            }
            Self::Silent => None,
        }
    }

    /// How long to wait for sockets: until the next message is due if a connection is free to send it, else until the end.
    pub(super) fn wait(&self, now: Instant, is_one_free: bool) -> Option<Duration> {
        let then = match self {
            Self::Closed { until } => *until,
            Self::Open {
                pacing,
                start,
                next,
                ..
            } if is_one_free => *start + pacing.due(*next).min(pacing.duration),
            Self::Open { pacing, start, .. } => *start + pacing.duration,
            Self::Silent => return None,
        };
        Some(then.saturating_duration_since(now).saturating_sub(AWAKE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_an_open_loop_every_message_has_its_time_however_late_it_goes() {
        let start = Instant::now();
        let pacing = Pacing {
            rate: 1_000,
            num_senders: 1,
            duration: Duration::from_millis(10),
        };
        let mut pace = Pace::open(pacing, start, false);
        let ms = |number| start + Duration::from_millis(number);
        assert_eq!(pace.next(ms(0)), Some(ms(0)));
        assert_eq!(pace.next(ms(0)), None);
        assert_eq!(pace.next(ms(5)), Some(ms(1)));
        pace.miss(ms(5));
        assert_eq!(pace.next(ms(5)), Some(ms(2)));
        assert_eq!(pace.next(ms(10)), None, "over");
        assert!(pace.is_over(ms(10)));
    }

    #[test]
    fn what_is_fleeting_is_given_up_where_no_connection_is_free() {
        let start = Instant::now();
        let pacing = Pacing {
            rate: 1_000,
            num_senders: 1,
            duration: Duration::from_secs(1),
        };
        let mut pace = Pace::open(pacing, start, true);
        let us = |number| start + Duration::from_micros(number);
        pace.miss(us(4_500));
        assert_eq!(pace.next(us(4_500)), None);
        assert_eq!(pace.next(us(5_000)), Some(us(5_000)));
        pace.miss(us(5_000));
        assert_eq!(pace.next(us(6_000)), Some(us(6_000)));
    }

    #[test]
    fn whoever_has_no_free_connection_does_not_wait_for_the_next_message() {
        let start = Instant::now();
        let pacing = Pacing {
            rate: 10,
            num_senders: 1,
            duration: Duration::from_secs(1),
        };
        let mut pace = Pace::open(pacing, start, false);
        assert_eq!(pace.next(start), Some(start));
        assert_eq!(pace.wait(start, true), Some(Duration::from_millis(98)));
        assert_eq!(pace.wait(start, false), Some(Duration::from_millis(998)));
    }

    #[test]
    fn a_closed_loop_sends_at_once_until_its_end() {
        let start = Instant::now();
        let end = start + Duration::from_secs(1);
        let mut pace = Pace::closed(end);
        assert_eq!(pace.next(start), Some(start));
        assert_eq!(pace.next(end), None);
        assert_eq!(Pace::Silent.next(start), None);
    }
}
