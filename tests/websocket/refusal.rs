//! Sessions that are not let in, and how they are told.

use std::collections::BTreeSet;

use crate::support::metrics::Scrape;
use crate::support::server::Server;
use crate::support::wait::{PATIENCE, wait_for};

#[tokio::test]
async fn a_page_of_another_origin_is_closed_with_4003() {
    let server = Server::start(&[]).await;
    let own = &server.addresses[0];
    let foreign = [
        "http://evil.example".to_owned(),
        "null".to_owned(),
        format!("http://{own}.evil.example"),
        format!("http://evil-{own}"),
        "http://127.0.0.1:1".to_owned(),
    ];
    for origin in &foreign {
        let closed = server
            .join()
            .header("origin", origin)
            .closed_at_once()
            .await;
        assert_eq!(closed.code, 4003, "{origin}");
    }
    let scrape = Scrape::read(&server.api()).await;
    let refused = scrape.sum("emostream_sessions_closed_total", "origin_refused");
    assert!(
        (refused - foreign.len() as f64).abs() < 0.5,
        "{refused} counted"
    );
}

#[tokio::test]
async fn the_servers_own_pages_and_programs_without_an_origin_are_let_in() {
    let server = Server::start(&[]).await;
    let own = format!("http://{}", server.addresses[0]);
    server.join().header("origin", &own).open().await;
    server.join().open().await;
}

#[tokio::test]
async fn a_listed_origin_is_let_in() {
    let setting = "http.allowed_origins=https://stage.example";
    let server = Server::start(&["--set", setting]).await;
    server
        .join()
        .header("origin", "https://stage.example")
        .open()
        .await;
    for other in [
        "https://stage.example.evil",
        "http://stage.example",
        "https://stage.example:8443",
    ] {
        assert_eq!(
            server
                .join()
                .header("origin", other)
                .closed_at_once()
                .await
                .code,
            4003,
            "{other}"
        );
    }
}

#[tokio::test]
async fn a_full_node_closes_with_4013_and_says_when_to_come_back() {
    let server = Server::start(&["--set", "session.max=2"]).await;
    let api = server.api();
    let first = server.join().open().await;
    let _second = server.join().open().await;
    let mut waits = BTreeSet::new();
    for _ in 0..10 {
        let closed = server.join().closed_at_once().await;
        assert_eq!(closed.code, 4013);
        waits.insert(closed.retry_after_ms());
    }
    assert!(
        waits.len() > 1,
        "the crowd would come back at once: {waits:?}"
    );
    assert!(waits.first() >= Some(&1), "{waits:?}");
    first.leave();
    wait_for(
        "a place is free",
        PATIENCE,
        async || api.all_sessions().await,
        |count| *count == 1,
    )
    .await;
    server.join().open().await;
}
