//! How a cluster shapes a window for its subscribers: what is listed, and how many emojis float up
//! for a count.

use std::num::{NonZeroU32, NonZeroU64};

use super::{Emoji, Tally};

/// How many of the same emoji make one on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Up to 1,000 are one, beyond that one per full 1,000.
    #[default]
    Brief,
    /// Below 100 each is one, from there on one per full 100.
    Legacy,
    /// One per so many, never less than one.
    Divisor(NonZeroU64),
}

impl Scale {
    /// What is drawn for `count`; nothing for nothing.
    pub fn final_count(self, count: u64) -> u64 {
        match self {
            _ if count == 0 => 0,
            Self::Brief => (count / 1_000).max(1),
            Self::Legacy if count < 100 => count,
            Self::Legacy => count / 100,
            Self::Divisor(divisor) => (count / divisor).max(1),
        }
    }
}

/// The shaping rules of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// How a count becomes a final count.
    pub scale: Scale,
    /// At most so many emojis are listed; all without it.
    pub top_n: Option<NonZeroU32>,
    /// Emojis with fewer are not listed; 0 and 1 list all.
    pub min_count: u64,
}

/// One listed emoji.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shaped {
    /// Which one.
    pub emoji: Emoji,
    /// The exact count.
    pub count: u64,
    /// How many to draw.
    pub final_count: u64,
}

impl Policy {
    /// The emojis to list, the highest count first. Totals are the tally's own: no policy changes
    /// them.
    pub fn shape(&self, tally: &Tally) -> Vec<Shaped> {
        let limit = self.top_n.map_or(usize::MAX, |top_n| {
            usize::try_from(top_n.get()).unwrap_or(usize::MAX)
        });
        let ranked = tally.ranked().into_iter();
        let listed = ranked
            .take_while(|&(_, count)| count >= self.min_count)
            .take(limit);
        let shaped = listed.map(|(emoji, count)| Shaped {
            emoji,
            count,
            final_count: self.scale.final_count(count),
        });
        shaped.collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn any_tally() -> impl Strategy<Value = Tally> {
        prop::collection::vec(0..3_000_u64, 0..20)
            .prop_map(|counts| Emoji::all().step_by(7).zip(counts).collect())
    }

    fn divisor(divisor: u64) -> Scale {
        Scale::Divisor(NonZeroU64::new(divisor).unwrap())
    }

    #[test]
    fn final_counts_are_those_of_the_contract() {
        let counts = [1, 99, 100, 1_000, 1_001, 3_785];
        assert_eq!(
            counts.map(|count| Scale::Brief.final_count(count)),
            [1, 1, 1, 1, 1, 3]
        );
        assert_eq!(
            counts.map(|count| Scale::Legacy.final_count(count)),
            [1, 99, 1, 10, 10, 37]
        );
        assert_eq!(
            counts.map(|count| divisor(100).final_count(count)),
            [1, 1, 1, 10, 10, 37]
        );
        assert_eq!(counts.map(|count| divisor(1).final_count(count)), counts);
    }

    #[test]
    fn brief_steps_at_full_thousands() {
        let counts = [1_999, 2_000, 2_001, 3_000];
        assert_eq!(
            counts.map(|count| Scale::Brief.final_count(count)),
            [1, 2, 2, 3]
        );
    }

    #[test]
    fn nothing_is_drawn_for_nothing() {
        for scale in [Scale::Brief, Scale::Legacy, divisor(10)] {
            assert_eq!(scale.final_count(0), 0);
        }
    }

    #[test]
    fn min_count_drops_before_top_n_cuts() {
        let emojis: Vec<Emoji> = Emoji::all().take(4).collect();
        let tally: Tally = emojis.iter().copied().zip([5, 50, 500, 49]).collect();
        let policy = Policy {
            top_n: NonZeroU32::new(3),
            min_count: 50,
            ..Policy::default()
        };
        let listed: Vec<(Emoji, u64)> = policy
            .shape(&tally)
            .iter()
            .map(|shaped| (shaped.emoji, shaped.count))
            .collect();
        assert_eq!(listed, [(emojis[2], 500), (emojis[1], 50)]);
    }

    proptest! {
        #[test]
        fn a_policy_lists_exactly_the_largest_that_qualify(
            tally in any_tally(), top_n in 0..25_u32, min_count in 0..3_000_u64,
        ) {
            let before = tally.clone();
            let policy = Policy { scale: Scale::Legacy, top_n: NonZeroU32::new(top_n), min_count };
            let shaped = policy.shape(&tally);

            let qualifying = tally.iter().filter(|&(_, count)| count >= min_count).count();
            let limit = if top_n == 0 { usize::MAX } else { usize::try_from(top_n).unwrap() };
            prop_assert_eq!(shaped.len(), qualifying.min(limit));
            prop_assert!(shaped.windows(2).all(|pair| pair[0].count >= pair[1].count));
            for listed in &shaped {
                prop_assert_eq!(listed.count, tally.get(listed.emoji));
                prop_assert_eq!(listed.final_count, Scale::Legacy.final_count(listed.count));
            }
            let smallest = shaped.last().map_or(u64::MAX, |listed| listed.count);
            let larger = tally.iter().filter(|&(_, count)| count > smallest).count();
            prop_assert!(shaped.is_empty() || larger < shaped.len());
            prop_assert_eq!(tally, before);
        }

        #[test]
        fn a_plain_policy_lists_everything(tally in any_tally(), min_count in 0..=1_u64) {
            let policy = Policy { min_count, ..Policy::default() };
            let listed: u64 = policy.shape(&tally).iter().map(|shaped| shaped.count).sum();
            prop_assert_eq!(listed, tally.total());
        }

        #[test]
        fn whatever_was_sent_is_drawn(count in 1..u64::MAX, step in 1..10_000_u64) {
            for scale in [Scale::Brief, Scale::Legacy, divisor(step)] {
                let drawn = scale.final_count(count);
                prop_assert!((1..=count).contains(&drawn));
            }
        }
    }
}
