//! Whole screens, as they are seen.

use super::super::update::{Standing, Update};
use super::*;
use crate::commands::terminal::drawn;

/// What stands on a screen of that size, line by line, without the blanks at the end.
fn seen(model: &Model, is_paused: bool, width: u16, height: u16) -> Vec<String> {
    let view = View {
        model,
        address: "http://localhost:5001",
        is_paused,
    };
    drawn(width, height, |frame| draw(frame, view))
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
        viewers: Some(1_201),
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
        viewers: Some(1_200),
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
            "emostream  main  stream 2 of 2  1,201 watching",
            "● live from http://localhost:5001",
            "window 897794287  06:36:14.0 UTC     1,893 reactions/s  total     1,003,800",
            "",
            "         window share                     total last 30 windows",
            "all       3,785 ████████████ 100%     1,003,800 ▁█",
            "🔥        2,838 █████████     75%     1,001,848 ▁█",
            "❤️            1 ▏              0%         1,006 █▂",
            "😀          946 ███           25%           946  █",
            "clusters  1 live 1,200 sessions  2 draining 1 session",
            "q quit  ←/→ stream  p pause",
        ]
    );
}

#[test]
fn columns_stand_where_they_stood_whatever_the_numbers_are() {
    let mut model = lively();
    let before = seen(&model, false, 80, 12);
    let most = 987_654_321_000;
    let counts = [("🔥", most), ("😀", 7)];
    model.apply(Update::Window(window(897_794_288, &counts)));
    let after = seen(&model, false, 80, 12);
    assert_eq!(
        after[4..8],
        [
            "         window share                     total last 30 windows",
            "all      987.7G ████████████ 100%        987.7G ▁▁█",
            "🔥       987.7G ████████████ 100%        987.7G ▁▁█",
            "❤️            0                           1,006 █▂",
        ]
    );
    assert_eq!(before[4], after[4]);
}

#[test]
fn what_there_is_no_room_for_and_what_is_not_listed_is_summed_in_the_last_line() {
    let mut model = lively();
    let mut cut = window(897_794_288, &[("🔥", 50), ("😀", 30)]);
    cut.total = 100;
    model.apply(Update::Window(cut));
    let lines = seen(&model, false, 80, 9);
    assert_eq!(
        lines[5..],
        [
            "all         100 ████████████ 100%     1,003,900 ▁█▁",
            "🔥           50 ██████        50%     1,001,898 ▁█▁",
            "rest         50 ██████        50%         1,982",
            "q quit  ←/→ stream  p pause",
        ]
    );
}

#[test]
fn the_state_of_the_connection_is_always_seen() {
    let mut model = Model::new(&["main".to_owned()]);
    let second = |model: &Model| seen(model, false, 80, 8)[1].clone();
    assert_eq!(second(&model), "○ connecting to http://localhost:5001");
    for (state, expected) in [
        (Link::Live, "● live from http://localhost:5001"),
        (
            Link::Interrupted,
            "◐ waiting: the node is connected, and its brokers do not answer",
        ),
        (
            Link::Lost("no node answers".to_owned()),
            "○ no node answers; trying again",
        ),
    ] {
        model.apply(link(state));
        assert_eq!(second(&model), expected);
    }
}

#[test]
fn clusters_that_are_not_told_are_no_line_or_the_reason() {
    let mut model = lively();
    assert!(seen(&model, true, 80, 24)[0].ends_with("main  1,201 watching  paused"));
    let has_clusters = |model: &Model| {
        let lines = seen(model, false, 80, 24);
        lines.iter().any(|line| line.starts_with("clusters"))
    };
    assert!(!has_clusters(&model));
    let refused = Err("the admin token is refused".to_owned());
    model.apply(Update::Clusters(refused));
    let lines = seen(&model, false, 80, 24);
    assert_eq!(lines[22], "clusters: the admin token is refused");
}

#[test]
fn the_smallest_terminal_is_no_reason_to_panic() {
    for (width, height) in [(1, 1), (3, 2), (20, 4), (40, 6)] {
        let lines = seen(&lively(), false, width, height);
        assert_eq!(lines.len(), usize::from(height));
    }
}
