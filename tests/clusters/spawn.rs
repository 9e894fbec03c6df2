//! `POST /admin/clusters`: 201 once the cluster really delivers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Api, Reply};
use crate::support::reactions::{bulk, reaction};
use crate::support::server::Server;

const CLUSTERS: &str = "/admin/clusters";

async fn spawn(api: &Api, body: Value) -> Reply {
    api.admin(Method::POST, CLUSTERS, &body).await
}

#[tokio::test]
async fn a_spawned_cluster_delivers_at_once_and_stands_on_exact_totals() {
    let server = Server::start(&["--window", "200ms"]).await;
    let api = server.api();
    let mut witness = server.join().cluster(1).open().await;
    api.react(&bulk("main", "🔥", 1234).into()).await;
    witness.until_total(1234).await;

    let created = spawn(&api, json!({"id": 9, "policy": {"scale": "legacy"}}))
        .await
        .expect(201)
        .json();
    assert_eq!(
        (&created["id"], &created["state"]),
        (&json!(9), &json!("live"))
    );
    let mut session = server.join().cluster(9).open().await;
    assert_eq!((session.cluster, session.total), (9, 1234));
    api.react(&bulk("main", "👏", 250).into()).await;
    let frame = session.next_full_frame().await;
    assert_eq!((frame.cluster, frame.total), (9, 250));
    assert_eq!(
        frame.count("👏").map(|count| count.final_count),
        Some(2),
        "legacy"
    );
    witness.until_total(1484).await;
    assert_eq!(session.totals, witness.totals);
}

#[tokio::test]
async fn a_spawned_cluster_is_shown() {
    let server = Server::start(&[]).await;
    let api = server.api();
    spawn(
        &api,
        json!({"id": 9, "policy": {"scale": {"divisor": 10}, "top_n": 5, "min_count": 2}}),
    )
    .await
    .expect(201);
    let shown = api.cluster(9).await.expect("cluster 9");
    assert_eq!(shown["state"], "live");
    assert_eq!(
        shown["policy"],
        json!({"scale": {"divisor": 10}, "top_n": 5, "min_count": 2})
    );
    assert_eq!(shown["sessions"], 0);
    assert_eq!(api.clusters().await.len(), 4);
}

#[tokio::test]
async fn a_client_may_register_with_a_spawned_cluster() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let body = json!({"client_id": "c", "subscriber": "subscriber_topic_9"});
    api.post("/register", &body)
        .await
        .problem_naming(422, "subscriber");
    spawn(&api, json!({"id": 9})).await.expect(201);
    assert_eq!(
        api.post("/register", &body).await.expect(200).json()["cluster"],
        9
    );
}

#[tokio::test]
async fn the_same_id_and_policy_again_is_200_and_changes_nothing() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let body = json!({"id": 9, "policy": {"scale": "legacy", "top_n": 3}});
    spawn(&api, body.clone()).await.expect(201);
    let again = spawn(&api, body).await.expect(200).json();
    assert_eq!(again["id"], 9);
    assert_eq!(api.clusters().await.len(), 4);
}

#[tokio::test]
async fn two_at_once_of_the_same_id_make_one_cluster() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let body = json!({"id": 9});
    let (one, other) = tokio::join!(spawn(&api, body.clone()), spawn(&api, body));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    assert_eq!(api.clusters().await.len(), 4);
}

#[tokio::test]
async fn the_same_id_with_another_policy_is_409() {
    let server = Server::start(&[]).await;
    let api = server.api();
    spawn(&api, json!({"id": 9, "policy": {"scale": "legacy"}}))
        .await
        .expect(201);
    let before = api.cluster(9).await;
    spawn(&api, json!({"id": 9, "policy": {"scale": "brief"}}))
        .await
        .problem(409);
    spawn(&api, json!({"id": 1, "policy": {"top_n": 1}}))
        .await
        .problem(409);
    assert_eq!(api.cluster(9).await, before);
}

#[tokio::test]
async fn id_and_policy_are_both_optional() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let first = spawn(&api, json!({})).await.expect(201).json();
    let second = spawn(&api, json!({"policy": {"top_n": 1}}))
        .await
        .expect(201)
        .json();
    let id = |cluster: &Value| cluster["id"].as_u64().expect("an id");
    assert!(
        id(&first) > 3 && id(&second) > 3 && id(&first) != id(&second),
        "{first} {second}"
    );
    assert_eq!(first["policy"]["scale"], "brief");
    let mut session = server.join().cluster(id(&first)).open().await;
    api.react(&reaction("fan", "🔥")).await;
    session.until_total(1).await;
}

#[tokio::test]
async fn a_bad_id_or_policy_is_422_and_named() {
    let server = Server::start(&[]).await;
    let api = server.api();
    for id in [
        json!(0),
        json!(-1),
        json!(10_000),
        json!("nine"),
        json!(1.5),
    ] {
        spawn(&api, json!({"id": id}))
            .await
            .problem_naming(422, "id");
    }
    let bad = [
        ("scale", json!({"scale": "huge"})),
        ("scale", json!({"scale": 7})),
        ("divisor", json!({"scale": {"divisor": 0}})),
        ("divisor", json!({"scale": {"divisor": -3}})),
        ("top_n", json!({"top_n": -1})),
        ("top_n", json!({"top_n": "all"})),
        ("min_count", json!({"min_count": -1})),
        ("policy", json!("legacy")),
    ];
    for (field, policy) in bad {
        spawn(&api, json!({"id": 9, "policy": policy}))
            .await
            .problem_naming(422, field);
    }
    assert_eq!(api.clusters().await.len(), 3);
}

#[tokio::test]
async fn there_are_at_most_clusters_max() {
    let server = Server::start(&["--set", "clusters.max=4"]).await;
    let api = server.api();
    spawn(&api, json!({"id": 9})).await.expect(201);
    let over = spawn(&api, json!({"id": 10})).await;
    assert!([409, 422].contains(&over.status), "{over:?}");
    let status = over.status;
    over.problem(status);
    spawn(&api, json!({"id": 9})).await.expect(200);
}
