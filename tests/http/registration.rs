//! Registration decides where a client is placed, for as long as its lease lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::api::Api;
use crate::support::reactions::reaction;
use crate::support::server::Server;
use crate::support::subscriber::Join;

async fn register(api: &Api, body: Value) -> Value {
    api.post("/register", &body).await.expect(200).json()
}

fn text<'reply>(reply: &'reply Value, field: &str) -> &'reply str {
    reply[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {reply}"))
}

#[tokio::test]
async fn a_client_registers_and_deregisters_once() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let reply = register(&api, json!({"client_id": "c-1"})).await;
    assert_eq!(
        (text(&reply, "status"), text(&reply, "client_id")),
        ("registered", "c-1")
    );
    let cluster = reply["cluster"].as_u64().expect("a cluster");
    assert_eq!(
        text(&reply, "subscriber"),
        format!("subscriber_topic_{cluster}")
    );
    assert_eq!(reply["lease_seconds"], 60);
    let gone = api
        .post("/deregister", &json!({"client_id": "c-1"}))
        .await
        .expect(200);
    assert_eq!(gone.json(), json!({"status": "deregistered"}));
    let again = api
        .post("/deregister", &json!({"client_id": "c-1"}))
        .await
        .expect(404);
    assert_eq!(again.json()["status"], "not found");
}

#[tokio::test]
async fn the_ws_url_works_as_it_is_given() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let reply = register(&api, json!({"client_id": "c-1"})).await;
    let mut session = Join::url(text(&reply, "ws_url")).open().await;
    assert_eq!(session.hello.client_id, "c-1");
    assert_eq!(Some(session.cluster), reply["cluster"].as_u64());
    api.react(&reaction("c-1", "🔥")).await;
    session.until_total(1).await;
}

#[tokio::test]
async fn a_client_that_names_no_host_is_told_where_the_node_is() {
    let server = Server::start(&[]).await;
    let address = &server.addresses[0];
    let body = json!({"client_id": "c-1"}).to_string();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /register HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let wanted = format!("\"ws_url\":\"ws://{address}/ws?client_id=c-1\"");
    assert!(answer.contains(&wanted), "{answer}");
}

#[tokio::test]
async fn a_client_with_characters_of_its_own_gets_a_ws_url_that_works() {
    let server = Server::start(&[]).await;
    let client = "größe & ?=#/+ 🔥";
    let reply = register(&server.api(), json!({"client_id": client})).await;
    let session = Join::url(text(&reply, "ws_url")).open().await;
    assert_eq!(session.hello.client_id, client);
}

#[tokio::test]
async fn the_ws_url_names_the_public_address_where_one_is_set() {
    let server = Server::start(&["--set", "http.public_url=https://live.example"]).await;
    let reply = register(&server.api(), json!({"client_id": "c-1"})).await;
    assert!(
        text(&reply, "ws_url").starts_with("wss://live.example/ws?"),
        "{reply}"
    );
}

#[tokio::test]
async fn subscriber_topic_n_places_the_client_in_cluster_n() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    for cluster in [3, 1, 2] {
        let client = format!("client-{cluster}");
        let topic = format!("subscriber_topic_{cluster}");
        let reply = register(&api, json!({"client_id": client, "subscriber": topic})).await;
        assert_eq!(
            (reply["cluster"].as_u64(), text(&reply, "subscriber")),
            (Some(cluster), topic.as_str())
        );
        let mut session = Join::url(text(&reply, "ws_url")).open().await;
        assert_eq!(session.cluster, cluster);
        api.react(&reaction("fan", "🔥")).await;
        assert_eq!(session.next_frame().await.cluster, cluster);
    }
}

#[tokio::test]
async fn registering_again_may_choose_another_cluster() {
    let server = Server::start(&[]).await;
    let api = server.api();
    for cluster in [1, 2] {
        let topic = format!("subscriber_topic_{cluster}");
        let reply = register(&api, json!({"client_id": "c", "subscriber": topic})).await;
        assert_eq!(reply["cluster"], cluster);
    }
    let session = server.join().with("client_id", "c").open().await;
    assert_eq!(session.cluster, 2, "the newest registration decides");
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_422_and_named() {
    let server = Server::start(&[]).await;
    for topic in [
        "subscriber_topic_99",
        "subscriber_topic_0",
        "subscriber_topic_",
        "topic",
        "",
    ] {
        let body = json!({"client_id": "c", "subscriber": topic});
        server
            .api()
            .post("/register", &body)
            .await
            .problem_naming(422, "subscriber");
    }
    server
        .api()
        .post("/deregister", &json!({"client_id": "c"}))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_bad_client_is_422_and_named() {
    let server = Server::start(&[]).await;
    let bad = [
        json!({}),
        json!({"client_id": ""}),
        json!({"client_id": 7}),
        json!({"client_id": "c".repeat(10_000)}),
    ];
    for body in bad {
        server
            .api()
            .post("/register", &body)
            .await
            .problem_naming(422, "client_id");
    }
    server
        .api()
        .post("/deregister", &json!({}))
        .await
        .problem_naming(422, "client_id");
}

#[tokio::test]
async fn registrations_are_spread_over_the_clusters() {
    let server = Server::start(&[]).await;
    let mut placed = BTreeMap::<u64, usize>::new();
    for number in 0..9 {
        let reply = register(&server.api(), json!({"client_id": format!("c-{number}")})).await;
        *placed
            .entry(reply["cluster"].as_u64().expect("a cluster"))
            .or_default() += 1;
    }
    assert_eq!(placed, BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
}

// A lease is a promise about time itself, so these two let time pass.

#[tokio::test]
async fn a_lease_that_is_not_renewed_expires() {
    let server = Server::start(&["--set", "registry.lease=1s"]).await;
    let api = server.api();
    let reply = register(&api, json!({"client_id": "c"})).await;
    assert_eq!(reply["lease_seconds"], 1);
    sleep(Duration::from_millis(2500)).await;
    api.post("/deregister", &json!({"client_id": "c"}))
        .await
        .expect(404);
}

#[tokio::test]
async fn registering_again_renews_the_lease() {
    let server = Server::start(&["--set", "registry.lease=3s"]).await;
    let api = server.api();
    for _ in 0..3 {
        register(&api, json!({"client_id": "c"})).await;
        sleep(Duration::from_millis(1500)).await;
    }
    api.post("/deregister", &json!({"client_id": "c"}))
        .await
        .expect(200);
}
