//! `POST /emoji` with one reaction.

use serde_json::{Value, json};

use crate::support::ledger::Ledger;
use crate::support::reactions::{reaction, reaction_with};
use crate::support::server::Server;

#[tokio::test]
async fn one_reaction_is_answered_with_success_and_nothing_else() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    let reply = api.react(&reaction("7d9e1c52-user", "🔥")).await;
    assert_eq!(reply.json(), json!({"status": "success"}));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    session.until_total(1).await;
}

#[tokio::test]
async fn every_bind_takes_reactions() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    for address in &server.addresses {
        crate::support::api::Api::new(address, "")
            .react(&reaction("fan", "🔥"))
            .await;
    }
    session.until_total(2).await;
}

#[tokio::test]
async fn a_reaction_followed_by_silence_still_arrives() {
    let server = Server::start(&[]).await;
    let mut session = server.join().open().await;
    server.api().react(&reaction("fan", "🔥")).await;
    let frame = session.next_full_frame().await;
    assert_eq!((frame.total, frame.end_ms - frame.start_ms), (1, 2000));
}

#[tokio::test]
async fn a_reaction_counts_as_often_as_its_count_says() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    for count in [1, 1000] {
        server
            .api()
            .react(&reaction_with(json!({"count": count})))
            .await;
    }
    session.until_total(1001).await;
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_passed_over() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    server
        .api()
        .react(&reaction_with(
            json!({"seat": "F12", "nested": {"deep": [1, 2]}}),
        ))
        .await;
    session.until_total(1).await;
}

#[tokio::test]
async fn a_charset_in_the_content_type_does_no_harm() {
    let server = Server::start(&[]).await;
    let body = reaction("fan", "🔥").to_string();
    server
        .api()
        .post_text("application/json; charset=utf-8", body)
        .await
        .expect(200);
}

#[tokio::test]
async fn timestamps_are_taken_with_and_without_zone() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    let good = [
        "2024-11-19T23:06:51.123456",
        "2024-11-19T23:06:51",
        "2024-11-19T23:06:51Z",
        "2024-11-19T23:06:51.5+05:30",
        "2024-11-19T23:06:51-08:00",
        "2024-11-19T23:06:51.123456789Z",
        "2999-01-01T00:00:00Z",
    ];
    for timestamp in good {
        server
            .api()
            .react(&reaction_with(json!({"timestamp": timestamp})))
            .await;
    }
    session.until_total(good.len() as u64).await;
}

#[tokio::test]
async fn a_bad_timestamp_is_422_and_named() {
    let server = Server::start(&[]).await;
    let bad = [
        json!("yesterday"),
        json!(""),
        json!("2024-13-01T00:00:00Z"),
        json!("2024-02-30T00:00:00"),
        json!("2024-11-19T25:00:00Z"),
        json!("19/11/2024 23:06"),
        json!(1_732_057_611),
        json!(null),
    ];
    for timestamp in bad {
        let reply = server
            .api()
            .post("/emoji", &reaction_with(json!({"timestamp": timestamp})))
            .await;
        reply.problem_naming(422, "timestamp");
    }
    assert_eq!(Ledger::read(&server.api()).await.sum.accepted, 0);
}

/// Each bad field, with the name that the answer has to give.
fn bad_fields() -> Vec<(&'static str, Value)> {
    vec![
        ("user_id", json!({"user_id": ""})),
        ("user_id", json!({"user_id": 17})),
        ("user_id", json!({"user_id": null})),
        ("user_id", json!({"user_id": "u".repeat(10_000)})),
        ("user_id", json!({"user_id": "line\nbreak"})),
        ("emoji_type", json!({"emoji_type": "fire"})),
        ("emoji_type", json!({"emoji_type": 1})),
        ("stream", json!({"stream": ""})),
        ("stream", json!({"stream": "with space"})),
        ("stream", json!({"stream": "../etc"})),
        ("stream", json!({"stream": "s".repeat(65)})),
        ("count", json!({"count": 0})),
        ("count", json!({"count": 1001})),
        ("count", json!({"count": -1})),
        ("count", json!({"count": 1.5})),
        ("count", json!({"count": "2"})),
        ("event_id", json!({"event_id": ""})),
        ("event_id", json!({"event_id": "e".repeat(65)})),
        ("event_id", json!({"event_id": "with space"})),
    ]
}

#[tokio::test]
async fn a_bad_field_is_422_and_named_and_counts_nothing() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    for (field, change) in bad_fields() {
        api.post("/emoji", &reaction_with(change))
            .await
            .problem_naming(422, field);
    }
    let ledger = Ledger::read(&api).await;
    assert_eq!(
        (ledger.sum.accepted, ledger.sum.rejected),
        (0, bad_fields().len() as u64)
    );
}

#[tokio::test]
async fn a_missing_field_is_422_and_named() {
    let server = Server::start(&[]).await;
    for field in ["user_id", "emoji_type", "timestamp"] {
        let mut body = reaction("fan", "🔥");
        body.as_object_mut().expect("an object").remove(field);
        server
            .api()
            .post("/emoji", &body)
            .await
            .problem_naming(422, field);
    }
    for body in [json!({}), json!(null), json!("🔥"), json!(7)] {
        server.api().post("/emoji", &body).await.problem(422);
    }
}

#[tokio::test]
async fn stream_names_of_every_allowed_form_are_taken() {
    let server = Server::start(&["--window", "100ms"]).await;
    let longest = "s".repeat(64);
    for name in ["a", "World-Cup_2026.final", "..", longest.as_str()] {
        let mut session = server.join().stream(name).open().await;
        server
            .api()
            .react(&reaction_with(json!({"stream": name})))
            .await;
        session.until_total(1).await;
    }
}

#[tokio::test]
async fn there_are_at_most_streams_max_streams() {
    let server = Server::start(&["--window", "100ms", "--set", "streams.max=3"]).await;
    let api = server.api();
    for name in ["one", "two", "three"] {
        api.react(&reaction_with(json!({"stream": name}))).await;
    }
    let fourth = api
        .post("/emoji", &reaction_with(json!({"stream": "four"})))
        .await;
    assert!([422, 429, 503].contains(&fourth.status), "{fourth:?}");
    let status = fourth.status;
    fourth.problem(status);
    api.react(&reaction_with(json!({"stream": "two"}))).await;
    assert_eq!(Ledger::settled(&api, 4).await.sum.accepted, 4);
}
