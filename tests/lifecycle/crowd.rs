//! `emostream bench --crowd` at a node: people come and go, all of it adds up, and nobody stays registered.

use std::net::TcpListener;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::crowd::Crowd;
use crate::support::reactions::bulk;
use crate::support::server::Server;
use crate::support::wait::{PATIENCE, wait_for};

/// Twenty people who are never long at one place.
const LIVELY: &[&str] = &[
    "--people", "20", "--rate", "10", "--stay", "500ms", "--away", "200ms",
];

fn crowd(server: &Server, more: &[&str]) -> Crowd {
    let url = format!("http://{}", server.addresses[1]);
    Crowd::start(&[LIVELY, &["--url", &url], more].concat())
}

fn report(output: &Output) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complaint}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

async fn start() -> Server {
    Server::start(&["--window", "100ms"]).await
}

#[tokio::test]
async fn a_crowd_that_comes_and_goes_adds_up_exactly_and_leaves_nobody_behind() {
    let server = start().await;
    let api = server.api();
    api.react(&bulk("main", "🔥", 7).into()).await;
    let counted = async || api.get("/streams/main/totals").await.json()["total"].clone();
    wait_for("those before", PATIENCE, counted, |total| *total == 7).await;

    let output = crowd(&server, &["--duration", "3s"]).ended().await;
    let report = report(&output);
    let ledger = &report["ledger"];
    let accepted = ledger["accepted"].as_u64().expect("a number");
    assert!(accepted > 0, "{report}");
    assert_eq!(ledger["before"], 7, "{report}");
    assert_eq!(ledger["counted"], accepted, "{report}");
    assert_eq!(ledger["after"], 7 + accepted, "{report}");
    assert_eq!(
        ledger["watchers"],
        json!({"agree": 20, "differ": 0, "behind": 0}),
        "{report}"
    );
    let counts = &report["figures"]["counts"];
    assert!(counts["returns"].as_u64() > Some(0), "{report}");
    assert_eq!(report["troubles"], json!([]), "{report}");

    assert_eq!(counted().await, 7 + accepted);
    for number in 0..20 {
        let name = json!({"client_id": format!("crowd-{number}")});
        api.post("/deregister", &name).await.expect(404);
    }
}

#[tokio::test]
async fn two_crowds_at_one_stream_agree_with_the_node() {
    let server = start().await;
    let first = crowd(&server, &["--duration", "2s"]);
    let second = crowd(&server, &["--duration", "2s", "--users", "others"]);
    let (first, second) = tokio::join!(first.ended(), second.ended());
    for output in [first, second] {
        let report = report(&output);
        assert_eq!(report["ledger"]["watchers"]["agree"], 20, "{report}");
        assert_eq!(report["ledger"]["adds_up"], true, "{report}");
    }
}

#[tokio::test]
async fn a_signal_ends_a_crowd_with_its_check() {
    let server = start().await;
    let crowd = crowd(&server, &[]);
    let api = server.api();
    let sessions = async || api.all_sessions().await;
    wait_for("somebody is here", PATIENCE, sessions, |number| *number > 0).await;
    crowd.interrupt();
    let report = report(&crowd.ended().await);
    assert_eq!(report["ledger"]["adds_up"], true, "{report}");
}

#[tokio::test]
async fn without_a_node_it_says_what_to_do() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("its address").to_string();
    drop(port);
    let url = format!("http://{address}");
    let output = Crowd::start(&["--url", &url]).ended().await;
    assert_eq!(output.status.code(), Some(78));
    let complaint = String::from_utf8_lossy(&output.stderr);
    for words in [address.as_str(), "`make run`", "--wait"] {
        assert!(complaint.contains(words), "{words} in {complaint}");
    }
}

#[tokio::test]
async fn limits_are_kept_to_and_add_up_all_the_same() {
    let server = Server::start(&["--window", "100ms", "--set", "limits.user=2/s"]).await;
    let output = crowd(&server, &["--duration", "2s"]).ended().await;
    let report = report(&output);
    let counts = &report["figures"]["counts"];
    assert!(counts["limited"].as_u64() > Some(0), "{report}");
    assert_eq!(report["ledger"]["counted"], counts["accepted"], "{report}");
}
