//! Whole screens, as they are seen.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::update::{Standing, Update};
use super::*;

/// What stands on a screen of that size, line by line, without the blanks at the end.
fn seen(model: &Model, is_paused: bool, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let view = View {
        model,
        address: "http://localhost:5001",
        is_paused,
    };
    terminal.draw(|frame| draw(frame, view)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |row: u16| {
        let mut text = String::new();
        let mut column = 0;
        while column < width {
            let symbol = buffer[(column, row)].symbol();
            text += symbol;
            // A wide symbol hides the cell behind it.
            column += u16::try_from(Span::raw(symbol).width().max(1)).unwrap();
        }
        text.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

fn window(seq: u64, counts: &[(&str, u64)]) -> Window {
    let listed = counts
        .iter()
        .map(|&(emoji, count)| (emoji.to_owned(), count));
    Window {
        stream: "main".to_owned(),
        seq,
        span: 1,
        start_ms: seq * 2_000,
        end_ms: (seq + 1) * 2_000,
        total: counts.iter().map(|(_, count)| count).sum(),
        counts: listed.collect(),
        running: None,
    }
}

fn link(link: Link) -> Update {
    let stream = Some("main".to_owned());
    Update::Link { stream, link }
}

fn lively() -> Model {
    let mut model = Model::new(&["main".to_owned()]);
    model.apply(Update::Standing(Standing {
        stream: "main".to_owned(),
        total: 1_000_000,
        totals: [("🔥".to_owned(), 999_000), ("❤️".to_owned(), 1_000)].into(),
    }));
    model.apply(link(Link::Live));
    model.apply(Update::Window(window(
        897_794_286,
        &[("🔥", 10), ("❤️", 5)],
    )));
    model.apply(Update::Window(window(
        897_794_287,
        &[("🔥", 2_838), ("😀", 946), ("❤️", 1)],
    )));
    model
}

#[test]
fn the_crowd_of_the_moment_stands_on_one_screen() {
    let mut model = lively();
    model.apply(Update::Streams(vec!["final".to_owned()]));
    let cluster = |id, state: &str, sessions| Cluster {
        id,
        state: state.to_owned(),
        sessions,
    };
    let clusters = vec![cluster(1, "live", 1_200), cluster(2, "draining", 1)];
    model.apply(Update::Clusters(Ok(clusters)));
    assert_eq!(
        seen(&model, false, 80, 11),
        [
            "emostream  main  stream 2 of 2",
            "● live from http://localhost:5001",
            "window 897794287  05:56:14.0–05:56:16.0 UTC   1,893 reactions/s  total       1,003,800  ▁█",
            "",
        ]
    );
}
