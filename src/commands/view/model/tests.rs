//! What stands on the screen after what was told.

use super::*;

fn window(stream: &str, seq: u64, counts: &[(&str, u64)]) -> Window {
    Window {
        stream: stream.to_owned(),
        seq,
        span: 1,
        start_ms: seq * 2000,
        end_ms: (seq + 1) * 2000,
        total: counts.iter().map(|(_, count)| count).sum(),
        counts: counts
            .iter()
            .map(|&(emoji, count)| (emoji.to_owned(), count))
            .collect(),
        running: None,
        viewers: None,
    }
}

fn standing(total: u64, totals: &[(&str, u64)]) -> Update {
    let totals = totals
        .iter()
        .map(|&(emoji, count)| (emoji.to_owned(), count));
    Update::Standing(Standing {
        stream: "main".to_owned(),
        total,
        totals: totals.collect(),
        viewers: None,
    })
}

fn model(updates: impl IntoIterator<Item = Update>) -> Model {
    let mut model = Model::new(&["main".to_owned()]);
    for update in updates {
        model.apply(update);
    }
    model
}

fn summary(model: &Model) -> Vec<(String, u64, u64)> {
    let rows = model.shown().map(Board::rows).unwrap_or_default();
    rows.into_iter()
        .map(|row| (row.emoji, row.count, row.running))
        .collect()
}

#[test]
fn totals_are_those_of_hello_and_every_window_after_it() {
    let model = model([
        standing(12, &[("🔥", 10), ("😀", 2)]),
        Update::Window(window("main", 7, &[("🔥", 3), ("👏", 1)])),
        Update::Window(window("main", 8, &[("😀", 5)])),
    ]);
    assert_eq!(model.shown().unwrap().total, 21);
    let expected = [("🔥", 0, 13), ("😀", 5, 7), ("👏", 0, 1)];
    let expected = expected.map(|(emoji, count, running)| (emoji.to_owned(), count, running));
    assert_eq!(summary(&model), expected);
}

#[test]
fn a_new_hello_is_a_new_base() {
    let model = model([
        standing(12, &[("🔥", 12)]),
        Update::Window(window("main", 7, &[("🔥", 3)])),
        standing(4, &[("😀", 4)]),
    ]);
    assert_eq!(model.shown().unwrap().total, 4);
    assert_eq!(summary(&model), [("😀".to_owned(), 0, 4)]);
}

#[test]
fn a_window_that_brings_its_totals_is_believed() {
    let mut second = window("main", 9, &[("🔥", 1)]);
    second.running = Some([("🔥".to_owned(), 100)].into());
    let model = model([
        Update::Window(window("main", 7, &[("🔥", 3)])),
        Update::Window(second),
    ]);
    assert_eq!(model.shown().unwrap().total, 100);
    assert_eq!(summary(&model), [("🔥".to_owned(), 1, 100)]);
}

#[test]
fn what_a_policy_leaves_out_stays_in_the_total() {
    let mut cut = window("main", 7, &[("🔥", 3)]);
    cut.total = 10;
    assert_eq!(cut.unlisted(), 7);
    assert_eq!(model([Update::Window(cut)]).shown().unwrap().total, 10);
}

#[test]
fn sparklines_hold_the_last_windows_and_spread_what_is_merged() {
    let mut updates: Vec<_> = (0..40)
        .map(|seq| Update::Window(window("main", seq, &[("🔥", seq)])))
        .collect();
    let mut merged = window("main", 50, &[("🔥", 60)]);
    merged.span = 10;
    updates.push(Update::Window(merged));
    let model = model(updates);
    let board = model.shown().unwrap();
    let past = &board.rows()[0].past;
    assert_eq!(past.len(), HISTORY);
    assert_eq!(past[..2], [11, 12]);
    assert_eq!(past.last(), Some(&6));
    assert_eq!(board.past_totals(), *past);
}

#[test]
fn windows_from_before_are_drawn_and_not_added_up() {
    let past = [5, 6, 7].map(|seq| window("main", seq, &[("🔥", seq)]));
    let model = model([
        standing(100, &[("🔥", 100)]),
        Update::Window(window("main", 7, &[("🔥", 1)])),
        Update::Past {
            stream: "main".to_owned(),
            windows: past.into(),
        },
    ]);
    let board = model.shown().unwrap();
    assert_eq!(board.total, 101);
    assert_eq!(board.rows()[0].past, [5, 6, 1]);
}

#[test]
fn rates_are_per_second() {
    assert!((window("main", 7, &[("🔥", 3)]).rate() - 1.5).abs() < f64::EPSILON);
    assert!(Window::default().rate().abs() < f64::EPSILON);
}

#[test]
fn streams_are_walked_in_a_circle_both_ways() {
    let mut model = model([Update::Streams(vec!["final".to_owned(), "zoo".to_owned()])]);
    assert_eq!((model.selected(), model.place()), ("main", (2, 3)));
    let mut walked = Vec::new();
    for _ in 0..3 {
        model.select_next();
        walked.push(model.selected().to_owned());
    }
    assert_eq!(walked, ["zoo", "final", "main"]);
    for _ in 0..3 {
        model.select_previous();
        walked.push(model.selected().to_owned());
    }
    assert_eq!(walked[3..], ["final", "zoo", "main"]);
}

#[test]
fn without_a_stream_given_the_first_that_comes_is_shown() {
    let mut model = Model::new(&[]);
    model.select_next();
    assert_eq!((model.selected(), model.place()), ("", (0, 0)));
    model.apply(Update::Link {
        stream: None,
        link: Link::Live,
    });
    model.apply(Update::Window(window("final", 1, &[])));
    assert_eq!(model.selected(), "final");
    assert_eq!(model.link(), &Link::Live);
}

#[test]
fn each_stream_has_a_connection_of_its_own() {
    let mut model = model([Update::Streams(vec!["final".to_owned()])]);
    model.apply(Update::Link {
        stream: Some("final".to_owned()),
        link: Link::Live,
    });
    assert_eq!(model.link(), &Link::Connecting);
    model.select_next();
    assert_eq!(model.link(), &Link::Live);
}
