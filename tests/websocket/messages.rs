//! What a session may say, and what it is answered.

use serde_json::json;

use crate::support::frames::Message;
use crate::support::ledger::Ledger;
use crate::support::reactions::{bulk, reaction, reaction_with};
use crate::support::server::Server;

#[tokio::test]
async fn a_reaction_is_acknowledged_by_its_id_and_counted() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut sender = server.join().open().await;
    let mut other = server.join().open().await;
    let answer = sender.react("🔥", "first").await;
    assert!(
        matches!(&answer, Message::Ack { id } if id == "first"),
        "{answer:?}"
    );
    sender.until_total(1).await;
    other.until_total(1).await;
    assert_eq!(other.totals["🔥"], 1);
}

#[tokio::test]
async fn a_reaction_carries_its_count() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    session
        .send(&json!({"type": "react", "emoji_type": "👏", "count": 250, "id": "many"}))
        .await;
    assert!(matches!(session.next_answer().await, Message::Ack { id } if id == "many"));
    session.until_total(250).await;
}

#[tokio::test]
async fn a_reaction_without_an_id_is_answered_only_if_it_is_refused() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    session
        .send(&json!({"type": "react", "emoji_type": "🔥"}))
        .await;
    session
        .send(&json!({"type": "react", "emoji_type": "not an emoji"}))
        .await;
    let refusal = session.next_answer().await;
    assert!(
        matches!(&refusal, Message::Error { code, id: None } if code == "invalid_emoji"),
        "{refusal:?}"
    );
    let answer = session.react("🔥", "the only answer").await;
    assert!(
        matches!(&answer, Message::Ack { id } if id == "the only answer"),
        "{answer:?}"
    );
    session.until_total(2).await;
}

#[tokio::test]
async fn a_reaction_that_means_nothing_is_answered_with_a_code_and_the_session_stays() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    for (id, emoji, count) in [
        ("text", "fire", 1),
        ("two", "🔥🔥", 1),
        ("none", "🔥", 0),
        ("over", "🔥", 1001),
    ] {
        session
            .send(&json!({"type": "react", "emoji_type": emoji, "count": count, "id": id}))
            .await;
        match session.next_answer().await {
            Message::Error { code, id: answered } => {
                assert_eq!(answered.as_deref(), Some(id));
                assert!(!code.is_empty(), "no code for {id}");
            }
            other => panic!("{id}: an error, not {other:?}"),
        }
    }
    session.react("🔥", "good").await;
    session.until_total(1).await;
    let ledger = Ledger::settled(&server.api(), 1).await;
    assert_eq!((ledger.sum.accepted, ledger.sum.rejected), (1, 4));
}

#[tokio::test]
async fn http_and_websocket_give_a_bad_emoji_the_same_code() {
    let server = Server::start(&[]).await;
    let mut session = server.join().open().await;
    let by_http = server
        .api()
        .post("/emoji", &reaction("fan", "fire"))
        .await
        .problem(422);
    let by_socket = session.react("fire", "x").await;
    assert!(
        matches!(&by_socket, Message::Error { code, .. } if *code == by_http["code"]),
        "{by_socket:?}, {by_http}"
    );
}

#[tokio::test]
async fn subscribe_answers_with_the_hello_of_the_other_stream() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    let mut fan_of_final = server.join().stream("final").open().await;
    api.react(&bulk("final", "🏆", 40).into()).await;
    api.react(&bulk("main", "🔥", 3).into()).await;
    session.until_total(3).await;
    fan_of_final.until_total(40).await;
    session
        .send(&json!({"type": "subscribe", "stream": "final"}))
        .await;
    session
        .until("the hello of the other stream", |session| {
            session.hello.stream == "final"
        })
        .await;
    assert_eq!(session.total, 40);
    api.react(&reaction_with(json!({"stream": "main"}))).await;
    api.react(&reaction_with(json!({"stream": "final"}))).await;
    session.until_total(41).await;
    session.react("🏆", "in the new stream").await;
    fan_of_final.until_total(42).await;
    session.until_total(42).await;
}

#[tokio::test]
async fn streams_do_not_mix() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut red = server.join().stream("red").open().await;
    let mut blue = server.join().stream("blue").open().await;
    api.react(
        &[bulk("red", "❤️", 11), bulk("blue", "💙", 22)]
            .concat()
            .into(),
    )
    .await;
    red.until_total(11).await;
    blue.until_total(22).await;
    assert_eq!(red.totals.keys().collect::<Vec<_>>(), ["❤️"]);
    assert_eq!(blue.totals.keys().collect::<Vec<_>>(), ["💙"]);
}

#[tokio::test]
async fn a_message_that_is_not_in_the_protocol_closes_with_1008() {
    let server = Server::start(&[]).await;
    let texts = [
        r#"{"type":"dance"}"#,
        r#"{"emoji_type":"🔥"}"#,
        r#"{"type":"react","emoji_type":"#,
        r#"{"type":"subscribe"}"#,
        "[]",
        "null",
        "",
        "hello",
    ];
    for text in texts {
        let mut session = server.join().open().await;
        session.send_text(text).await;
        assert_eq!(session.until_closed().await.code, 1008, "{text:?}");
    }
}
