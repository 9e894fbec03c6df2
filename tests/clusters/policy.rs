//! `PATCH /admin/clusters/{id}`: the policy changes from the next window on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::reactions::bulk;
use crate::support::server::Server;
use crate::support::wait::now_ms;

#[tokio::test]
async fn a_policy_holds_from_the_next_window_on() {
    let server = Server::start(&["--window", "500ms"]).await;
    let api = server.api();
    let mut session = server.join().cluster(1).open().await;
    let crowd: Value = bulk("main", "🔥", 500).into();
    for _ in 0..2 {
        api.react(&crowd).await;
        assert_eq!(
            session.next_full_frame().await.final_counts()[&500],
            1,
            "brief"
        );
    }
    let reply = api
        .admin(
            Method::PATCH,
            "/admin/clusters/1",
            &json!({"policy": {"scale": "legacy"}}),
        )
        .await
        .expect(200);
    let changed_at = now_ms();
    assert_eq!(reply.json()["policy"]["scale"], "legacy");
    let mut shaped_anew = 0;
    while shaped_anew < 3 {
        api.react(&crowd).await;
        let frame = session.next_full_frame().await;
        let (count, final_count) = frame.final_counts().pop_last().expect("one emoji");
        if frame.start_ms >= changed_at {
            assert_eq!(final_count, count / 100, "legacy: {frame:?}");
            shaped_anew += 1;
        }
    }
}

#[tokio::test]
async fn a_changed_policy_touches_no_other_cluster_and_no_total() {
    let server = Server::start(&["--window", "200ms"]).await;
    let api = server.api();
    let mut changed = server.join().cluster(1).open().await.expecting_cut_lists();
    let mut other = server.join().cluster(2).open().await;
    api.admin(
        Method::PATCH,
        "/admin/clusters/1",
        &json!({"policy": {"top_n": 1}}),
    )
    .await
    .expect(200);
    let crowd: Value = [bulk("main", "🔥", 20), bulk("main", "👏", 10)]
        .concat()
        .into();
    for _ in 0..3 {
        api.react(&crowd).await;
        other.next_full_frame().await;
    }
    changed.until_total(90).await;
    other.until_total(90).await;
    assert_eq!(other.totals["👏"], 30);
    assert_eq!(
        api.cluster(2).await.expect("cluster 2")["policy"]["scale"],
        "brief"
    );
}

#[tokio::test]
async fn the_policy_shown_is_the_one_that_was_set() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let policy = json!({"scale": {"divisor": 50}, "top_n": 4, "min_count": 3});
    api.admin(
        Method::PATCH,
        "/admin/clusters/2",
        &json!({"policy": policy}),
    )
    .await
    .expect(200);
    assert_eq!(api.cluster(2).await.expect("cluster 2")["policy"], policy);
    // A cluster that has this policy already is the same cluster.
    api.admin(
        Method::POST,
        "/admin/clusters",
        &json!({"id": 2, "policy": policy}),
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_404() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let body = json!({"policy": {"scale": "legacy"}});
    for path in [
        "/admin/clusters/99",
        "/admin/clusters/0",
        "/admin/clusters/nine",
    ] {
        api.admin(Method::PATCH, path, &body).await.problem(404);
    }
}

#[tokio::test]
async fn a_bad_policy_is_422_and_changes_nothing() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let before = api.cluster(1).await;
    for policy in [
        json!({"scale": "huge"}),
        json!({"scale": {"divisor": 0}}),
        json!({"top_n": -1}),
        json!(7),
    ] {
        api.admin(
            Method::PATCH,
            "/admin/clusters/1",
            &json!({"policy": policy}),
        )
        .await
        .problem_naming(422, "policy");
    }
    api.admin(Method::PATCH, "/admin/clusters/1", &json!({}))
        .await
        .problem_naming(422, "policy");
    assert_eq!(api.cluster(1).await, before);
}
