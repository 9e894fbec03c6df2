//! The books: where every reaction that came to the door went.

/// One row of the ledger. Two equations always hold: `received = accepted + rejected + limited +
/// shed` and `accepted = counted + in_flight + deduplicated`.
///
/// Where nodes share a log, one counts what another has accepted. The equations hold for each of
/// them, and for the sum over all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Taken in, to be counted.
    pub accepted: u64,
    /// Refused as invalid.
    pub rejected: u64,
    /// Refused because someone sent too many.
    pub limited: u64,
    /// Refused because there was no room.
    pub shed: u64,
    /// Of `shed`: may have been written all the same, and is counted then.
    pub unknown_outcome: u64,
    /// Counted in a published window.
    pub counted: u64,
    /// Sent a second time, and so not counted again.
    pub deduplicated: u64,
    /// Of `counted`: counted in a later window than their own, which had closed.
    pub late_carried: u64,
    /// Of what is in flight: gone with an actor that died, and never to be counted.
    pub lost: u64,
}

impl Ledger {
    /// Everything that came to the door.
    pub fn received(&self) -> u64 {
        self.accepted
            .saturating_add(self.rejected)
            .saturating_add(self.limited)
            .saturating_add(self.shed)
    }

    /// Accepted and not yet in a published window. Below zero if more was counted here than was
    /// accepted here: what others accepted, or what had an unknown outcome.
    pub fn in_flight(&self) -> i64 {
        self.accepted
            .wrapping_sub(self.counted)
            .wrapping_sub(self.deduplicated)
            .cast_signed()
    }

    /// Adds another row.
    pub fn merge(&mut self, other: &Self) {
        // Taken apart without `..`, so that a new column cannot be forgotten here.
        let Self {
            accepted,
            rejected,
            limited,
            shed,
            unknown_outcome,
            counted,
            deduplicated,
            late_carried,
            lost,
        } = other;
        self.accepted += accepted;
        self.rejected += rejected;
        self.limited += limited;
        self.shed += shed;
        self.unknown_outcome += unknown_outcome;
        self.counted += counted;
        self.deduplicated += deduplicated;
        self.late_carried += late_carried;
        self.lost += lost;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_row() -> impl Strategy<Value = Ledger> {
        prop::array::uniform9(0..1_000_000_u64).prop_map(
            |[
                accepted,
                rejected,
                limited,
                shed,
                unknown_outcome,
                counted,
                deduplicated,
                late_carried,
                lost,
            ]| Ledger {
                accepted,
                rejected,
                limited,
                shed,
                unknown_outcome,
                counted,
                deduplicated,
                late_carried,
                lost,
            },
        )
    }

    #[test]
    fn a_node_that_counts_for_others_has_less_than_nothing_in_flight_and_the_sum_is_even() {
        let accepting = Ledger {
            accepted: 5,
            ..Ledger::default()
        };
        let mut counting = Ledger {
            counted: 4,
            deduplicated: 1,
            ..Ledger::default()
        };
        assert_eq!((accepting.in_flight(), counting.in_flight()), (5, -5));
        counting.merge(&accepting);
        assert_eq!(counting.in_flight(), 0);
    }

    proptest! {
        #[test]
        fn sums_of_rows_balance_as_the_rows_do(first in any_row(), second in any_row()) {
            let mut sum = first;
            sum.merge(&second);
            prop_assert_eq!(sum.received(), first.received() + second.received());
            prop_assert_eq!(sum.in_flight(), first.in_flight() + second.in_flight());
            let counted = i128::from(sum.counted + sum.deduplicated);
            prop_assert_eq!(i128::from(sum.accepted), counted + i128::from(sum.in_flight()));
            prop_assert_eq!(sum.unknown_outcome, first.unknown_outcome + second.unknown_outcome);
            prop_assert_eq!(sum.late_carried, first.late_carried + second.late_carried);
            prop_assert_eq!(sum.lost, first.lost + second.lost);
        }
    }
}
