//! What a scenario has to say, and the median of what several runs said.

use super::books::Books;
use crate::commands::bench::percentiles::Percentiles;
use crate::commands::bench::report::{Figure, figure};

/// What a scenario has to say.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) figures: Vec<Figure>,
    pub(super) limit: Vec<Figure>,
    pub(super) ratio: Vec<Figure>,
    pub(super) notes: Vec<String>,
    pub(super) books: Books,
}

impl Outcome {
    /// What another scenario has to say, behind this one's.
    pub(super) fn add(&mut self, other: Self) {
        self.figures.extend(other.figures);
        self.limit.extend(other.limit);
        self.ratio.extend(other.ratio);
        self.notes.extend(other.notes);
        self.books.add(other.books);
    }
}

/// The median of one figure over several runs; runs that could not tell are left out.
pub(super) fn median<Run>(runs: &[Run], of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    Percentiles::of(runs.iter().filter_map(of)).at(0.5)
}

/// A ratio: its median over the runs, then the least and the most of them.
pub(super) fn ratios<Run>(
    runs: &[Run],
    names: [(&'static str, &'static str); 3],
    of: impl Fn(&Run) -> Option<f64>,
) -> Vec<Figure> {
    let all = Percentiles::of(runs.iter().filter_map(of));
    let values = [all.at(0.5), all.at(0.0), all.max()];
    let named = names.into_iter().zip(values);
    named
        .map(|((key, label), value)| figure(key, label, value, ""))
        .collect()
}
