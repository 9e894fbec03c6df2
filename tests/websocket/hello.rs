//! The handshake and the first message.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::raw_socket::RawFrame;
use crate::support::reactions::{bulk, reaction};
use crate::support::server::Server;
use crate::support::wait::{PATIENCE, wait_for, within};

const SUBPROTOCOL: &str = "emostream.v1.json";

#[tokio::test]
async fn hello_says_where_the_session_stands() {
    let server = Server::start(&["--window", "200ms"]).await;
    let session = server
        .join()
        .with("client_id", "seat-12")
        .cluster(2)
        .open()
        .await;
    let hello = &session.hello;
    assert_eq!(
        (
            hello.client_id.as_str(),
            hello.cluster,
            hello.stream.as_str()
        ),
        ("seat-12", 2, "main")
    );
    assert_eq!((hello.window_ms, hello.total), (200, 0));
    assert!(hello.totals.is_empty());
}

#[tokio::test]
async fn viewers_are_told_how_many_they_are() {
    let server = Server::start(&["--window", "200ms"]).await;
    let first = server.join().open().await;
    let second = server.join().cluster(3).open().await;
    let elsewhere = server.join().stream("elsewhere").open().await;
    let told = [&first, &second, &elsewhere].map(|session| session.hello.viewers);
    assert_eq!(told, [1, 2, 1]);
    drop(first);
    let watching = async || server.join().open().await.hello.viewers;
    wait_for("the first has gone", PATIENCE, watching, |viewers| {
        *viewers == 2
    })
    .await;
}

#[tokio::test]
async fn a_query_is_not_needed() {
    let server = Server::start(&["--window", "200ms"]).await;
    let first = server.join().open().await;
    let second = server.join().open().await;
    assert_eq!(first.hello.stream, "main");
    assert!(
        (1..=3).contains(&first.cluster),
        "cluster {}",
        first.cluster
    );
    assert_ne!(first.hello.session, second.hello.session);
    assert_ne!(first.hello.client_id, second.hello.client_id);
}

#[tokio::test]
async fn hello_totals_and_all_frames_after_it_add_up_to_what_was_accepted() {
    let server = Server::start(&["--window", "200ms"]).await;
    let api = server.api();
    let mut early = server.join().open().await;
    api.react(&bulk("main", "🔥", 1500).into()).await;
    early.until_total(1500).await;
    let mut late = server.join().open().await;
    assert_eq!(late.hello.totals, BTreeMap::from([("🔥".to_owned(), 1500)]));
    assert_eq!(late.hello.seq, late.seq);
    api.react(&bulk("main", "👏", 7).into()).await;
    early.until_total(1507).await;
    late.until_total(1507).await;
    assert_eq!(early.totals, late.totals);
}

#[tokio::test]
async fn a_window_without_reactions_is_sent_while_the_stream_is_live() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    server.api().react(&reaction("fan", "🔥")).await;
    session.until_total(1).await;
    let last = session.seq;
    session
        .until("five windows more", |session| session.seq >= last + 5)
        .await;
    assert_eq!(session.total, 1);
}

#[tokio::test]
async fn the_subprotocol_is_confirmed_where_it_was_asked_for() {
    let server = Server::start(&[]).await;
    let (_, with) = server
        .join()
        .header("sec-websocket-protocol", SUBPROTOCOL)
        .handshake()
        .await
        .expect("a session");
    assert_eq!(
        with.headers()
            .get("sec-websocket-protocol")
            .expect("a subprotocol"),
        SUBPROTOCOL
    );
    let (_, without) = server.join().handshake().await.expect("a session");
    assert!(without.headers().get("sec-websocket-protocol").is_none());
}

#[tokio::test]
async fn every_bind_serves_sessions() {
    let server = Server::start(&["--window", "100ms"]).await;
    let other_bind = crate::support::subscriber::Join::new(&server.addresses[1]);
    let mut session = other_bind.open().await;
    server.api().react(&reaction("fan", "🔥")).await;
    session.until_total(1).await;
}

#[tokio::test]
async fn a_session_is_counted_in_its_cluster_while_it_is_open() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let session = server.join().cluster(3).open().await;
    wait_for(
        "the session is counted",
        PATIENCE,
        async || api.sessions(3).await,
        |count| *count == 1,
    )
    .await;
    session.leave();
    wait_for(
        "the session is gone",
        PATIENCE,
        async || api.sessions(3).await,
        |count| *count == 0,
    )
    .await;
}

#[tokio::test]
async fn bad_parameters_are_refused_before_the_upgrade() {
    let server = Server::start(&[]).await;
    let long = "s".repeat(65);
    for (name, value) in [
        ("stream", "no spaces"),
        ("stream", long.as_str()),
        ("cluster", "0"),
        ("since", "yesterday"),
    ] {
        let (status, body) = server.join().with(name, value).refused().await;
        assert!((400..500).contains(&status), "{name}={value}: {status}");
        assert!(
            body.is_empty() || body.contains(name),
            "{name}={value}: {body}"
        );
    }
}

#[tokio::test]
async fn a_plain_request_to_the_socket_is_answered_as_http() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let reply = api.get("/ws").await;
    assert!([400, 426].contains(&reply.status), "{reply:?}");
    let status = reply.status;
    reply.problem(status);
    api.admin(Method::POST, "/ws", &json!({}))
        .await
        .problem(405);
}

#[tokio::test]
async fn what_stands_before_and_behind_a_handshake_in_one_packet_is_answered_in_order() {
    let server = Server::start(&[]).await;
    let address = &server.addresses[0];
    let mut packet = format!(
        "GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n\
         GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    packet.extend(RawFrame::text(r#"{"type":"react","emoji_type":"🔥","id":"1"}"#).encode());
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(&packet).await.expect("room in the socket");
    let mut answer = Vec::new();
    let parts: [&[u8]; 4] = [b"HTTP/1.1 200", b"HTTP/1.1 101", b"\"hello\"", b"\"ack\""];
    let mut from = 0;
    for part in parts {
        let place = |answer: &[u8]| {
            let mut rest = answer[from..].windows(part.len());
            rest.position(|bytes| bytes == part)
        };
        let found = loop {
            if let Some(found) = place(&answer) {
                break found;
            }
            let read = within(PATIENCE, "more of the answer", stream.read_buf(&mut answer));
            let read = read.await.expect("an answer");
            assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        };
        from += found + part.len();
    }
}
