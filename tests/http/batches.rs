//! `POST /emoji` with an array or with lines.

use serde_json::{Value, json};

use crate::support::ledger::Ledger;
use crate::support::reactions::{bulk, reaction, reaction_with};
use crate::support::server::Server;

const LINES: &str = "application/x-ndjson";

/// The most reactions that one request may hold.
const MOST: usize = 10_000;

fn lines(reactions: &[Value]) -> String {
    reactions
        .iter()
        .map(|reaction| format!("{reaction}\n"))
        .collect()
}

/// Four good reactions with bad ones at 1, 3 and 5.
fn mixed() -> Vec<Value> {
    vec![
        reaction("a", "🔥"),
        reaction("b", "fire"),
        reaction("c", "👏"),
        reaction_with(json!({"count": 0})),
        reaction("d", "🔥"),
        json!("not a reaction"),
        reaction("e", "🔥"),
    ]
}

/// Indexes of the rejected, after checking that each has a code.
fn rejected(body: &Value) -> Vec<u64> {
    let entries = body["rejected"]
        .as_array()
        .unwrap_or_else(|| panic!("no rejected in {body}"));
    assert!(
        entries
            .iter()
            .all(|entry| entry["code"].as_str().is_some_and(|code| !code.is_empty())),
        "{body}"
    );
    entries
        .iter()
        .map(|entry| entry["index"].as_u64().expect("an index"))
        .collect()
}

#[tokio::test]
async fn an_array_is_accepted_whole() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    let reply = server
        .api()
        .react(&json!([reaction("a", "🔥"), reaction("b", "👏")]))
        .await;
    assert_eq!(
        reply.json(),
        json!({"status": "success", "accepted": 2, "rejected": []})
    );
    session.until_total(2).await;
}

#[tokio::test]
async fn lines_are_accepted_whole() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    let with_last_break = lines(&[reaction("a", "🔥"), reaction("b", "👏")]);
    let without = with_last_break.trim_end().to_owned();
    for body in [with_last_break, without] {
        let reply = server.api().post_text(LINES, body).await.expect(200);
        assert_eq!(
            reply.json(),
            json!({"status": "success", "accepted": 2, "rejected": []})
        );
    }
    session.until_total(4).await;
}

#[tokio::test]
async fn one_bad_reaction_rejects_only_itself() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    let as_array = api.post("/emoji", &mixed().into()).await.expect(200).json();
    let as_lines = api
        .post_text(LINES, lines(&mixed()))
        .await
        .expect(200)
        .json();
    assert_eq!(as_array, as_lines);
    assert_eq!(
        (&as_array["status"], &as_array["accepted"]),
        (&json!("success"), &json!(4))
    );
    assert_eq!(rejected(&as_array), [1, 3, 5]);
    session.until_total(8).await;
    let ledger = Ledger::settled(&api, 8).await;
    assert_eq!((ledger.sum.accepted, ledger.sum.rejected), (8, 6));
}

#[tokio::test]
async fn a_line_that_is_not_json_rejects_only_itself() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    let good = reaction("a", "🔥");
    let body = format!("{good}\n{{\"user_id\":\n{good}\nnull\n{good}\n");
    let reply = server.api().post_text(LINES, body).await.expect(200).json();
    assert_eq!(reply["accepted"], 3);
    assert_eq!(rejected(&reply), [1, 3]);
    session.until_total(3).await;
}

#[tokio::test]
async fn the_code_of_a_rejected_reaction_is_that_of_the_single_one() {
    let server = Server::start(&[]).await;
    let api = server.api();
    for bad in [
        reaction("a", "fire"),
        reaction_with(json!({"count": 0})),
        reaction_with(json!({"stream": "a b"})),
    ] {
        let single = api.post("/emoji", &bad).await.problem(422);
        let in_array = api.post("/emoji", &json!([bad])).await.expect(200).json();
        assert_eq!(in_array["rejected"][0]["code"], single["code"]);
    }
}

#[tokio::test]
async fn ten_thousand_reactions_fit_and_one_more_is_refused_whole() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let most = vec![reaction("fan", "🔥"); MOST];
    let over = vec![reaction("fan", "🔥"); MOST + 1];
    for refused in [
        api.post("/emoji", &over.clone().into()).await,
        api.post_text(LINES, lines(&over)).await,
    ] {
        refused.problem(413);
    }
    assert_eq!(Ledger::read(&api).await.sum.accepted, 0);
    let mut session = server.join().open().await;
    api.react(&most.clone().into()).await;
    session.until_total(MOST as u64).await;
    api.post_text(LINES, lines(&most)).await.expect(200);
    session.until_total(2 * MOST as u64).await;
}

#[tokio::test]
async fn one_batch_may_speak_to_several_streams() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut red = server.join().stream("red").open().await;
    let mut main = server.join().open().await;
    server
        .api()
        .react(
            &[bulk("red", "❤️", 3), bulk("main", "🔥", 4)]
                .concat()
                .into(),
        )
        .await;
    red.until_total(3).await;
    main.until_total(4).await;
}

#[tokio::test]
async fn a_truncated_array_is_400_and_counts_nothing() {
    let server = Server::start(&["--window", "100ms"]).await;
    let whole = json!([reaction("a", "🔥"), reaction("b", "🔥")]).to_string();
    let reply = server
        .api()
        .post_text("application/json", whole[..whole.len() - 2].to_owned())
        .await;
    reply.problem(400);
    assert_eq!(Ledger::read(&server.api()).await.sum.accepted, 0);
}
