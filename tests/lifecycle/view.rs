//! `emostream view` with its output in a pipe: what it writes, whom it waits for, and how it ends.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use crate::support::reactions::bulk;
use crate::support::server::{Server, TOKEN};
use crate::support::viewer::Viewer;
use crate::support::wait::{PATIENCE, wait_for};

const WINDOW: &[&str] = &["--window", "100ms"];

async fn start_on(address: &str) -> Server {
    let args = ["--bind", address, "--admin-token", TOKEN];
    Server::start_with(&[&args, WINDOW].concat()).await
}

fn watch(address: &str, more: &[&str]) -> Viewer {
    let url = format!("http://{address}");
    Viewer::start(&[&["--url", &url], more].concat())
}

/// From then on every reaction comes as a line.
async fn until_watched(server: &Server) {
    let api = server.api();
    let sessions = async || api.all_sessions().await;
    wait_for("a session", PATIENCE, sessions, |number| *number == 1).await;
}

#[tokio::test]
async fn every_reaction_stands_in_one_line_of_a_window() {
    let server = Server::start(WINDOW).await;
    let mut viewer = watch(&server.addresses[1], &[]);
    until_watched(&server).await;
    let api = server.api();
    for _ in 0..5 {
        api.react(&bulk("main", "🔥", 40).into()).await;
        api.react(&bulk("main", "😀", 2).into()).await;
    }
    let lines = viewer.until_total(210).await;
    let sum = |emoji: &str| {
        let counts = lines.iter().filter_map(|line| line.counts.get(emoji));
        counts.sum::<u64>()
    };
    assert_eq!((sum("🔥"), sum("😀")), (200, 10));
    assert!(
        lines.is_sorted_by(|one, next| one.seq < next.seq),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .all(|line| line.stream == "main" && line.time.ends_with('Z'))
    );
    viewer.terminate();
    assert_eq!(viewer.ended().await.code(), Some(0));
    assert_eq!(viewer.complaint().await, None);
}

#[tokio::test]
async fn a_viewer_waits_for_a_node_and_comes_back_after_its_restart() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("its address").to_string();
    drop(port);
    let mut viewer = watch(&address, &[]);
    let complaint = viewer.complaint().await.expect("it says why it waits");
    let names = [address.as_str(), "`emostream` starts one"];
    assert!(
        names.iter().all(|name| complaint.contains(name)),
        "{complaint}"
    );

    let mut first = start_on(&address).await;
    until_watched(&first).await;
    first.api().react(&bulk("main", "🔥", 7).into()).await;
    viewer.until_total(7).await;
    first.terminate();
    assert_eq!(first.ended(Duration::from_secs(11)).await.code(), Some(0));

    let second = start_on(&address).await;
    until_watched(&second).await;
    second.api().react(&bulk("main", "👏", 5).into()).await;
    viewer.until_total(5).await;
}

#[tokio::test]
async fn once_ends_after_one_window_and_json_is_one_object() {
    let server = Server::start(WINDOW).await;
    let mut viewer = watch(
        &server.addresses[0],
        &["--once", "--json", "--stream", "final"],
    );
    until_watched(&server).await;
    server.api().react(&bulk("final", "🔥", 3).into()).await;
    let line = viewer.text().await.expect("one window");
    let window: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(window["stream"], "final", "{line}");
    for field in ["seq", "span", "start_ms", "end_ms", "total"] {
        assert!(window[field].is_u64(), "{field} in {line}");
    }
    assert!(window["counts"].is_array(), "{line}");
    assert_eq!(viewer.text().await, None);
    assert_eq!(viewer.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_closed_pipe_is_a_quiet_end() {
    let server = Server::start(WINDOW).await;
    let mut viewer = watch(&server.addresses[0], &[]);
    until_watched(&server).await;
    viewer.close_pipe();
    server.api().react(&bulk("main", "🔥", 3).into()).await;
    assert_eq!(viewer.ended().await.code(), Some(0));
    assert_eq!(viewer.complaint().await, None);
}

#[tokio::test]
async fn a_stream_that_the_node_refuses_ends_the_viewer_with_the_reason() {
    let server = Server::start(&["--set", "streams.max=1"]).await;
    server.api().react(&bulk("main", "🔥", 1).into()).await;
    let mut viewer = watch(&server.addresses[0], &["--stream", "final"]);
    assert_eq!(viewer.ended().await.code(), Some(78));
    let complaint = viewer.complaint().await.expect("the reason");
    assert!(complaint.contains("refuses a session: "), "{complaint}");
}
