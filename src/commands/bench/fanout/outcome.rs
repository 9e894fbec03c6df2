//! What a scenario has to say, and the median of what several runs said.

use super::books::Books;
use crate::commands::bench::report::{Figure, median};

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

/// A figure of every run: its name in JSON, its name in the table, its unit, and its value if the run could tell.
pub(super) type Row<Run> = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Run) -> Option<f64>,
);

/// The median of each figure over the runs, with the least and the most of them.
pub(super) fn over<Run>(runs: &[Run], rows: &[Row<Run>]) -> Vec<Figure> {
    let figures = rows
        .iter()
        .map(|(key, label, unit, of)| median(key, label, runs.iter().filter_map(of), unit));
    figures.collect()
}

/// The same of one figure.
pub(super) fn one<Run>(runs: &[Run], (key, label, unit, of): Row<Run>) -> Figure {
    median(key, label, runs.iter().filter_map(of), unit)
}
