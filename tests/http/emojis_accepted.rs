//! `emoji_type` is exactly one RGI emoji, in any of its written forms, counted as one.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::reactions::{one_of_each, reaction};
use crate::support::server::Server;

/// Written forms of one emoji each; the first is the one that is counted and sent.
const FORMS: [&[&str]; 6] = [
    &["\u{2764}\u{fe0f}", "\u{2764}"],
    &["\u{2600}\u{fe0f}", "\u{2600}"],
    &["1\u{fe0f}\u{20e3}", "1\u{20e3}"],
    &["#\u{fe0f}\u{20e3}", "#\u{20e3}"],
    &[
        "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
        "\u{1f3f3}\u{200d}\u{1f308}",
    ],
    &[
        "\u{1f441}\u{fe0f}\u{200d}\u{1f5e8}\u{fe0f}",
        "\u{1f441}\u{200d}\u{1f5e8}",
    ],
];

/// Emojis that are written in one way, each a kind of its own.
const SEQUENCES: [&str; 9] = [
    "🔥",
    "👍",
    "👍🏽",
    "👍🏿",
    "🇮🇳",
    "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "👨\u{200d}👩\u{200d}👧\u{200d}👦",
    "👩🏽\u{200d}🚀",
    "🧑🏻\u{200d}🤝\u{200d}🧑🏿",
];

const NOT_ONE_EMOJI: [&str; 20] = [
    "",
    " ",
    "a",
    "fire",
    "1",
    "#",
    ":fire:",
    "🔥🔥",
    "🔥👏",
    "🔥 ",
    " 🔥",
    "🔥a",
    "🇮",
    "🇮🇳🇮🇳",
    "\u{200d}",
    "\u{fe0f}",
    "🔥\u{0}",
    "\u{202e}🔥",
    "🔥\u{200b}",
    "👨\u{200d}🔥",
];

#[tokio::test]
async fn every_written_form_of_an_emoji_is_the_same_emoji() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    let all: Vec<_> = FORMS
        .iter()
        .flat_map(|forms| forms.iter())
        .map(|form| reaction("fan", form))
        .collect();
    let number = all.len() as u64;
    server.api().react(&all.into()).await;
    session.until_total(number).await;
    let expected: BTreeMap<_, _> = FORMS
        .iter()
        .map(|forms| (forms[0].to_owned(), forms.len() as u64))
        .collect();
    assert_eq!(session.totals, expected);
}

#[tokio::test]
async fn skin_tones_flags_and_families_are_emojis_of_their_own() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    let all: Vec<_> = SEQUENCES
        .iter()
        .map(|emoji| reaction("fan", emoji))
        .collect();
    server.api().react(&all.into()).await;
    session.until_total(SEQUENCES.len() as u64).await;
    let expected: BTreeMap<_, _> = SEQUENCES
        .iter()
        .map(|emoji| ((*emoji).to_owned(), 1))
        .collect();
    assert_eq!(session.totals, expected);
}

#[tokio::test]
async fn every_emoji_there_is_is_accepted() {
    let server = Server::start(&["--window", "200ms"]).await;
    let mut session = server.join().open().await;
    let all = one_of_each("main");
    let number = all.as_array().expect("an array").len();
    server.api().react(&all).await;
    session.until_total(number as u64).await;
    assert_eq!(session.totals.len(), number);
}

#[tokio::test]
async fn anything_else_is_422_and_says_why() {
    let server = Server::start(&["--window", "100ms"]).await;
    let chain = vec!["👨"; 300].join("\u{200d}");
    for text in NOT_ONE_EMOJI.into_iter().chain([chain.as_str()]) {
        let problem = server
            .api()
            .post("/emoji", &reaction("fan", text))
            .await
            .problem_naming(422, "emoji_type");
        let detail = problem["detail"]
            .as_str()
            .unwrap_or_else(|| panic!("no detail in {problem}"));
        assert!(detail.len() > "emoji_type".len(), "{detail:?}");
    }
}

#[tokio::test]
async fn raw_and_escaped_json_are_the_same_emoji() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    for emoji in ["🔥", r"\ud83d\udd25", r"\uD83D\uDD25"] {
        let body = format!(
            r#"{{"user_id":"u","emoji_type":"{emoji}","timestamp":"2024-11-19T23:06:51"}}"#
        );
        server
            .api()
            .post_text("application/json", body)
            .await
            .expect(200);
    }
    session.until_total(3).await;
    assert_eq!(json!(session.totals), json!({"🔥": 3}));
}

#[tokio::test]
async fn half_of_an_escaped_emoji_is_refused() {
    let server = Server::start(&[]).await;
    for half in [r"\ud83d", r"\udd25", r"\ud83d\ud83d"] {
        let body =
            format!(r#"{{"user_id":"u","emoji_type":"{half}","timestamp":"2024-11-19T23:06:51"}}"#);
        let reply = server.api().post_text("application/json", body).await;
        assert!([400, 422].contains(&reply.status), "{half}: {reply:?}");
        let status = reply.status;
        reply.problem(status);
    }
}
