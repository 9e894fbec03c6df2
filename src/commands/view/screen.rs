//! The screen: draws a model, and nothing else. Every column has a width of its own, so that none moves with the numbers.

use jiff::Timestamp;
use jiff::tz::Offset;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Table};

use super::super::figures::{bar, number, spark};
use super::model::{Board, HISTORY, Model};
use super::update::{Cluster, Link, Window};

const COUNT_WIDTH: u16 = 10;
const BAR_WIDTH: u16 = 12;
const TOTAL_WIDTH: u16 = 13;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) model: &'a Model,
    /// Where the windows come from.
    pub(super) address: &'a str,
    pub(super) is_paused: bool,
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, view: View<'_>) {
    let clusters = view.model.clusters.as_ref().map(clusters);
    let [head, state, sums, _, table, below, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(2),
        Constraint::Length(u16::from(clusters.is_some())),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title(view), head);
    frame.render_widget(connection(view), state);
    match view.model.shown() {
        Some(board) => {
            frame.render_widget(figures(board), sums);
            draw_rows(frame, board, table);
        }
        None => frame.render_widget("no stream yet".dim(), sums),
    }
    if let Some(clusters) = clusters {
        frame.render_widget(clusters, below);
    }
    let help = "q quit  ←/→ stream  p pause";
    frame.render_widget(Line::from(help).dim(), keys);
}

fn title(view: View<'_>) -> Line<'static> {
    let (place, of) = view.model.place();
    let mut spans = vec![
        "emostream".bold(),
        "  ".into(),
        view.model.selected().to_owned().bold().cyan(),
    ];
    if of > 1 {
        spans.push(format!("  stream {place} of {of}").dim());
    }
    if let Some(viewers) = view.model.shown().and_then(|board| board.viewers) {
        spans.push(format!("  {} watching", number(viewers, 0)).into());
    }
    if view.is_paused {
        spans.push("  paused".bold().yellow());
    }
    spans.into()
}

fn connection(view: View<'_>) -> Line<'static> {
    let address = view.address;
    match view.model.link() {
        Link::Connecting => Line::from(format!("○ connecting to {address}")).yellow(),
        Link::Live => Line::from(format!("● live from {address}")).green(),
        Link::Interrupted => {
            let text = "◐ waiting: the node is connected, and its brokers do not answer";
            Line::from(text).yellow()
        }
        Link::Lost(why) => Line::from(format!("○ {why}; trying again")).red(),
    }
}

fn figures(board: &Board) -> Line<'static> {
    let mut spans = match &board.newest {
        Some(window) => vec![
            format!("window {}  {} UTC", window.seq, start_of(window)).into(),
            format!("  {:>8} reactions/s", rate(window)).into(),
        ],
        None => vec!["no window yet".into()],
    };
    spans.push("  total ".into());
    spans.push(Span::from(number(board.total, usize::from(TOTAL_WIDTH))).bold());
    spans.into()
}

fn rate(window: &Window) -> String {
    let rate = window.rate();
    if rate < 100.0 {
        format!("{rate:.1}")
    } else {
        number(rate.round() as u64, 8)
    }
}

/// When the window began, in UTC.
fn start_of(window: &Window) -> String {
    let at = i64::try_from(window.start_ms).ok();
    let at = at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let time = at.map(|at| Offset::UTC.to_datetime(at).time());
    time.map_or_else(|| "-".to_owned(), |time| format!("{time:.1}"))
}

fn draw_rows(frame: &mut Frame<'_>, board: &Board, area: Rect) {
    let widths = [
        Constraint::Length(4),
        Constraint::Length(COUNT_WIDTH),
        Constraint::Length(BAR_WIDTH),
        Constraint::Length(4),
        Constraint::Length(TOTAL_WIDTH),
        Constraint::Length(HISTORY as u16),
    ];
    let right = |text: &str, width: u16| format!("{text:>0$}", usize::from(width));
    let header = Row::new([
        String::new(),
        right("window", COUNT_WIDTH),
        "share".to_owned(),
        String::new(),
        right("total", TOTAL_WIDTH),
        format!("last {HISTORY} windows"),
    ]);
    let header = header.style(Style::new().add_modifier(Modifier::DIM));
    // One line is the header's, one that of all emojis together.
    let room = usize::from(area.height.saturating_sub(2));
    let mut rows = vec![all(board)];
    rows.extend(body(board, room));
    let table = Table::new(rows, widths).header(header).column_spacing(1);
    frame.render_widget(table, area);
}

/// All emojis together.
fn all(board: &Board) -> Row<'static> {
    let total = board.newest.as_ref().map_or(0, |window| window.total);
    let mut line = vec![Cell::from("all")];
    line.extend(cells(total, total, board.total));
    line.push(Cell::from(spark(&board.past_totals())));
    Row::new(line).style(Style::new().add_modifier(Modifier::BOLD))
}

/// The most sent emojis, and in the last line what there is no room for, or what the cluster's policy does not list.
fn body(board: &Board, room: usize) -> Vec<Row<'static>> {
    let rows = board.rows();
    let newest = board.newest.as_ref();
    let total = newest.map_or(0, |window| window.total);
    let unlisted = newest.map_or(0, Window::unlisted);
    let needs_rest = rows.len() > room || unlisted > 0;
    let num_shown = rows.len().min(room.saturating_sub(usize::from(needs_rest)));
    let (shown, hidden) = rows.split_at(num_shown);
    let mut lines: Vec<Row<'static>> = shown
        .iter()
        .map(|row| {
            let cells = cells(row.count, total, row.running);
            let mut line = vec![Cell::from(row.emoji.clone())];
            line.extend(cells);
            line.push(Cell::from(spark(&row.past).cyan()));
            Row::new(line)
        })
        .collect();
    if needs_rest {
        let count = hidden.iter().map(|row| row.count).sum::<u64>() + unlisted;
        let running = hidden.iter().map(|row| row.running).sum();
        let mut line = vec![Cell::from("rest")];
        line.extend(cells(count, total, running));
        lines.push(Row::new(line).style(Style::new().add_modifier(Modifier::DIM)));
    }
    lines
}

/// Count, share and running total.
fn cells(count: u64, total: u64, running: u64) -> [Cell<'static>; 4] {
    let share = if total == 0 {
        0.0
    } else {
        count as f64 / total as f64
    };
    let percent = if count == 0 {
        String::new()
    } else {
        format!("{:>3.0}%", share * 100.0)
    };
    [
        Cell::from(number(count, usize::from(COUNT_WIDTH))),
        Cell::from(Span::styled(
            bar(share, usize::from(BAR_WIDTH)),
            Style::new().fg(Color::Magenta),
        )),
        Cell::from(percent),
        Cell::from(number(running, usize::from(TOTAL_WIDTH))),
    ]
}

fn clusters(told: &Result<Vec<Cluster>, String>) -> Line<'static> {
    let clusters = match told {
        Ok(clusters) => clusters,
        Err(why) => return Line::from(format!("clusters: {why}")).yellow(),
    };
    let mut spans = vec!["clusters".dim()];
    for Cluster {
        id,
        state,
        sessions,
    } in clusters
    {
        let noun = if *sessions == 1 {
            "session"
        } else {
            "sessions"
        };
        let text = format!("  {id} {state} {} {noun}", number(*sessions, 0));
        spans.push(match state.as_str() {
            "live" => text.green(),
            "stopped" => text.dim(),
            _ => text.yellow(),
        });
    }
    spans.into()
}

#[cfg(test)]
mod tests;
