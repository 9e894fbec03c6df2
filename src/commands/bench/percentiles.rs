//! Percentiles of measured values, by nearest rank: each is a value that was measured.

/// Values in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Percentiles {
    sorted: Vec<f64>,
}

impl Percentiles {
    /// Values that are no numbers are left out.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The smallest value that at least this share of all does not exceed; none of nothing.
    pub(super) fn at(&self, share: f64) -> Option<f64> {
        let rank = (share.clamp(0.0, 1.0) * self.sorted.len() as f64).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The largest.
    pub(super) fn max(&self) -> Option<f64> {
        self.sorted.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_value_at_the_nearest_rank() {
        let hundred = Percentiles::of((1..=100).rev().map(f64::from));
        for (share, value) in [
            (0.0, 1.0),
            (0.005, 1.0),
            (0.5, 50.0),
            (0.501, 51.0),
            (0.99, 99.0),
            (0.991, 100.0),
            (1.0, 100.0),
        ] {
            assert_eq!(hundred.at(share), Some(value), "{share}");
        }
        assert_eq!(hundred.max(), Some(100.0));
    }

    #[test]
    fn of_few_values_the_high_percentile_is_the_worst_one() {
        let three = Percentiles::of([3.0, 1.0, f64::NAN, 2.0]);
        assert_eq!(three.len(), 3);
        assert_eq!((three.at(0.5), three.at(0.99)), (Some(2.0), Some(3.0)));
    }

    #[test]
    fn nothing_has_no_percentile() {
        let none = Percentiles::of([]);
        assert_eq!((none.at(0.5), none.max()), (None, None));
    }
}
