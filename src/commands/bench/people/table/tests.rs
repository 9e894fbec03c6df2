//! Whole tables, as they are seen.

use std::time::Duration;

use super::super::wire::Totals;
use super::*;
use crate::commands::terminal::drawn;

fn lively() -> Picture {
    Picture {
        address: "http://localhost:5001".to_owned(),
        stream: "main".to_owned(),
        phase: Phase::Open,
        elapsed: Duration::from_millis(12_900),
        duration: Some(Duration::from_secs(60)),
        people: 100,
        here: 72,
        away: 25,
        coming: 3,
        clusters: [(1, 24), (2, 25), (3, 23)].into(),
        counts: Counts {
            sent: 1_234,
            accepted: 1_230,
            limited: 1,
            windows: 432,
            merged: 7,
            returns: 5,
            ..Counts::default()
        },
        node: Some(Totals {
            seq: 897_794_287,
            total: 1_210,
        }),
        agreement: Agreement {
            agree: 72,
            ..Agreement::default()
        },
        sums: Some((1_210, 1_210)),
        answers: Typical {
            p50: Some(0.42),
            p99: Some(1.9),
        },
        arrivals: Typical::default(),
        emojis: vec![("🔥", 310), ("😂", 160)],
        troubles: vec![("react: limited".to_owned(), 1)],
    }
}

fn seen(picture: &Picture) -> Vec<String> {
    drawn(100, 16, |frame| draw(frame, picture))
}

#[test]
fn a_lively_crowd_is_one_table() {
    let expected = [
        "emostream crowd  main  http://localhost:5001  12 s of 1m",
        "● people come, react and go",
        "",
        "people            72 here        25 away         3 coming         5 returns",
        "registered        24 in 1        25 in 2        23 in 3",
        "reactions      1,234 sent     1,230 accepted         1 limited         0 refused         0 unknown",
        "windows          432 seen         7 merged         0 reconnects         0 faults",
        "totals         1,210 node     1,210 everybody  72 agree",
        "react → ack      0.4 ms p50       1.9 ms p99",
        "window in          - ms p50         - ms p99",
        "accepted      🔥 310  😂 160",
        "",
        "       1 x react: limited",
        "",
        "",
        "q quit",
    ];
    assert_eq!(seen(&lively()), expected);
}

#[test]
fn watchers_who_differ_are_seen() {
    let mut picture = lively();
    picture.agreement.differ = 2;
    picture.sums = Some((1_100, 1_210));
    let lines = seen(&picture);
    assert!(
        lines[7].contains("1,100 to 1,210 the crowd"),
        "{}",
        lines[7]
    );
    assert!(lines[7].ends_with("72 agree  2 differ"), "{}", lines[7]);
}

#[test]
fn before_anybody_comes_there_is_a_table_all_the_same() {
    let mut picture = lively();
    (picture.node, picture.sums, picture.duration) = (None, None, None);
    picture.clusters.clear();
    picture.troubles.clear();
    let lines = seen(&picture);
    assert!(lines[0].ends_with("12 s"), "{}", lines[0]);
    assert!(lines[7].contains("- node"), "{}", lines[7]);
}

#[test]
fn what_stays_in_the_terminal_is_what_was_on_the_screen() {
    let picture = lively();
    let screen = seen(&picture);
    for line in text(&picture).lines() {
        assert!(
            screen.iter().any(|seen| seen == line),
            "{line:?} in {screen:?}"
        );
    }
}
