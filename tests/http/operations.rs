//! What operators and their machines ask.

use reqwest::Method;
use serde_json::json;

use crate::support::api::Api;
use crate::support::metrics::Scrape;
use crate::support::reactions::reaction;
use crate::support::server::Server;

#[tokio::test]
async fn health_and_readiness_need_no_token_on_any_bind() {
    let server = Server::start(&[]).await;
    for address in &server.addresses {
        for path in ["/health", "/ready"] {
            let reply = Api::new(address, "").get(path).await.expect(200);
            assert!(
                reply
                    .header("content-type")
                    .is_some_and(|kind| kind.starts_with("application/json")),
                "{reply:?}"
            );
            assert!(reply.json().is_object(), "{reply:?}");
        }
    }
}

#[tokio::test]
async fn metrics_are_what_a_scraper_reads() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().cluster(1).open().await;
    api.react(&reaction("fan", "🔥")).await;
    session.until_total(1).await;
    let reply = api.get("/metrics").await.expect(200);
    let content_type = reply.header("content-type").unwrap_or_default();
    assert!(
        content_type.starts_with("text/plain; version=0.0.4"),
        "{content_type}"
    );
    let scrape = Scrape::read(&api).await;
    assert!(
        scrape
            .samples
            .iter()
            .all(|sample| sample.name.starts_with("emostream_")
                || sample.name.starts_with("process_"))
    );
    for sample in &scrape.samples {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| sample.name.strip_suffix(end));
        let typed = scrape.types.contains_key(&sample.name)
            || family.is_some_and(|name| scrape.types.contains_key(name));
        assert!(typed, "{} has no type", sample.name);
    }
    assert!(scrape.sum("emostream_sessions", "") > 0.5);
    assert!(scrape.sum("emostream_windows_total", "") > 0.5);
}

#[tokio::test]
async fn answers_are_counted_by_route_and_status_whatever_answers_them() {
    let server = Server::start(&[]).await;
    let api = server.api();
    for _ in 0..3 {
        api.react(&reaction("fan", "🔥")).await;
    }
    api.post("/emoji", &json!({})).await.expect(422);
    api.get("/emoji").await.expect(405);
    let scrape = Scrape::read(&api).await;
    for (status, num) in [("200", 3.0), ("422", 1.0), ("405", 1.0)] {
        let label = format!(r#"route="/emoji",status="{status}""#);
        let counted = scrape.sum("emostream_http_responses_total", &label);
        assert!((counted - num).abs() < 0.5, "{status}: {counted}");
    }
}

#[tokio::test]
async fn what_the_crowd_sends_makes_no_series() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    api.react(&reaction("fan", "🔥")).await;
    session.until_total(1).await;
    api.get("/warm-up").await.problem(404);
    let before = Scrape::read(&api).await.samples.len();
    let crowd: Vec<_> = ["🔥", "👏", "😀", "🥰"]
        .iter()
        .map(|emoji| reaction(&format!("fan-{emoji}"), emoji))
        .collect();
    api.react(&crowd.into()).await;
    session.until_total(5).await;
    for number in 0..20 {
        api.get(&format!("/no-such-page-{number}"))
            .await
            .problem(404);
    }
    let after = Scrape::read(&api).await.samples.len();
    // The scrape before is itself an answer on a route that had none yet; nothing else is new.
    assert!(after <= before + 2, "{before} series, then {after}");
}

#[tokio::test]
async fn health_answers_while_the_crowd_sends() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let crowd = {
        let api = api.clone();
        let batch = json!(vec![reaction("fan", "🔥"); 5000]);
        tokio::spawn(async move {
            for _ in 0..10 {
                api.react(&batch).await;
            }
        })
    };
    while !crowd.is_finished() {
        api.get("/health").await.expect(200);
        api.get("/ready").await.expect(200);
    }
    crowd.await.expect("the crowd was served");
}

#[tokio::test]
async fn the_pages_are_served_by_the_binary_under_a_strict_policy() {
    let server = Server::start(&[]).await;
    for address in &server.addresses {
        let api = Api::new(address, "");
        let page = api.get("/").await.expect(200);
        assert!(
            page.header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html")),
            "{:?}",
            page.headers
        );
        let policy = page
            .header("content-security-policy")
            .unwrap_or_else(|| panic!("{:?}", page.headers));
        assert!(
            policy.contains("default-src")
                && !policy.contains("unsafe-eval")
                && !policy.contains('*'),
            "{policy}"
        );
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        let sdk = api.get("/sdk/emostream.js").await.expect(200);
        assert!(
            sdk.header("content-type")
                .is_some_and(|kind| kind.contains("javascript")),
            "{:?}",
            sdk.headers
        );
    }
}

#[tokio::test]
async fn a_file_outside_the_pages_is_not_served() {
    let server = Server::start(&[]).await;
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/sdk/..%2f..%2fCargo.toml",
        "/%2e%2e/Cargo.toml",
    ] {
        let reply = server.api().get(path).await;
        assert!((400..500).contains(&reply.status), "{path}: {reply:?}");
    }
    server
        .api()
        .admin(Method::DELETE, "/", &json!(null))
        .await
        .problem(405);
}
