//! Every error is problem+json with a code that programs can rely on.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Reply, code, send};
use crate::support::ledger::Ledger;
use crate::support::reactions::reaction;
use crate::support::server::Server;

/// `http.max_body` unless set, in bytes.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

const JSON: &str = "application/json";

#[tokio::test]
async fn what_is_not_json_is_400() {
    let server = Server::start(&[]).await;
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "{",
        "hello",
        "{\"user_id\": }",
        "{} {}",
        "\u{feff}{}",
        deep.as_str(),
    ] {
        let reply = server.api().post_text(JSON, body.to_owned()).await;
        reply.problem(400);
    }
    server
        .api()
        .post_text(JSON, vec![0xff_u8, 0xfe, 0x00])
        .await
        .problem(400);
}

#[tokio::test]
async fn every_route_with_a_body_answers_bad_json_alike() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let bad = |method: Method, path: &str| {
        let request = api
            .request(method, path)
            .bearer_auth(crate::support::server::TOKEN);
        send(request.header("content-type", JSON).body("{"))
    };
    let mut codes = BTreeSet::new();
    for path in ["/emoji", "/register", "/deregister", "/admin/clusters"] {
        codes.insert(code(&bad(Method::POST, path).await.problem(400)).to_owned());
    }
    codes.insert(code(&bad(Method::PATCH, "/admin/clusters/1").await.problem(400)).to_owned());
    assert_eq!(codes.len(), 1, "{codes:?}");
}

#[tokio::test]
async fn a_query_that_names_a_parameter_twice_is_400() {
    let server = Server::start(&[]).await;
    for path in [
        "/streams/main/windows?limit=1&limit=2",
        "/ws?since=1&since=2",
    ] {
        let reply = send(server.api().request(Method::GET, path)).await;
        assert_eq!(code(&reply.problem(400)), "bad_query");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_counts_nothing() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let one = reaction("fan", "🔥").to_string();
    let padded = |length: usize| format!("{one}{}", " ".repeat(length - one.len()));
    api.post_text(JSON, padded(LARGEST_BODY + 1))
        .await
        .problem(413);
    assert_eq!(Ledger::read(&api).await.sum.accepted, 0);
    api.post_text(JSON, padded(LARGEST_BODY)).await.expect(200);
    assert_eq!(Ledger::settled(&api, 1).await.sum.accepted, 1);
}

#[tokio::test]
async fn the_limit_of_a_body_is_a_setting() {
    let server = Server::start(&["--set", "http.max_body=1KiB"]).await;
    let long = json!({"client_id": "c".repeat(2000)});
    for path in ["/emoji", "/register", "/deregister"] {
        server.api().post(path, &long).await.problem(413);
    }
}

#[tokio::test]
async fn another_media_type_is_415() {
    let server = Server::start(&[]).await;
    let body = reaction("fan", "🔥").to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/jsonp",
    ] {
        server
            .api()
            .post_text(kind, body.clone())
            .await
            .problem(415);
    }
    let untyped = server.api().request(Method::POST, "/emoji").body(body);
    send(untyped).await.problem(415);
}

#[tokio::test]
async fn a_route_that_does_not_exist_is_404() {
    let server = Server::start(&[]).await;
    let api = server.api();
    for path in [
        "/nowhere",
        "/emoji/",
        "/streams/main",
        "/admin",
        "/streams//windows",
    ] {
        api.get(path).await.problem(404);
    }
    api.post("/nowhere", &json!({})).await.problem(404);
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_405_and_names_those_it_has() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let wrong = [
        (Method::GET, "/emoji", "POST"),
        (Method::PUT, "/emoji", "POST"),
        (Method::GET, "/register", "POST"),
        (Method::DELETE, "/deregister", "POST"),
        (Method::POST, "/streams/main/totals", "GET"),
        (Method::POST, "/streams/main/windows", "GET"),
        (Method::PUT, "/admin/clusters", "POST"),
        (Method::POST, "/admin/clusters/1", "PATCH"),
        (Method::POST, "/admin/ledger", "GET"),
        (Method::POST, "/health", "GET"),
        (Method::POST, "/ready", "GET"),
        (Method::POST, "/metrics", "GET"),
        (Method::POST, "/openapi.json", "GET"),
    ];
    for (method, path, allowed) in wrong {
        let reply = api.admin(method.clone(), path, &json!({})).await;
        let allow = reply.header("allow").unwrap_or_default().to_owned();
        assert!(allow.contains(allowed), "{method} {path}: Allow: {allow}");
        reply.problem(405);
    }
}

#[tokio::test]
async fn whatever_can_be_read_can_be_asked_for_by_its_head() {
    let server = Server::start(&[]).await;
    let api = server.api();
    api.react(&reaction("a", "🔥")).await;
    for path in [
        "/health",
        "/ready",
        "/metrics",
        "/",
        "/sdk/emostream.js",
        "/streams/main/totals",
        "/admin/clusters",
    ] {
        let get = api.admin(Method::GET, path, &json!(null)).await.expect(200);
        let head = api
            .admin(Method::HEAD, path, &json!(null))
            .await
            .expect(200);
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
    api.admin(Method::HEAD, "/emoji", &json!(null))
        .await
        .expect(405);
}

#[tokio::test]
async fn each_kind_of_error_has_a_code_of_its_own_that_stays() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let mut codes = Vec::new();
    for _ in 0..2 {
        let replies: [(u16, Reply); 6] = [
            (400, api.post_text(JSON, "{").await),
            (404, api.get("/nowhere").await),
            (405, api.get("/emoji").await),
            (413, api.post_text(JSON, " ".repeat(LARGEST_BODY + 1)).await),
            (415, api.post_text("text/plain", "🔥").await),
            (422, api.post("/emoji", &reaction("fan", "fire")).await),
        ];
        let round: Vec<_> = replies
            .into_iter()
            .map(|(status, reply)| code(&reply.problem(status)).to_owned())
            .collect();
        codes.push(round);
    }
    assert_eq!(codes[0], codes[1]);
    assert_eq!(
        codes[0].iter().collect::<BTreeSet<_>>().len(),
        codes[0].len(),
        "{codes:?}"
    );
}

#[tokio::test]
async fn an_error_never_repeats_what_was_sent() {
    let server = Server::start(&[]).await;
    let marker = "<script>marker</script>";
    let bodies = [
        json!({"user_id": "fan", "emoji_type": marker, "timestamp": "2024-11-19T23:06:51"}),
        json!({"user_id": "fan", "emoji_type": "🔥", "timestamp": marker}),
        json!({"user_id": "fan", "emoji_type": "🔥", "timestamp": "2024-11-19T23:06:51", "stream": marker}),
        json!(marker),
    ];
    for body in bodies {
        let problem = server.api().post("/emoji", &body).await.problem(422);
        assert!(!problem.to_string().contains("<script>"), "{problem}");
    }
}

#[tokio::test]
async fn duplicate_keys_are_not_silently_resolved() {
    let server = Server::start(&["--window", "100ms"]).await;
    let body =
        r#"{"user_id":"u","emoji_type":"🔥","emoji_type":"👏","timestamp":"2024-11-19T23:06:51"}"#;
    let reply = server.api().post_text(JSON, body).await;
    assert!([400, 422].contains(&reply.status), "{reply:?}");
    let status = reply.status;
    assert_ne!(reply.problem(status), Value::Null);
}
