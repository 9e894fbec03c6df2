//! What is on the screen: the streams, their windows and sums. Pure, so that it is tested without a terminal.

use std::collections::{BTreeMap, VecDeque};

use super::update::{Cluster, Counts, Link, Standing, Update, Window};

/// Windows behind a sparkline.
pub(super) const HISTORY: usize = 30;

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    boards: BTreeMap<String, Board>,
    selected: String,
    link: Link,
    /// None where the source tells of no clusters.
    pub(super) clusters: Option<Result<Vec<Cluster>, String>>,
}

/// One stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Board {
    /// How its connection is doing.
    pub(super) link: Link,
    /// The newest window.
    pub(super) newest: Option<Window>,
    /// All reactions that were counted, exact.
    pub(super) total: u64,
    /// How many watch, where the source knows.
    pub(super) viewers: Option<u64>,
    totals: Counts,
    history: VecDeque<Window>,
}

/// One emoji of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) emoji: String,
    /// In the newest window.
    pub(super) count: u64,
    /// Since the stream began.
    pub(super) running: u64,
    /// Counts per window of the last ones, oldest first.
    pub(super) past: Vec<u64>,
}

impl Model {
    /// Nothing has come yet; the first of these streams is shown. Without any, it is the first that is heard of.
    pub(super) fn new(streams: &[String]) -> Self {
        let mut model = Self::default();
        for stream in streams {
            model.board(stream);
        }
        model.selected = streams.first().cloned().unwrap_or_default();
        model
    }

    /// The name of the stream that is shown; empty as long as there is none.
    pub(super) fn selected(&self) -> &str {
        &self.selected
    }

    /// The stream that is shown.
    pub(super) fn shown(&self) -> Option<&Board> {
        self.boards.get(&self.selected)
    }

    /// How the connection is doing, of the stream that is shown.
    pub(super) fn link(&self) -> &Link {
        self.shown().map_or(&self.link, |board| &board.link)
    }

    /// The place of the stream that is shown, from 1, and how many there are.
    pub(super) fn place(&self) -> (usize, usize) {
        let mut names = self.boards.keys();
        let place = names.position(|name| *name == self.selected);
        (place.map_or(0, |index| index + 1), self.boards.len())
    }

    /// Shows a stream.
    pub(super) fn select(&mut self, stream: &str) {
        stream.clone_into(&mut self.selected);
    }

    /// Shows the next stream by name, and after the last one the first.
    pub(super) fn select_next(&mut self) {
        let mut names = self.boards.keys();
        let next = names.find(|name| **name > self.selected);
        let next = next.or_else(|| self.boards.keys().next());
        self.selected = next.cloned().unwrap_or_default();
    }

    /// Shows the stream before this one, and before the first one the last.
    pub(super) fn select_previous(&mut self) {
        let mut names = self.boards.keys().rev();
        let previous = names.find(|name| **name < self.selected);
        let previous = previous.or_else(|| self.boards.keys().next_back());
        self.selected = previous.cloned().unwrap_or_default();
    }

    /// Takes what a source tells.
    pub(super) fn apply(&mut self, update: Update) {
        match update {
            Update::Link { stream, link } => match stream {
                Some(stream) => self.board(&stream).link = link,
                None => {
                    for board in self.boards.values_mut() {
                        board.link = link.clone();
                    }
                    self.link = link;
                }
            },
            Update::Standing(standing) => self.board(&standing.stream).stand(&standing),
            Update::Window(window) => self.board(&window.stream).add(window),
            Update::Past { stream, windows } => self.board(&stream).remember(windows),
            Update::Streams(streams) => {
                for stream in streams {
                    self.board(&stream);
                }
            }
            Update::Clusters(clusters) => self.clusters = Some(clusters),
            Update::End(_) => {}
        }
    }

    fn board(&mut self, stream: &str) -> &mut Board {
        if self.selected.is_empty() {
            stream.clone_into(&mut self.selected);
        }
        let link = &self.link;
        let board = || Board {
            link: link.clone(),
            ..Board::default()
        };
        self.boards.entry(stream.to_owned()).or_insert_with(board)
    }
}

impl Board {
    /// Every emoji that was ever counted, the most sent first. Ranks by the running total, so that rows seldom move.
    pub(super) fn rows(&self) -> Vec<Row> {
        let newest = self.newest.as_ref();
        let row = |(emoji, &running): (&String, &u64)| Row {
            emoji: emoji.clone(),
            count: newest.map_or(0, |window| window.count(emoji)),
            running,
            past: self.past(emoji),
        };
        let mut rows: Vec<Row> = self.totals.iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.running));
        rows
    }

    /// Reactions per window, oldest first.
    pub(super) fn past_totals(&self) -> Vec<u64> {
        let per_window = |window: &Window| window.total / window.span.max(1);
        self.history.iter().map(per_window).collect()
    }

    fn past(&self, emoji: &str) -> Vec<u64> {
        let per_window = |window: &Window| window.count(emoji) / window.span.max(1);
        self.history.iter().map(per_window).collect()
    }

    fn stand(&mut self, standing: &Standing) {
        self.total = standing.total;
        self.totals.clone_from(&standing.totals);
        self.viewers = standing.viewers;
    }

    fn add(&mut self, window: Window) {
        match &window.running {
            Some(running) => {
                self.total = running.values().sum();
                self.totals.clone_from(running);
            }
            None => {
                self.total += window.total;
                for (emoji, count) in &window.counts {
                    *self.totals.entry(emoji.clone()).or_default() += count;
                }
            }
        }
        self.viewers = window.viewers;
        self.history.push_back(window.clone());
        self.trim();
        self.newest = Some(window);
    }

    /// Puts windows from before in front of those that have come.
    fn remember(&mut self, windows: Vec<Window>) {
        let first = self.history.front().map(|window| window.seq);
        let is_older = |window: &Window| first.is_none_or(|first| window.seq < first);
        for window in windows.into_iter().filter(is_older).rev() {
            self.history.push_front(window);
        }
        self.trim();
        if self.newest.is_none() {
            self.newest = self.history.back().cloned();
        }
    }

    fn trim(&mut self) {
        while self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }
}

impl Window {
    /// How often an emoji is listed.
    pub(super) fn count(&self, emoji: &str) -> u64 {
        let mut listed = self.counts.iter();
        let found = listed.find(|(known, _)| known == emoji);
        found.map_or(0, |(_, count)| *count)
    }

    /// Reactions that the cluster's policy does not list.
    pub(super) fn unlisted(&self) -> u64 {
        let listed: u64 = self.counts.iter().map(|(_, count)| count).sum();
        self.total.saturating_sub(listed)
    }

    /// Reactions per second.
    pub(super) fn rate(&self) -> f64 {
        let seconds = self.end_ms.saturating_sub(self.start_ms) as f64 / 1000.0;
        if seconds > 0.0 {
            self.total as f64 / seconds
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests;
