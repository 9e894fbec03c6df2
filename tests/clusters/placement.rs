//! Where a session is placed that asks for no cluster.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::subscriber::Subscriber;
use crate::support::wait::{PATIENCE, wait_for};

fn by_cluster(sessions: &[Subscriber]) -> BTreeMap<u64, usize> {
    let mut number = BTreeMap::new();
    for session in sessions {
        *number.entry(session.cluster).or_default() += 1;
    }
    number
}

async fn open_anywhere(server: &Server, number: usize) -> Vec<Subscriber> {
    let mut open = Vec::new();
    for _ in 0..number {
        open.push(server.join().open().await);
    }
    open
}

#[tokio::test]
async fn sessions_are_spread_evenly() {
    let server = Server::start(&[]).await;
    let open = open_anywhere(&server, 12).await;
    assert_eq!(by_cluster(&open), BTreeMap::from([(1, 4), (2, 4), (3, 4)]));
}

#[tokio::test]
async fn the_least_loaded_cluster_is_next() {
    let server = Server::start(&[]).await;
    let mut crowded = Vec::new();
    for _ in 0..6 {
        crowded.push(server.join().cluster(1).open().await);
    }
    let open = open_anywhere(&server, 8).await;
    assert_eq!(by_cluster(&open), BTreeMap::from([(2, 4), (3, 4)]));
}

#[tokio::test]
async fn a_new_cluster_fills_first() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let _old = open_anywhere(&server, 9).await;
    api.admin(Method::POST, "/admin/clusters", &json!({"id": 9}))
        .await
        .expect(201);
    let new = open_anywhere(&server, 3).await;
    assert_eq!(by_cluster(&new), BTreeMap::from([(9, 3)]));
}

#[tokio::test]
async fn a_place_that_was_left_is_filled() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let mut open = open_anywhere(&server, 6).await;
    let place = open
        .iter()
        .position(|session| session.cluster == 2)
        .expect("a session in cluster 2");
    open.swap_remove(place).leave();
    wait_for(
        "the place is free",
        PATIENCE,
        async || api.sessions(2).await,
        |count| *count == 1,
    )
    .await;
    assert_eq!(server.join().open().await.cluster, 2);
}

#[tokio::test]
async fn the_cluster_asked_for_is_given_and_auto_means_any() {
    let server = Server::start(&["--clusters", "5"]).await;
    for id in 1..=5 {
        assert_eq!(server.join().cluster(id).open().await.cluster, id);
    }
    let anywhere = server.join().with("cluster", "auto").open().await;
    assert!((1..=5).contains(&anywhere.cluster));
}

#[tokio::test]
async fn an_unknown_cluster_is_refused_at_the_handshake() {
    let server = Server::start(&[]).await;
    let (status, body) = server.join().cluster(99).refused().await;
    let problem: Value =
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("not JSON ({error}): {body}"));
    assert_eq!((status, &problem["status"]), (422, &json!(422)));
    assert_eq!(problem["code"], "unknown_cluster");
    assert_eq!(problem["field"], "cluster");
}
