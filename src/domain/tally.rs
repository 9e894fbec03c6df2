//! The one idea everything follows from: counts add up.
//!
//! A tally is a commutative monoid: `merge` is associative and commutative, and the empty tally
//! changes nothing. So partial windows of partitions, unsent windows of a slow session and missed
//! windows of a returning one all merge.

use std::cmp::{Ordering, Reverse};

use super::Emoji;

/// Exact counts per emoji, sorted and without zeros, so equal counts are equal values.
///
/// Sums saturate: unlike a wrap or a panic that keeps the laws above, whatever a foreign record
/// claims.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    counts: Vec<(Emoji, u64)>,
}

impl Tally {
    /// The empty tally.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Number of distinct emojis.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// The sum over all emojis.
    pub fn total(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |total, &(_, count)| total.saturating_add(count))
    }

    /// The count of one emoji.
    pub fn get(&self, emoji: Emoji) -> u64 {
        self.position(emoji).map_or(0, |index| self.counts[index].1)
    }

    /// Counts `emoji` another `count` times.
    pub fn add(&mut self, emoji: Emoji, count: u64) {
        match self.position(emoji) {
            Ok(index) => self.counts[index].1 = self.counts[index].1.saturating_add(count),
            Err(_) if count == 0 => {}
            Err(index) => self.counts.insert(index, (emoji, count)),
        }
    }

    /// Adds every count of `other`, in one pass over both.
    pub fn merge(&mut self, other: &Self) {
        let (mut ours, mut theirs) = (self.counts.as_slice(), other.counts.as_slice());
        let mut merged = Vec::with_capacity(ours.len() + theirs.len());
        while let ([our, our_rest @ ..], [their, their_rest @ ..]) = (ours, theirs) {
            let order = our.0.cmp(&their.0);
            merged.push(match order {
                Ordering::Less => *our,
                Ordering::Equal => (our.0, our.1.saturating_add(their.1)),
                Ordering::Greater => *their,
            });
            if order.is_le() {
                ours = our_rest;
            }
            if order.is_ge() {
                theirs = their_rest;
            }
        }
        merged.extend_from_slice(ours);
        merged.extend_from_slice(theirs);
        self.counts = merged;
    }

    /// Whether no count of `earlier` is higher.
    pub fn covers(&self, earlier: &Self) -> bool {
        earlier
            .iter()
            .all(|(emoji, count)| count <= self.get(emoji))
    }

    /// What was counted after `earlier`, a former state of the same running tally.
    pub fn since(&self, earlier: &Self) -> Self {
        debug_assert!(self.covers(earlier), "a running tally never falls");
        self.iter()
            .map(|(emoji, count)| (emoji, count.saturating_sub(earlier.get(emoji))))
            .collect()
    }

    /// Emojis and counts in table order.
    pub fn iter(&self) -> impl Iterator<Item = (Emoji, u64)> + '_ {
        self.counts.iter().copied()
    }

    /// Emojis and counts, the highest count first, equal counts in table order.
    pub fn ranked(&self) -> Vec<(Emoji, u64)> {
        let mut ranked = self.counts.clone();
        ranked.sort_by_key(|&(_, count)| Reverse(count));
        ranked
    }

    fn position(&self, emoji: Emoji) -> Result<usize, usize> {
        self.counts
            .binary_search_by_key(&emoji, |&(known, _)| known)
    }
}

impl FromIterator<(Emoji, u64)> for Tally {
    fn from_iter<I: IntoIterator<Item = (Emoji, u64)>>(counts: I) -> Self {
        let mut tally = Self::new();
        for (emoji, count) in counts {
            tally.add(emoji, count);
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn any_counts() -> impl Strategy<Value = Vec<(Emoji, u64)>> {
        let few: Vec<Emoji> = Emoji::all().step_by(300).collect();
        prop::collection::vec((prop::sample::select(few), 0..5_000_u64), 0..12)
    }

    fn any_tally() -> impl Strategy<Value = Tally> {
        any_counts().prop_map(Tally::from_iter)
    }

    fn merged(left: &Tally, right: &Tally) -> Tally {
        let mut merged = left.clone();
        merged.merge(right);
        merged
    }

    #[test]
    fn ranks_by_count_and_then_by_table_order() {
        let emojis: Vec<Emoji> = Emoji::all().take(4).collect();
        let tally: Tally = [
            (emojis[3], 5),
            (emojis[0], 1),
            (emojis[2], 5),
            (emojis[1], 9),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            tally.ranked(),
            [
                (emojis[1], 9),
                (emojis[2], 5),
                (emojis[3], 5),
                (emojis[0], 1)
            ]
        );
    }

    #[test]
    fn counting_zero_times_leaves_no_trace() {
        let mut tally = Tally::new();
        tally.add(Emoji::all().next().unwrap(), 0);
        assert_eq!(tally, Tally::new());
    }

    #[test]
    fn counts_beyond_the_range_stay_at_its_end() {
        let emoji = Emoji::all().next().unwrap();
        let full: Tally = [(emoji, u64::MAX)].into_iter().collect();
        assert_eq!(merged(&full, &full).total(), u64::MAX);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "never falls")]
    fn a_later_state_is_no_former_state() {
        let later: Tally = Emoji::all().take(1).map(|emoji| (emoji, 1)).collect();
        Tally::new().since(&later);
    }

    proptest! {
        #[test]
        fn merging_is_associative(first in any_tally(), second in any_tally(), third in any_tally()) {
            let left_first = merged(&merged(&first, &second), &third);
            let right_first = merged(&first, &merged(&second, &third));
            prop_assert_eq!(left_first, right_first);
        }

        #[test]
        fn merging_is_commutative(first in any_tally(), second in any_tally()) {
            prop_assert_eq!(merged(&first, &second), merged(&second, &first));
        }

        #[test]
        fn the_empty_tally_changes_nothing(tally in any_tally()) {
            prop_assert_eq!(&merged(&tally, &Tally::new()), &tally);
            prop_assert_eq!(&merged(&Tally::new(), &tally), &tally);
        }

        #[test]
        fn since_takes_back_a_merge(earlier in any_tally(), more in any_tally()) {
            prop_assert_eq!(merged(&earlier, &more).since(&earlier), more);
        }

        #[test]
        fn one_by_one_or_merged_is_the_same((counts, cut) in any_counts().prop_flat_map(|counts| {
            let length = counts.len();
            (Just(counts), 0..=length)
        })) {
            let whole: Tally = counts.iter().copied().collect();
            let (head, tail) = counts.split_at(cut);
            let parts = merged(&head.iter().copied().collect(), &tail.iter().copied().collect());
            prop_assert_eq!(&whole, &parts);
            prop_assert_eq!(whole.total(), counts.iter().map(|&(_, count)| count).sum::<u64>());
        }

        #[test]
        fn equal_counts_are_equal_values(counts in any_counts().prop_shuffle()) {
            let forward: Tally = counts.iter().copied().collect();
            let backward: Tally = counts.iter().rev().copied().collect();
            prop_assert_eq!(&forward, &backward);
            prop_assert!(forward.iter().all(|(emoji, count)| count > 0 && count == backward.get(emoji)));
            prop_assert_eq!(forward.len(), forward.iter().count());
        }
    }
}
