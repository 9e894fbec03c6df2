//! `DELETE /admin/clusters/{id}`: its sessions move, and lose or repeat nothing.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::reactions::bulk;
use crate::support::server::Server;
use crate::support::subscriber::Subscriber;
use crate::support::wait::{PATIENCE, wait_for};

async fn retire(api: &Api, id: u64) {
    api.admin(
        Method::DELETE,
        &format!("/admin/clusters/{id}"),
        &Value::Null,
    )
    .await
    .expect(202);
}

async fn until_stopped(api: &Api, id: u64) {
    let state = async || {
        api.cluster(id)
            .await
            .map(|cluster| cluster["state"].clone())
    };
    wait_for("the cluster stops", PATIENCE, state, |state| {
        *state == Some(json!("stopped"))
    })
    .await;
}

async fn sessions(server: &Server, cluster: u64, number: usize) -> Vec<Subscriber> {
    let mut open = Vec::new();
    for _ in 0..number {
        open.push(server.join().cluster(cluster).open().await);
    }
    open
}

/// Sends 10 reactions a time, forever.
async fn keep_sending(api: Api, sent: tokio::sync::watch::Sender<u64>) {
    let crowd: Value = bulk("main", "🔥", 10).into();
    loop {
        api.react(&crowd).await;
        sent.send_modify(|total| *total += 10);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sessions_move_without_a_disconnect_and_without_losing_or_repeating_a_window() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut witness = server.join().cluster(1).open().await;
    let mut moving = sessions(&server, 2, 20).await;
    let (sent, total) = tokio::sync::watch::channel(0);
    let sender = tokio::spawn(keep_sending(api.clone(), sent));
    for session in &mut moving {
        session
            .until("reactions before the move", |session| session.total > 0)
            .await;
    }
    retire(&api, 2).await;
    let mut new_homes = BTreeSet::new();
    for session in &mut moving {
        session
            .until("a new cluster", |session| session.cluster != 2)
            .await;
        new_homes.insert(session.cluster);
        let known = session.total;
        session
            .until("reactions after the move", |session| session.total > known)
            .await;
    }
    sender.abort();
    let _ = sender.await;
    assert_eq!(
        new_homes,
        BTreeSet::from([1, 3]),
        "the remaining clusters share them"
    );
    // The request that was under way when the sender was stopped may still have been accepted.
    let counted = crate::support::ledger::Ledger::settled(&api, *total.borrow())
        .await
        .sum
        .counted;
    witness.until_total(counted).await;
    for session in &mut moving {
        session.until_total(counted).await;
        assert_eq!(session.totals, witness.totals);
        let newest = session.next_frame().await;
        assert_eq!(newest.cluster, session.cluster);
    }
    until_stopped(&api, 2).await;
}

#[tokio::test]
async fn a_retired_cluster_is_stopped_and_takes_nobody() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    retire(&api, 3).await;
    until_stopped(&api, 3).await;
    let topic = json!({"client_id": "c", "subscriber": "subscriber_topic_3"});
    api.post("/register", &topic)
        .await
        .problem_naming(422, "subscriber");
    let mut placed = BTreeSet::new();
    let mut open = Vec::new();
    for _ in 0..6 {
        let session = server.join().open().await;
        placed.insert(session.cluster);
        open.push(session);
    }
    assert_eq!(placed, BTreeSet::from([1, 2]));
}

#[tokio::test]
async fn a_registered_client_of_a_retired_cluster_is_placed_elsewhere() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let body = json!({"client_id": "c", "subscriber": "subscriber_topic_3"});
    api.post("/register", &body).await.expect(200);
    retire(&api, 3).await;
    until_stopped(&api, 3).await;
    let session = server.join().with("client_id", "c").open().await;
    assert!(
        [1, 2].contains(&session.cluster),
        "cluster {}",
        session.cluster
    );
}

#[tokio::test]
async fn a_retired_id_may_come_again() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut witness = server.join().cluster(1).open().await;
    retire(&api, 3).await;
    until_stopped(&api, 3).await;
    api.react(&bulk("main", "🔥", 42).into()).await;
    witness.until_total(42).await;
    api.admin(Method::POST, "/admin/clusters", &json!({"id": 3}))
        .await
        .expect(201);
    let mut session = server.join().cluster(3).open().await;
    assert_eq!((session.cluster, session.total), (3, 42));
    api.react(&bulk("main", "🔥", 1).into()).await;
    session.until_total(43).await;
}

#[tokio::test]
async fn a_session_that_was_moved_may_leave_and_come_back() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().with("client_id", "c").cluster(2).open().await;
    let mut witness = server.join().cluster(1).open().await;
    api.react(&bulk("main", "🔥", 5).into()).await;
    session.until_total(5).await;
    retire(&api, 2).await;
    session
        .until("a new cluster", |session| session.cluster != 2)
        .await;
    let left = session.leave();
    api.react(&bulk("main", "🔥", 6).into()).await;
    witness.until_total(11).await;
    let mut back = server
        .join()
        .with("client_id", "c")
        .since(left.seq)
        .open()
        .await;
    assert_eq!((back.hello.recovered, back.hello.total), (true, left.total));
    back.until_total(11).await;
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_404() {
    let server = Server::start(&[]).await;
    for path in [
        "/admin/clusters/99",
        "/admin/clusters/0",
        "/admin/clusters/nine",
    ] {
        server
            .api()
            .admin(Method::DELETE, path, &Value::Null)
            .await
            .problem(404);
    }
}

#[tokio::test]
async fn the_last_cluster_stays() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().cluster(1).open().await;
    for id in [1, 2] {
        retire(&api, id).await;
        until_stopped(&api, id).await;
    }
    api.admin(Method::DELETE, "/admin/clusters/3", &Value::Null)
        .await
        .problem(409);
    session.react("🔥", "still delivered").await;
    session.until_total(1).await;
    assert_eq!(session.cluster, 3);
    assert_eq!(api.cluster(3).await.expect("cluster 3")["state"], "live");
}

#[tokio::test]
async fn of_two_clusters_retired_at_once_one_stays() {
    let server = Server::start(&["--clusters", "2"]).await;
    let api = server.api();
    let first = api.admin(Method::DELETE, "/admin/clusters/1", &Value::Null);
    let second = api.admin(Method::DELETE, "/admin/clusters/2", &Value::Null);
    let (one, other) = tokio::join!(first, second);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409]);
}
