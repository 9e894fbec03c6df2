//! The admin routes ask for the token. What they do to clusters is in `tests/clusters`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Api, send};
use crate::support::ledger::Ledger;
use crate::support::server::{Server, TOKEN};

fn routes() -> [(Method, &'static str); 5] {
    [
        (Method::GET, "/admin/clusters"),
        (Method::POST, "/admin/clusters"),
        (Method::PATCH, "/admin/clusters/1"),
        (Method::DELETE, "/admin/clusters/1"),
        (Method::GET, "/admin/ledger"),
    ]
}

#[tokio::test]
async fn every_admin_route_is_401_without_the_token() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let before = api.clusters().await;
    let shorter = format!("Bearer {}", &TOKEN[1..]);
    let longer = format!("Bearer {TOKEN}x");
    let basic = format!("Basic {TOKEN}");
    for (method, path) in routes() {
        for header in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some(&*shorter),
            Some(&*longer),
            Some(&*basic),
            Some(TOKEN),
        ] {
            let mut request = api
                .request(method.clone(), path)
                .json(&json!({"policy": {"scale": "legacy"}}));
            if let Some(value) = header {
                request = request.header("authorization", value);
            }
            let reply = send(request).await;
            let challenge = reply
                .header("www-authenticate")
                .unwrap_or_default()
                .to_owned();
            assert!(
                challenge.starts_with("Bearer"),
                "{method} {path} {header:?}: {reply:?}"
            );
            let problem = reply.problem(401);
            assert!(!problem.to_string().contains(TOKEN), "{problem}");
        }
    }
    assert_eq!(api.clusters().await, before);
}

#[tokio::test]
async fn the_token_is_asked_for_before_the_body_is_read() {
    let server = Server::start(&[]).await;
    let request = server
        .api()
        .request(Method::POST, "/admin/clusters")
        .body("{")
        .header("content-type", "text/plain");
    send(request).await.problem(401);
}

#[tokio::test]
async fn the_token_opens_every_bind() {
    let server = Server::start(&[]).await;
    for address in &server.addresses {
        let api = Api::new(address, TOKEN);
        assert_eq!(api.clusters().await.len(), 3);
        Ledger::read(&api).await;
    }
}

#[tokio::test]
async fn the_scheme_is_bearer_in_any_case() {
    let server = Server::start(&[]).await;
    let request = server
        .api()
        .request(Method::GET, "/admin/clusters")
        .header("authorization", format!("bearer {TOKEN}"));
    send(request).await.expect(200);
}

#[tokio::test]
async fn the_clusters_are_shown_with_all_that_is_known_of_them() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().cluster(2).open().await;
    session.react("🔥", "x").await;
    session.until_total(1).await;
    let clusters = api.clusters().await;
    let ids: Vec<_> = clusters
        .iter()
        .map(|cluster| cluster["id"].clone())
        .collect();
    assert_eq!(ids, [1, 2, 3]);
    for cluster in &clusters {
        let id = &cluster["id"];
        assert_eq!(cluster["state"], "live", "{cluster}");
        assert_eq!(cluster["policy"]["scale"], "brief", "{cluster}");
        assert_eq!(cluster["sessions"], u64::from(*id == 2), "{cluster}");
        let topics = cluster["topics"].to_string();
        assert!(
            topics.contains(&format!("\"cluster_topic_{id}\"")),
            "{cluster}"
        );
        assert!(
            topics.contains(&format!("\"subscriber_topic_{id}\"")),
            "{cluster}"
        );
        assert!(
            cluster
                .get("last_window")
                .is_some_and(|window| *window != Value::Null),
            "{cluster}"
        );
    }
}
