//! Open-loop pacing: when each of many sends is meant to happen, however the ones before it fared.

use std::time::Duration;

/// Sends at an even rate, dealt out in turn to senders that each wait for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pacing {
    /// Sends per second in all.
    pub(super) rate: u32,
    /// Who share them.
    pub(super) num_senders: u32,
    /// For how long.
    pub(super) duration: Duration,
}

impl Pacing {
    /// How many sends there are in all.
    pub(super) fn num_sends(&self) -> u64 {
        let nanos = self.duration.as_nanos() * u128::from(self.rate);
        u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// When a send is meant to happen, from the start of all.
    pub(super) fn due(&self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many sends are due after that time from the start of all, those at that very moment included.
    pub(super) fn num_due(&self, after: Duration) -> u64 {
        let whole = after.as_nanos() * u128::from(self.rate) / 1_000_000_000;
        let num = u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(1);
        num.min(self.num_sends())
    }

    /// The sends of one sender, by number.
    pub(super) fn of(&self, sender: u32) -> impl Iterator<Item = u64> + use<> {
        (u64::from(sender)..self.num_sends()).step_by(self.num_senders.max(1) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACING: Pacing = Pacing {
        rate: 5_000,
        num_senders: 64,
        duration: Duration::from_secs(60),
    };

    #[test]
    fn sends_are_as_many_as_the_rate_says_and_evenly_apart() {
        assert_eq!(PACING.num_sends(), 300_000);
        assert_eq!(PACING.due(0), Duration::ZERO);
        assert_eq!(PACING.due(1), Duration::from_micros(200));
        assert_eq!(PACING.due(PACING.num_sends()), PACING.duration);
    }

    #[test]
    fn what_is_due_is_counted_as_it_is_timed() {
        for number in [0, 1, 4_999, 299_999] {
            let due = PACING.due(number);
            assert_eq!(PACING.num_due(due), number + 1);
            assert_eq!(PACING.num_due(due + Duration::from_micros(199)), number + 1);
        }
        assert_eq!(PACING.num_due(Duration::from_secs(90)), PACING.num_sends());
    }

    #[test]
    fn every_send_belongs_to_one_sender() {
        let mut all: Vec<u64> = (0..PACING.num_senders)
            .flat_map(|sender| PACING.of(sender))
            .collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..PACING.num_sends()));
    }

    #[test]
    fn an_hour_at_any_rate_stays_exact() {
        let hour = Pacing {
            rate: 99_999,
            duration: Duration::from_secs(3_600),
            ..PACING
        };
        assert_eq!(hour.num_sends(), 99_999 * 3_600);
        assert_eq!(hour.due(hour.num_sends()), hour.duration);
    }
}
