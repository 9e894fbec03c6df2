//! The live table: draws a picture of the crowd, and nothing else.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::super::figures::number;
use super::delays::Typical;
use super::hall::{Agreement, Counts};
use super::person::Phase;
use super::picture::Picture;

/// Width of the names at the left.
const NAME_WIDTH: usize = 12;
/// Width of a count.
const COUNT_WIDTH: usize = 8;

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let rows = rows(picture);
    let troubles = troubles(picture);
    let [head, state, _, table, _, below, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(u16::try_from(rows.len()).unwrap_or(u16::MAX)),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title(picture), head);
    frame.render_widget(phase(picture), state);
    frame.render_widget(Paragraph::new(rows), table);
    frame.render_widget(Paragraph::new(troubles), below);
    frame.render_widget(Line::from("q quit").dim(), keys);
}

/// The rows as they stay in the terminal when the screen is gone.
pub(super) fn text(picture: &Picture) -> String {
    let mut lines = vec![title(picture)];
    lines.extend(rows(picture));
    lines.extend(troubles(picture));
    let lines = lines.iter().map(|line| {
        let line = line.to_string();
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

fn title(picture: &Picture) -> Line<'static> {
    let seconds = picture.elapsed.as_secs();
    // In the end it takes as long as the last window does.
    let duration = picture.duration.filter(|_| picture.phase == Phase::Open);
    let time = match duration {
        Some(duration) => format!("  {seconds} s of {}", humantime::format_duration(duration)),
        None => format!("  {seconds} s"),
    };
    vec![
        "emostream crowd".bold(),
        "  ".into(),
        picture.stream.clone().bold().cyan(),
        format!("  {}", picture.address).dim(),
        time.dim(),
    ]
    .into()
}

fn phase(picture: &Picture) -> Line<'static> {
    match picture.phase {
        Phase::Open => "● people come, react and go".green(),
        Phase::Closing => "◐ nobody reacts any more, all come back for the last window".yellow(),
        Phase::Over => "○ everybody leaves".dim(),
    }
    .into()
}

fn rows(picture: &Picture) -> Vec<Line<'static>> {
    vec![
        people(picture),
        clusters(picture),
        reactions(&picture.counts),
        windows(&picture.counts),
        totals(picture),
        delays("react → ack", picture.answers),
        delays("window in", picture.arrivals),
        emojis(picture),
    ]
}

fn named(name: &str) -> Vec<Span<'static>> {
    vec![format!("{name:NAME_WIDTH$}").dim()]
}

fn figure(count: u64, what: &str) -> Span<'static> {
    format!("{} {what}  ", number(count, COUNT_WIDTH)).into()
}

/// Something that is better not there.
fn warned(count: u64, what: &str, color: Color) -> Span<'static> {
    let style = match count {
        0 => Style::new(),
        _ => Style::new().fg(color),
    };
    figure(count, what).style(style)
}

fn people(picture: &Picture) -> Line<'static> {
    let mut spans = named("people");
    spans.push(figure(picture.here as u64, "here"));
    spans.push(figure(picture.away as u64, "away"));
    spans.push(figure(picture.coming as u64, "coming"));
    spans.push(figure(picture.counts.returns, "returns"));
    spans.into()
}

fn clusters(picture: &Picture) -> Line<'static> {
    let mut spans = named("registered");
    for (cluster, people) in &picture.clusters {
        let people = number(*people as u64, COUNT_WIDTH);
        spans.push(format!("{people} in {cluster}  ").into());
    }
    spans.into()
}

fn reactions(counts: &Counts) -> Line<'static> {
    let mut spans = named("reactions");
    spans.push(figure(counts.sent, "sent"));
    spans.push(figure(counts.accepted, "accepted"));
    spans.push(warned(counts.limited, "limited", Color::Yellow));
    spans.push(warned(counts.refused, "refused", Color::Yellow));
    spans.push(warned(counts.unknown, "unknown", Color::Yellow));
    spans.into()
}

fn windows(counts: &Counts) -> Line<'static> {
    let mut spans = named("windows");
    spans.push(figure(counts.windows, "seen"));
    spans.push(figure(counts.merged, "merged"));
    spans.push(warned(counts.reconnects, "reconnects", Color::Yellow));
    spans.push(warned(counts.faults, "faults", Color::Red));
    spans.into()
}

fn totals(picture: &Picture) -> Line<'static> {
    let mut spans = named("totals");
    let total = |total: u64| number(total, COUNT_WIDTH);
    spans.push(match picture.node {
        Some(node) => format!("{} node  ", total(node.total)).bold(),
        None => format!("{:>COUNT_WIDTH$} node  ", "-").into(),
    });
    spans.push(match picture.sums {
        Some((low, high)) if low == high => format!("{} everybody  ", total(low)).into(),
        Some((low, high)) => format!("{} to {} the crowd  ", total(low), number(high, 0)).into(),
        None => format!("{:>COUNT_WIDTH$} the crowd  ", "-").into(),
    });
    let Agreement { agree, differ, .. } = picture.agreement;
    spans.push(format!("{agree} agree").green());
    if differ > 0 {
        spans.push(format!("  {differ} differ").bold().red());
    }
    spans.into()
}

fn delays(name: &str, typical: Typical) -> Line<'static> {
    let shown = |delay: Option<f64>| match delay {
        Some(delay) => format!("{delay:>COUNT_WIDTH$.1} ms"),
        None => format!("{:>COUNT_WIDTH$} ms", "-"),
    };
    let mut spans = named(name);
    spans.push(format!("{} p50  ", shown(typical.p50)).into());
    spans.push(format!("{} p99", shown(typical.p99)).into());
    spans.into()
}

fn emojis(picture: &Picture) -> Line<'static> {
    let mut spans = named("accepted");
    for (emoji, count) in &picture.emojis {
        spans.push(format!("  {emoji} {}", number(*count, 0)).into());
    }
    spans.into()
}

/// What the node says where it does not do what it is asked.
fn troubles(picture: &Picture) -> Vec<Line<'static>> {
    let troubles = picture.troubles.iter();
    let line = |(words, count): &(String, u64)| {
        let text = format!("{} x {words}", number(*count, COUNT_WIDTH));
        Line::from(text).yellow()
    };
    troubles.map(line).collect()
}

#[cfg(test)]
mod tests;
